"""The streams and the environment that a command is given: nothing below the command line reads its own."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping


class LineStream(Protocol):
    """Something that takes lines: a text stream, or a view that shows them above its picture."""

    def write(self, text: str, /) -> object:
        """Take a line, its line break included."""

    def flush(self) -> object:
        """Let it be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Results go to `stdout`, everything else to `stderr`."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]

    @property
    def stdin_bytes(self) -> IO[bytes]:
        """Stdin as bytes, as id lists are read."""
        buffer: IO[bytes] | None = getattr(self.stdin, "buffer", None)  # a text stream in memory has none
        return buffer if buffer is not None else io.BytesIO(self.stdin.read().encode())

    @property
    def can_ask(self) -> bool:
        """Whether a person sits there: stdin and stderr are terminals."""
        return is_terminal(self.stdin) and is_terminal(self.stderr)

    @property
    def can_draw(self) -> bool:
        """Whether stderr is a terminal that can redraw a line."""
        return is_terminal(self.stderr) and self.environ.get("TERM") != "dumb"

    def shows_colour(self, stream: TextIO) -> bool:
        """Whether `stream` is a terminal, and colours are not unwanted (https://no-color.org)."""
        return is_terminal(stream) and self.environ.get("TERM") != "dumb" and not self.environ.get("NO_COLOR")

    def say(self, text: str) -> None:
        """Write a result to stdout. A reader that has gone (`| head`) is no failure of ours: it says nothing."""
        _write(self.stdout, text)

    def tell(self, text: str) -> None:
        """Write a line to stderr; a reader that has gone does not end a run."""
        _write(self.stderr, text if text.endswith("\n") else text + "\n")

    def close(self) -> None:
        """Flush both, so that nothing fails while the interpreter ends."""
        for stream in (self.stdout, self.stderr):
            _write(stream, "")


def is_terminal(stream: TextIO) -> bool:
    """Whether `stream` is open and a terminal."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        # A terminal of an old locale: say it in letters that it has.
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _mute(stream)


def _mute(stream: TextIO) -> None:
    """Point the stream's descriptor at nothing, as the interpreter flushes it once more at its end."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, descriptor)
    finally:
        os.close(nothing)
