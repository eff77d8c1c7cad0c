"""What a caller of the library wants run: operation, ids, options, and where the record is kept."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from orchestrator._version import __version__
from orchestrator.engine import directory as directories
from orchestrator.engine.account import RunInfo
from orchestrator.engine.lock import hold
from orchestrator.engine.options import RunOptions
from orchestrator.engine.source import collect, collect_async
from orchestrator.errors import InputError, RecordUnusableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from orchestrator.engine.directory import Identity, Opened
    from orchestrator.engine.events import Observer
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.source import Items

Ids: TypeAlias = Iterable[str] | AsyncIterable[str]
Directory: TypeAlias = str | os.PathLike[str]


@runtime_checkable
class Placed(Protocol):
    """An operation that says where it acts: a record made there is not resumed elsewhere."""

    @property
    def endpoint(self) -> str:
        """The service's address."""

    @property
    def project_id(self) -> str:
        """The project, or another part of the service that has ids of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undertaking:
    """One run, not begun: nothing is read or opened before its methods are called."""

    operation: BulkOperation
    ids: Ids
    options: RunOptions = field(default_factory=RunOptions)
    record: Directory | None = None
    observers: Sequence[Observer] = ()
    name: str = ""
    reason: str = ""

    async def read_ids(self) -> Items:
        """The ids, read to the end. Raises `InputError`, `GuardError`."""
        if isinstance(self.ids, AsyncIterable):
            return await collect_async(self.ids)
        return collect(self.ids)

    def info(self) -> RunInfo:
        """What this run is, if it is a new one."""
        operation = self.operation
        placed = operation if isinstance(operation, Placed) else None
        return RunInfo(
            run_id=uuid.uuid4().hex,
            name=self.name or operation.name,
            operation=operation.name,
            reason=self.reason,
            endpoint=placed.endpoint if placed else "",
            project_id=placed.project_id if placed else "",
        )

    def open(self, directory: Path, items: Items, kept: ExitStack) -> Opened:
        """Hold the directory and open the record in it, or make one; `kept` lets go of both. Blocks for the disk.

        Raises `InputError` where the record is of another run, `DirectoryBusyError`, `RecordUnusableError`.
        """
        info = self.info()
        identity = directories.Identity(
            input=items.digest, operation=info.operation, project_id=info.project_id, endpoint=info.endpoint
        )
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordUnusableError(f"{directory}: {error.strerror}; choose another directory") from error
        kept.enter_context(hold(directory))
        opened = directories.open_existing(directory)
        if opened is None:
            opened = directories.create(directory, identity=identity, info=info, items=items, job=self._job(info))
        kept.callback(opened.record.close)
        _require_same(opened, identity, directory)
        return opened

    def _job(self, info: RunInfo) -> dict[str, Any]:
        """What was asked for, in the job file's words."""
        return {
            "name": info.name,
            "operation": info.operation,
            "reason": info.reason,
            "service": {"endpoint": info.endpoint, "project_id": info.project_id},
            **asdict(self.options),
            "library": __version__,
        }


def _require_same(opened: Opened, identity: Identity, directory: Path) -> None:
    differences = identity.differences(opened.identity)
    if differences:
        raise InputError(
            f"{directory} holds the record of another run ({opened.info.name}, {opened.info.run_id}): "
            f"{'; '.join(differences)}. Give this run a record directory of its own"
        )
