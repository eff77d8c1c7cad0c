"""Streams for the tests: a console in memory, and terminals that are real."""

from __future__ import annotations

import io
import os
import pty
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.cli.console import Console
from orchestrator.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def call(*argv: str, environ: Mapping[str, str] | None = None, stdin: str = "", platform: str = "linux") -> Result:
    """Run a command in this process, away from any terminal."""
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, environ=environ or {}, stdin=io.StringIO(stdin), stdout=out, stderr=err, platform=platform)
    return Result(code, out.getvalue(), err.getvalue())


def console_in_memory(*, stdin: str = "", terminal: bool = False, environ: Mapping[str, str] | None = None) -> Console:
    """A console whose streams are in memory, and say that they are terminals if told so."""
    make = Teletype if terminal else io.StringIO
    return Console(stdin=make(stdin), stdout=make(), stderr=make(), environ=environ or {})


class Teletype(io.StringIO):
    """A stream in memory that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def text_of(stream: TextIO) -> str:
    """What was written to a stream in memory."""
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


class Terminal:
    """The far end of a real terminal."""

    def __init__(self, master: int, slave: int) -> None:
        self._master = master
        self.slave = slave
        self.seen = ""

    def read_until(self, expected: str, seconds: float = 20.0) -> str:
        """Read until `expected` was shown; fails with what was shown instead."""
        deadline = time.monotonic() + seconds
        while expected not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"never shown: {expected!r}; shown was {self.seen!r}")
        return self.seen

    def rest(self) -> str:
        """Everything shown up to now."""
        while self._read(0.05):
            pass
        return self.seen

    def type(self, text: str) -> None:
        """Type on its keyboard."""
        os.write(self._master, text.encode())

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # the other end was closed
            return False
        self.seen += data.decode()
        return bool(data)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A real terminal, 80 columns wide."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        yield Terminal(master, slave)
    finally:
        os.close(master)
        os.close(slave)
