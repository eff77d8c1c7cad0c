"""`orchestrator undo`: restart exactly what a recorded run stopped, through the same engine, with its own account."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from orchestrator.cli.recorded import Recorded, read_recorded
from orchestrator.cli.run import Command
from orchestrator.cli.signals import states_ignored
from orchestrator.cli.verify import require_service, spec_of
from orchestrator.engine import directory as directories
from orchestrator.engine.account import InputCounts
from orchestrator.engine.ids import PackedIds, sorted_texts
from orchestrator.engine.lock import hold
from orchestrator.engine.model import Ending, Outcome
from orchestrator.engine.source import Items
from orchestrator.errors import InputError, RecordUnusableError

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings

SUBDIRECTORY = "undo"
MAX_NAME = 63


def undo(settings: Settings, console: Console) -> int:
    """Restart the tasks that came to `stopped`; returns the exit code of that run.

    Raises `InputError` where there is nothing to undo, and what ends a run before it has an account.
    """
    if settings.directory is None:
        raise TypeError("the parser lets no undo through without a directory")
    recorded = read_recorded(settings.directory)
    _require_undoable(recorded)
    target = settings.directory / SUBDIRECTORY
    name = f"{recorded.info.name[: MAX_NAME - 5]}-undo"
    spec = spec_of(recorded, settings, operation="restart", name=name)
    spec = spec.model_copy(update={"output": spec.output.model_copy(update={"dir": target})})
    items = stopped_items(recorded)
    with hold(settings.directory), states_ignored():
        try:
            target.mkdir(exist_ok=True)
        except OSError as error:
            raise RecordUnusableError(f"{target}: {error.strerror}; the record of the undo goes there") from error
        with hold(target):
            _require_own(target, items, settings)
            command = Command(settings, console, spec, settings.directory, target, verb="undo")
            return asyncio.run(command.run(items))


def stopped_items(recorded: Recorded) -> Items:
    """The tasks that this run stopped. The digest tells apart the undoing of two runs, even of the same tasks."""
    ledger, ending = recorded.run.ledger, recorded.run.history.ending or Ending.INTERRUPTED
    ids = PackedIds(
        item_id for item, item_id in enumerate(recorded.items.ids) if ledger.outcome(item, ending) is Outcome.DONE
    )
    digest = hashlib.sha256(f"undo of {recorded.info.run_id}\n".encode())
    for texts in sorted_texts(ids):
        digest.update("\n".join([*texts, ""]).encode())
    return Items(
        ids=ids,
        counts=InputCounts(input=len(ids), unique=len(ids)),
        stated=digest.hexdigest(),
    )


def _require_undoable(recorded: Recorded) -> None:
    if recorded.info.operation != "stop":
        raise InputError(
            f"{recorded.directory} is of a run that was to {recorded.info.operation} tasks: only stopping can be undone"
        )
    require_service(recorded)


def _require_own(target: Path, items: Items, settings: Settings) -> None:
    """Raise `InputError` where an undo of another run, or of other tasks, stands in the way."""
    if settings.fresh:
        return
    opened = directories.open_existing(target)
    if opened is None:
        return
    opened.record.close()
    if opened.identity.input() != items.stated:
        raise InputError(
            f"{target} holds the record of another undo ({opened.info.run_id}): of another run, or before this run "
            "stopped more; --fresh keeps it under a dated name and starts over (tasks that run already are left alone)"
        )
