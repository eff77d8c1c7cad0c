"""`orchestrator report`: the account of a recorded run once more, from its record alone; nothing there is changed."""

from __future__ import annotations

import io
import stat
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

from orchestrator.cli.recorded import read_recorded
from orchestrator.errors import InputError, RecordError
from orchestrator.report.files import write_atomically
from orchestrator.report.text import render_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.engine.account import Report

    Render: TypeAlias = Callable[[Report, TextIO], None]

CHUNK: Final = 1 << 16  # letters handed to stdout at once
STDOUT: Final = "-"


def report(settings: Settings, console: Console) -> int:
    """Render what was asked for, or the text summary where nothing was.

    Raises `InputError` where there is no record or a file cannot be written, `RecordUnusableError` for a record that
    cannot be read, `DirectoryBusyError` while a run holds it.
    """
    if settings.directory is None:
        raise TypeError("the parser lets no report through without a directory")
    account = read_recorded(settings.directory).report
    account.check()
    wanted = [
        (path, render)
        for path, render in zip(settings.targets, _renderers(settings.directory), strict=True)
        if path is not None
    ]
    for path, render in wanted:
        if str(path) == STDOUT:
            out = _Chunks(console)
            render(account, out)
            out.close()
        else:
            _write(path, render, account)
            console.tell(f"wrote {path}")
    if not wanted:
        colour = console.shows_colour(console.stdout)
        console.say(render_text(account, files=[], colour=colour))
    return 0


def _renderers(directory: Path) -> list[Render]:
    """In the order of `Settings.targets`; each is imported when it is called."""

    def html(account: Report, stream: TextIO) -> None:
        from orchestrator.report.onward import Commands
        from orchestrator.report.page import write_page

        write_page(account, stream, Commands(directory=str(directory)))

    def csv(account: Report, stream: TextIO) -> None:
        from orchestrator.report.table import write_table

        write_table(account.stretches(), stream)

    def json(account: Report, stream: TextIO) -> None:
        from orchestrator.report.summary import write_summary

        write_summary(account, stream)

    return [html, csv, json]


def _write(path: Path, render: Render, account: Report) -> None:
    """A new file in the place of `path`; a pipe or a device that stands there is written to."""
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
                render(account, stream)
        else:
            write_atomically(path, lambda stream: render(account, stream))
    except (OSError, RecordError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        reason = getattr(cause, "strerror", None) or str(cause or error)
        raise InputError(f"cannot write {path}: {reason}; name a file that you may write, or - for stdout") from error


class _Chunks(io.StringIO):
    """Text on its way to stdout, handed over piece by piece: a table of a million rows is never held whole."""

    def __init__(self, console: Console) -> None:
        super().__init__(newline="")
        self._console = console

    def write(self, text: str, /) -> int:
        written = super().write(text)
        if self.tell() >= CHUNK:
            self._hand_over()
        return written

    def close(self) -> None:
        """Hand over the rest."""
        if not self.closed:
            self._hand_over()
        super().close()

    def _hand_over(self) -> None:
        self._console.say(self.getvalue())
        self.seek(0)
        self.truncate()
