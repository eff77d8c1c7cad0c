"""The lock on an output directory: one runner at a time, and a word on who it is.

An advisory lock of the operating system on `run.lock`: a process that dies, however it dies, lets go of it at once. On
a network volume the file server keeps the lock of a node that vanished until its lease ends (for NFS some 90 seconds).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.errors import DirectoryBusyError, RecordUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "run.lock"
MODE = 0o600
MAX_WORDS = 4096  # bytes read of what another holder wrote


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Hold `directory` for the block.

    Raises `DirectoryBusyError`, naming the holder, when another process (or another run of this one) has it, and
    `RecordUnusableError` where no lock can be made.
    """
    path = directory / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
    except OSError as error:
        raise RecordUnusableError(f"{path}: {error.strerror}; the output directory must be writable") from error
    try:
        _lock(descriptor, path)
        _write(descriptor, {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()})
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)  # nobody holds it; the file stays, for removing it would race with a taker
    finally:
        os.close(descriptor)


@contextmanager
def share(directory: Path) -> Iterator[None]:
    """Keep runners out of `directory` while its record is read; any number of readers, and no right to write needed.

    Raises `DirectoryBusyError`, naming the holder, while a run holds it.
    """
    path = directory / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # no lock, or none that this user may see: the record itself will tell
        yield
        return
    try:
        _lock(descriptor, path, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, kind: int = fcntl.LOCK_EX) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DirectoryBusyError(
            f"{path.parent} is held by {_holder(descriptor)}: one runner at a time; "
            "wait until it ends, or give this run another --output"
        ) from error
    except OSError as error:
        raise RecordUnusableError(
            f"{path}: {error.strerror}; this file system cannot lock files, use another one"
        ) from error


def _holder(descriptor: int) -> str:
    try:
        words = json.loads(os.pread(descriptor, MAX_WORDS, 0))
        return f"process {words['pid']} on {words['host']} since {words['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process (it has not said which yet)"


def _write(descriptor: int, words: dict[str, object]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(words).encode() + b"\n", 0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
