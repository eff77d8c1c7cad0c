"""A run that was recorded, read without touching its directory: what `report`, `verify` and `undo` begin with."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.operations.delete import DeleteMigrationTasks
from orchestrator.dcs.operations.restart import RestartMigrationTasks
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine import directory as directories
from orchestrator.engine.lock import share
from orchestrator.engine.runner import Run
from orchestrator.errors import InputError, RecordUnusableError
from orchestrator.job.spec import STOP_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.dcs.wire import Request
    from orchestrator.engine.account import Report, RunInfo
    from orchestrator.engine.directory import Identity
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.source import Items

NOWHERE = "http://127.0.0.1"  # of a client that never asks anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the record says. `run` is folded from it and is not to be executed."""

    directory: Path
    info: RunInfo
    items: Items
    identity: Identity
    job: dict[str, Any]  # as it was resolved then
    run: Run
    report: Report

    @property
    def is_simulated(self) -> bool:
        """Whether its service lived inside the run's own process."""
        return self.identity.endpoint == directories.SIMULATED


def read_recorded(directory: Path) -> Recorded:
    """Read the record in `directory`, which may be read-only.

    Raises `InputError` where there is none, `RecordUnusableError` where it cannot be read, `DirectoryBusyError` while
    a run holds it.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; name the output.dir of a run")
    with share(directory), reading(directory) as opened:
        job = opened.record.meta.get("job") or {}
        operation = words_of(opened.info.operation, job)
        run = Run(operation, opened.items, info=opened.info, record=opened.record)
        return Recorded(
            directory=directory,
            info=opened.info,
            items=opened.items,
            identity=opened.identity,
            job=job,
            run=run,
            report=run.report(),
        )


def words_of(operation: str, job: dict[str, Any]) -> BulkOperation:
    """The operation as far as it has to do with words and meanings: asked for anything else, it fails."""
    client = DcsClient(project_id="none", endpoint=NOWHERE, transport=_Sealed())
    match operation:
        case "stop":
            states = job.get("tasks", {}).get("stop_states") or STOP_STATES
            return StopMigrationTasks(client, stop_states=states)
        case "restart":
            return RestartMigrationTasks(client)
        case "delete":
            return DeleteMigrationTasks(client)
        case _:
            raise RecordUnusableError(
                f"the record is of an operation that this version does not know ({operation}); use the version, or the "
                "program, that wrote it"
            )


@contextlib.contextmanager
def reading(directory: Path) -> Iterator[directories.Opened]:
    """The record, opened for reading; a copy of it where a crash left something to be rolled back.

    Raises `InputError` where there is none, `RecordUnusableError` where it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        source = directory
        if (directory / f"{directories.NAME}-journal").exists():
            source = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchestrator-")))
            _copy(directory, source)
        opened = directories.open_existing(source, write=source is not directory)
        if opened is None:
            raise InputError(f"{directory}: no {directories.NAME} in it; name the output.dir of a run")
        stack.callback(opened.record.close)
        yield opened


def _copy(directory: Path, target: Path) -> None:
    for name in (directories.NAME, f"{directories.NAME}-journal"):
        try:
            shutil.copyfile(directory / name, target / name)
            (target / name).chmod(0o600)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RecordUnusableError(
                f"{directory / name}: {error.strerror}; it could not be copied to be read"
            ) from error


class _Sealed:
    """A transport that leads nowhere."""

    async def send(self, request: Request, *, url: str) -> NoReturn:
        raise RuntimeError(f"a record is read, nobody is asked: {request.api} was to be sent to {url}")

    async def aclose(self) -> None:
        """Nothing is open."""
