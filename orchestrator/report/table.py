"""`tasks.csv`: one row per unique id, in input order, streamed: a stretch of it at a time, column by column."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TextIO, TypeVar

from orchestrator.report.harmless import cell
from orchestrator.report.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orchestrator.engine.account import Row

T = TypeVar("T")

STRETCH = 2000  # rows that are written at a time
MAX_CELLS = 10_000  # cells of a kind whose text is kept

COLUMNS = (
    "task_id",
    "outcome",
    "status",
    "first_status",
    "error_code",
    "error_message",
    "stop_requests",
    "accepted_at",
    "finished_at",
    "seconds_to_stop",
    "request_id",
)


def write_table(rows: Iterable[Row], stream: TextIO) -> None:
    """Write header and rows to `stream` as CSV: commas, line feeds, quotes where needed."""
    stream.write(",".join(COLUMNS) + "\n")
    texts = _Cells(_text)
    stamps = _Cells(_optional(Stamps()))
    spans = _Cells(_optional("{:.3f}".format))
    numbers = _Cells(str)
    makers: tuple[_Cells[Any] | None, ...] = (
        *(None, texts, texts, texts, texts, texts),  # an id is letters, digits, - and _: it stands as it is
        *(numbers, stamps, stamps, spans, texts),
    )
    following = iter(rows)
    while stretch := list(islice(following, STRETCH)):
        columns = [
            column if maker is None else list(map(maker.__getitem__, column))
            for maker, column in zip(makers, zip(*stretch, strict=True), strict=True)
        ]
        stream.write("\n".join(map(",".join, zip(*columns, strict=True))))
        stream.write("\n")


class _Cells(dict[T, str], Generic[T]):
    """The text of each value, made once: statuses are few, and stamps repeat by the page and by the batch."""

    def __init__(self, make: Callable[[T], str]) -> None:
        self._make = make

    def __missing__(self, value: T) -> str:
        if len(self) >= MAX_CELLS:  # the service's words may be many
            self.clear()
        made = self[value] = self._make(value)
        return made


def _text(text: str) -> str:
    """A cell that no spreadsheet runs, in quotes where it needs them: the standard library knows where."""
    if not text:
        return ""
    line = io.StringIO()
    csv.writer(line).writerow((cell(text),))
    return line.getvalue().removesuffix("\r\n")


def _optional(make: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: "" if value is None else make(value)
