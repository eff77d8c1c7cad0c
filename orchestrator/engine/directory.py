"""An output directory and its record: opened, made, put aside; it belongs to one run."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator._version import __version__
from orchestrator.engine.account import InputCounts, RunInfo, ShardCounts
from orchestrator.engine.record import Record
from orchestrator.engine.source import Items
from orchestrator.errors import InputError, RecordUnusableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "run.db"
SIMULATED = "simulator"  # stands for the endpoint of a service that lives and dies with the process


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What makes two runs the same: resuming is right only where all of it is equal."""

    input: Callable[[], str]  # what tells the set of ids from others
    operation: str
    project_id: str
    endpoint: str

    def differences(self, other: Identity) -> list[str]:
        """What differs, in words, `other` being what the record says."""
        found = [
            f"{name}: {getattr(self, key)} here, {getattr(other, key)} there"
            for key, name in (("operation", "operation"), ("project_id", "project"), ("endpoint", "endpoint"))
            if getattr(self, key) != getattr(other, key)
        ]
        if self.input() != other.input():
            found.insert(0, "the input is another set of ids, or another selection")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A record with what it says of its run: `info` and `items` are the record's, not today's."""

    record: Record
    info: RunInfo
    items: Items
    identity: Identity


def open_existing(directory: Path, *, write: bool = True) -> Opened | None:
    """The record in `directory`; None if there is none. Raises `RecordUnusableError`."""
    path = directory / NAME
    if not path.exists():
        return None
    record = Record.open(path, write=write)
    try:
        return _read(record)
    except BaseException:
        record.close()
        raise


def create(directory: Path, *, identity: Identity, info: RunInfo, items: Items, job: dict[str, Any]) -> Opened:
    """Make the record of a new run; whole, or not at all. Raises `RecordUnusableError`."""
    path, unfinished = directory / NAME, directory / f"{NAME}.new"
    meta = {
        "info": {name: getattr(info, name) for name in RunInfo.__slots__},
        "identity": {name: getattr(identity, name) for name in Identity.__slots__} | {"input": items.stated},
        "counts": {name: getattr(items.counts, name) for name in InputCounts.__slots__},
        "malformed": list(items.malformed),
        "shard": {name: getattr(items.shard, name) for name in ShardCounts.__slots__} if items.shard else None,
        "job": job,
        "versions": {"orchestrator": __version__, "Python": platform.python_version()},
    }
    try:
        for leftover in (unfinished, directory / f"{NAME}.new-journal"):
            leftover.unlink(missing_ok=True)  # of a process that died while making it; nothing was sent then
        Record.create(unfinished, meta=meta, ids=items.ids).close()
        unfinished.rename(path)
        _sync(directory)
    except OSError as error:
        raise RecordUnusableError(
            f"{path}: {error.strerror}; the record must be written before anything is sent"
        ) from error
    return Opened(record=Record.open(path), info=info, items=items, identity=identity)


def _sync(directory: Path) -> None:
    """Make a renaming in `directory` last through a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_aside(directory: Path, *, now: float) -> Path | None:
    """Give the record that is there a dated name and return it; None if there is none. Raises `RecordUnusableError`."""
    path = directory / NAME
    if not path.exists():
        return None
    with contextlib.suppress(
        RecordUnusableError
    ):  # what a crash left half done is rolled back first, if it can be read
        Record.open(path).close()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    aside, number = directory / f"run-{stamp}.db", 1
    while aside.exists():
        number += 1
        aside = directory / f"run-{stamp}-{number}.db"
    try:
        path.rename(aside)
        journal = directory / f"{NAME}-journal"
        if journal.exists():
            journal.rename(aside.with_name(f"{aside.name}-journal"))
    except OSError as error:
        raise RecordUnusableError(f"{path}: {error.strerror}; it could not be renamed to {aside.name}") from error
    return aside


def discard_simulated(directory: Path, opened: Opened | None) -> Opened | None:
    """Remove the record of a simulated run: its service died with it. Others are returned as they are."""
    if opened is None or opened.identity.endpoint != SIMULATED:
        return opened
    opened.record.close()
    (directory / NAME).unlink()
    return None


def require_same(opened: Opened, identity: Identity, directory: Path) -> None:
    """Raise `InputError`, saying what differs, unless the record is of this very run."""
    differences = identity.differences(opened.identity)
    if differences:
        raise InputError(
            f"{directory} holds the record of another run ({opened.info.name}, {opened.info.run_id}): "
            f"{'; '.join(differences)}. Give this run another --output, or --fresh to keep the old record "
            "under a dated name and start over"
        )


def _read(record: Record) -> Opened:
    meta, ids = record.meta, record.ids()
    try:
        items = Items(
            ids=ids,
            counts=InputCounts(**meta["counts"]),
            stated=meta["identity"]["input"],
            shard=ShardCounts(**meta["shard"]) if meta["shard"] else None,
            malformed=tuple(meta["malformed"]),
        )
        info, identity = RunInfo(**meta["info"]), Identity(**meta["identity"] | {"input": items.digest})
    except (KeyError, TypeError) as error:
        raise RecordUnusableError(
            f"{record.path}: the record lacks what belongs to every run ({error}); nothing was changed; "
            "use another output.dir, or --fresh"
        ) from error
    if len(ids) != items.counts.unique:
        raise RecordUnusableError(
            f"{record.path}: {len(ids)} ids where there should be {items.counts.unique}; the file is damaged; "
            "nothing was changed; restore it, or start over with --fresh"
        )
    return Opened(record=record, info=info, items=items, identity=identity)
