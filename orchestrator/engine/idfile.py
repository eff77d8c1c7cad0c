"""An id list in a file: text, CSV or JSON lines, each also compressed, read as a stream, a line at a time."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
import stat
import zlib
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAX_LINE: Final = 64 * 1024  # characters; a longer line is reported, not held
STDIN: Final = "-"

_CHUNK: Final = 256 * 1024  # bytes read at once
_SHOWN: Final = 64  # characters of a bad line that are shown
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Sink(Protocol):
    """Where candidates go."""

    def take(self, item: object, place: Callable[[int], str], position: int) -> None:
        """One candidate, found at `place(position)`."""

    def expect(self, number: int) -> None:
        """About so many will come."""

    def take_all(self, texts: list[str]) -> bool:
        """Many at once, if every one of them is an id; else nothing happens, and the answer is no."""

    def bad(self, problem: str, item: object) -> None:
        """Something that cannot be an id, with the finished line that says so."""

    def broken(self, problem: str) -> None:
        """The file cannot be read, or not from here on."""


def show(item: object) -> str:
    """What stood there, bounded and with nothing in it that a terminal would act on."""
    if isinstance(item, str):
        return repr(item if len(item) <= _SHOWN else item[:_SHOWN] + "…")
    text = repr(item)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def read_file(file: Path, stdin: IO[bytes] | None, sink: Sink) -> None:
    """Feed `sink` from `file`; what makes it unreadable becomes a problem like any other."""
    name = "standard input" if str(file) == STDIN else str(file)
    lines: _Lines | None = None
    with ExitStack() as stack:
        try:
            stream = _open(file, stdin, stack)
            lines = _Lines(stream, name, sink)
            _parser(file)(lines, sink)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            after = lines.number if lines else 0
            sink.broken(f"{name}: broken gzip data after line {after:,} ({error}); copy or compress it again")
        except OSError as error:
            reason = error.strerror or str(error)
            sink.broken(f"{name}: cannot be read: {reason}; check tasks.file and its permissions")
        except _UnreadableError as error:
            sink.broken(str(error))


class _UnreadableError(Exception):
    """The file is not what its name says. Never leaves this module."""


def _open(file: Path, stdin: IO[bytes] | None, stack: ExitStack) -> IO[bytes]:
    if str(file) == STDIN:
        if stdin is None:
            raise _UnreadableError("standard input: there is none here; name a file")
        return stdin
    stream: IO[bytes] = stack.enter_context(file.open("rb"))
    if file.suffix.lower() == ".gz":
        unpacked = stack.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
        return cast("IO[bytes]", unpacked)  # it reads like one; the standard library does not say so
    return stream


def _size(stream: IO[bytes]) -> int:
    """Bytes of a plain file; 0 where that says nothing of what will be read."""
    if isinstance(stream, gzip.GzipFile):
        return 0
    try:
        told = os.fstat(stream.fileno())
    except OSError:  # it is no file at all
        return 0
    return told.st_size if stat.S_ISREG(told.st_mode) else 0


def _parser(file: Path) -> Callable[[_Lines, Sink], None]:
    suffix = (file.with_suffix("") if file.suffix.lower() == ".gz" else file).suffix.lower()
    return {".csv": _feed_csv, ".jsonl": _feed_jsonl}.get(suffix, _feed_text)


class _Lines:
    """The lines of a stream, one at a time, decoded; `number` is that of the line given last.

    A byte that is not UTF-8 becomes U+FFFD, which no id has. A line that is too long is reported and left out.
    """

    def __init__(self, stream: IO[bytes], name: str, sink: Sink) -> None:
        self.number = 0
        self.name = name
        self.bytes = _size(stream)
        self._stream = stream
        self._sink = sink

    def place(self, number: int) -> str:
        """`file:line`."""
        return f"{self.name}:{number}"

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks():
            yield from self.split(block)

    def blocks(self) -> Iterator[str]:
        """Some hundred kilobytes of whole lines at a time, without the last line break; each is to be `split`."""
        rest, too_long, fresh = b"", False, True
        while chunk := self._stream.read(_CHUNK):
            data = rest + (self._start(chunk) if fresh else chunk)
            fresh = False
            if too_long:
                head, newline, data = data.partition(b"\n")
                if not newline:
                    rest = head[:_SHOWN]
                    continue
                self._too_long(head.decode("utf-8", "replace"))
            too_long = False
            whole, newline, rest = data.rpartition(b"\n")
            if newline:
                yield whole.decode("utf-8", "replace")
            if len(rest) > MAX_LINE:
                rest, too_long = rest[:_SHOWN], True
        if too_long:
            self._too_long(rest.decode("utf-8", "replace"))
        elif rest:
            yield rest.decode("utf-8", "replace")

    def split(self, block: str) -> Iterator[str]:
        """The lines of a block, counted as they are given."""
        for line in block.split("\n"):
            if len(line) > MAX_LINE:
                self._too_long(line)
            else:
                self.number += 1
                yield line

    def _too_long(self, line: str) -> None:
        self.number += 1
        text = line[:_SHOWN]
        problem = f"{self.place(self.number)}: a line longer than {MAX_LINE:,} characters ({show(text)}…)"
        self._sink.bad(problem, text)

    def _start(self, chunk: bytes) -> bytes:
        if chunk.startswith(_UTF16):
            raise _UnreadableError(f"{self.name}: this is UTF-16 text; save it as UTF-8")
        if chunk.startswith(_GZIP_MAGIC):
            raise _UnreadableError(f"{self.name}: this is compressed; give it a name that ends in .gz")
        return chunk.removeprefix(codecs.BOM_UTF8)


def _feed_text(lines: _Lines, sink: Sink) -> None:
    """One id a line."""
    for block in lines.blocks():
        texts = list(map(str.strip, block.split("\n")))
        if sink.take_all(texts):
            if not lines.number:
                sink.expect(lines.bytes * len(texts) // (len(block) + 1))
            lines.number += len(texts)
            continue
        for line in lines.split(block):
            text = line.strip()
            if text and text[0] != "#":
                sink.take(text, lines.place, lines.number)


def _feed_jsonl(lines: _Lines, sink: Sink) -> None:
    """A JSON string a line, or an object with `task_id`."""
    for line in lines:
        text = line.strip()
        if not text or text[0] == "#":
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        item = value.get("task_id") if isinstance(value, dict) else value
        if isinstance(item, str):
            sink.take(item.strip(), lines.place, lines.number)
        else:
            where = lines.place(lines.number)
            sink.bad(f"{where}: {show(text)} is neither a JSON string nor an object with a task_id text", text)


def _feed_csv(lines: _Lines, sink: Sink) -> None:
    """A table whose first line names its columns, one of them `task_id`."""
    rows = _rows(lines)
    _, header = next(rows, (0, []))
    columns = [name.strip() for name in header]
    if columns.count("task_id") != 1:
        found = ", ".join(map(show, columns[:20])) or "none at all"
        what = "two task_id columns" if "task_id" in columns else "no task_id column"
        raise _UnreadableError(
            f"{lines.place(max(lines.number, 1))}: {what} (columns: {found}); "
            "name exactly one column task_id, and separate columns by commas"
        )
    column = columns.index("task_id")
    for number, row in rows:
        if column < len(row):
            sink.take(row[column].strip(), lines.place, number)
        else:
            text = ",".join(row)
            sink.bad(f"{lines.place(number)}: {show(text)} has no cell in the column task_id", text)


def _rows(lines: _Lines) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file with the line each begins on; blank lines and comments are passed over."""
    at_start = True
    first = 0

    def feed() -> Iterator[str]:
        nonlocal at_start, first
        for line in lines:
            if at_start:
                if not line.strip() or line.startswith("#"):
                    continue
                at_start, first = False, lines.number
            yield line + "\n"

    # Strict: a quote that is never closed would otherwise swallow the rest of the file as one cell, without a word.
    reader = csv.reader(feed(), strict=True)
    try:
        for row in reader:
            yield first, row
            at_start = True
    except csv.Error as error:
        raise _UnreadableError(
            f"{lines.place(first)}: this is not CSV from here on ({error}); check its quotes"
        ) from error
