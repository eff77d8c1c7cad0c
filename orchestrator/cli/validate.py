"""`orchestrator validate`: the job file and its id list, checked offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.errors import InputError
from orchestrator.report.harmless import one_line

if TYPE_CHECKING:
    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.engine.account import InputCounts

MAX_LINE: Final = 300


def validate(settings: Settings, console: Console) -> int:
    """Say `ok` with counts, or raise `InputError` with every problem; nothing is ever sent."""
    from orchestrator.job.build import read_items
    from orchestrator.job.loader import load_job

    if settings.job is None:
        raise InputError("no job file was named; write: orchestrator validate JOB.yaml")
    spec = load_job(settings.job, overrides=settings.overrides, environ=console.environ)
    if not spec.tasks.ids and spec.tasks.file is None:
        console.say(f"ok: {settings.job}: its ids come from the service\n")
        return 0
    items = read_items(spec, console.stdin_bytes)
    share = "" if items.shard is None else f", the share of shard {items.shard.index} of {items.shard.count}"
    console.say(f"ok: {settings.job}: {describe_counts(items.counts)}{share}\n")
    for line in items.malformed:
        console.say(f"skipped: {one_line(line, MAX_LINE)}\n")
    return 0


def describe_counts(counts: InputCounts) -> str:
    """`5,000 unique ids (5,010 in the input: 8 duplicate, 2 malformed)`."""
    aside = ", ".join(
        f"{number:,} {word}"
        for number, word in (
            (counts.duplicates, "duplicate"),
            (counts.malformed, "malformed"),
            (counts.excluded, "excluded"),
        )
        if number
    )
    ids = "id" if counts.unique == 1 else "ids"
    return f"{counts.unique:,} unique {ids}" + (f" ({counts.input:,} in the input: {aside})" if aside else "")
