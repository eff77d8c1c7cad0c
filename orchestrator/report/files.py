"""Writes the account's files so that a reader never sees half a file: temporary name, sync, rename."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING, TextIO

from orchestrator.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from orchestrator.engine.account import Report

SUMMARY = "summary.json"
TABLE = "tasks.csv"
PAGE = "report.html"
RECORD = "run.db"
BUFFER = 1 << 20  # bytes; a table of a million rows is some 150 MB
MODE = 0o666  # the umask takes from it what it takes

REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EROFS: "the file system is read-only: choose another output.dir",
    errno.EACCES: "permission denied: make the directory writable, or choose another output.dir",
    errno.EPERM: "not permitted: make the directory writable, or choose another output.dir",
    errno.EISDIR: "a directory is in the way: move it",
    errno.ENOTDIR: "a part of the path is not a directory: choose another output.dir",
    errno.ENOTEMPTY: "a directory is in the way: move it",
}


def write_account(
    report: Report,
    directory: Path,
    formats: Collection[str],
    *,
    page: bool = True,
    command: str | None = None,
) -> list[Path]:
    """Write the account into `directory`: `summary.json`, `tasks.csv`, and last (unless not `page`) `report.html`.

    Args:
        report: the account; it is checked before anything is written.
        directory: made where it is missing.
        formats: which of `json`, `csv`, `html` are wanted.
        page: False leaves the page out (a signal came: there is no time for it).
        command: what follows `orchestrator` in the command that made this run, for a shell; the page repeats it.

    Returns the paths written, in that order. Raises `AccountError` when the account does not close,
    `RecordError` when a file cannot be written: what stood there before still stands.

    """
    report.check()
    with _explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
    written = []
    for form, name, render in _renderers(report, directory, command):
        if form in formats and (page or form != "html"):
            _sweep(directory, name)
            written.append(write_atomically(directory / name, render))
    return written


def write_atomically(target: Path, render: Callable[[TextIO], None]) -> Path:
    """Let `render` write a new file and put it in the place of `target`; a link there is replaced, not followed.

    Raises `RecordError` with the path and the remedy; nothing is left over then.
    """
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    with _explained(target):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
            # newline="": the table's writer ends its own lines. A lone surrogate in a foreign text
            # must not fail the file.
            with open(  # noqa: PTH123 - a descriptor, not a path
                descriptor, "w", buffering=BUFFER, encoding="utf-8", errors="backslashreplace", newline=""
            ) as stream:
                render(stream)
                stream.flush()
                os.fsync(descriptor)
            os.replace(temporary, target)  # noqa: PTH105 - the pair of calls reads as one
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_directory(target.parent)
    return target


def _renderers(
    report: Report, directory: Path, command: str | None
) -> Iterator[tuple[str, str, Callable[[TextIO], None]]]:
    """Format, file name and writer, in the order of writing; each imported when its turn comes."""
    from orchestrator.report.summary import write_summary

    yield "json", SUMMARY, lambda stream: write_summary(report, stream)

    from orchestrator.report.table import write_table

    yield "csv", TABLE, lambda stream: write_table(report.stretches(), stream)

    from orchestrator.report.onward import COMMAND, Commands
    from orchestrator.report.page import write_page

    recorded = (directory / RECORD).exists()
    commands = Commands(again=command or COMMAND, directory=str(directory), recorded=recorded)
    yield "html", PAGE, lambda stream: write_page(report, stream, commands)


def _sweep(directory: Path, name: str) -> None:
    """Remove what a killed process left of `name`. The run's lock makes sure that nobody is writing it now."""
    for leftover in directory.glob(f".{name}.*.tmp"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def _sync_directory(directory: Path) -> None:
    """Make the rename durable, where the file system can."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a directory; the file itself is synced.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Translate an `OSError` into a `RecordError` that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, error.strerror or str(error))
        raise RecordError(
            f"cannot write {path}: {remedy}; the run's record is kept, the same command writes the account again"
        ) from error
