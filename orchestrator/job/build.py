"""A checked job made into what the engine takes: options and ids."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from orchestrator.engine.options import (
    LimitOptions,
    PaceOptions,
    PollOptions,
    RetryOptions,
    RunOptions,
    SubmitOptions,
)
from orchestrator.engine.source import MAX_IDS, Items, read_ids

if TYPE_CHECKING:
    from orchestrator.job.spec import JobSpec


def run_options(spec: JobSpec) -> RunOptions:
    """The engine's options for one run."""
    return RunOptions(
        submit=SubmitOptions(**dict(spec.submit)),
        retry=RetryOptions(**dict(spec.retry)),
        poll=PollOptions(**dict(spec.poll)),
        limits=LimitOptions(**dict(spec.limits)),
    )


def pace_options(spec: JobSpec) -> PaceOptions:
    """The user's ceiling; it belongs to the client."""
    return PaceOptions(**dict(spec.pace))


def read_items(spec: JobSpec, stdin: IO[bytes] | None = None) -> Items:
    """The ids that the job names, checked.

    Raises:
        InputError: With every bad line, or because there is no id at all.
        GuardError: More ids than can be held; `limits.max_tasks` is the run's own guard.

    """
    tasks = spec.tasks
    return read_ids(
        inline=tasks.ids,
        file=tasks.file,
        stdin=stdin,
        exclude=tasks.exclude,
        malformed=tasks.malformed,
        shard=spec.share,
        max_ids=max(MAX_IDS, spec.limits.max_tasks),
        inline_place=spec.place("ids"),
        exclude_place=spec.place("exclude"),
    )
