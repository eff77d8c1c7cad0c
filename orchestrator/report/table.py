"""`tasks.csv`: one row per unique id, in input order, streamed: a stretch of it at a time, column by column."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Generic, TextIO, TypeVar

from orchestrator.report.harmless import cell
from orchestrator.report.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orchestrator.engine.account import Stretch

T = TypeVar("T")

MAX_CELLS = 40_000  # cells of a kind whose text is kept: a million tasks are accepted in 20,000 batches
PLAIN = re.compile(r"\w[\w.-]*", re.ASCII)  # what needs no care; most words of a service, and its request ids

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


def write_table(stretches: Iterable[Stretch], stream: TextIO) -> None:
    """Write header and rows to `stream` as CSV: commas, line feeds, quotes where needed."""
    stream.write(",".join(COLUMNS) + "\n")
    words, numbers = _Cells(_text), _Cells(str)
    stamps, spans, request_ids = _Cells(_optional(Stamps())), _Cells(_optional("{:z.3f}".format)), _Cells(_text)
    makers: tuple[_Cells[Any], ...] = (
        *(words, words, words, words, words),
        *(numbers, stamps, stamps, spans, request_ids),
    )
    for stretch in stretches:
        # An id is letters, digits, - and _: it stands as it is.
        texts = [_texts(cells, column) for cells, column in zip(makers, stretch[1:], strict=True)]
        stream.write(_lines([stretch.task_id, *texts], len(stretch.task_id)))


def _texts(cells: _Cells[T], column: Sequence[T]) -> str | list[str]:
    """The text of each cell; a single one where all are the same."""
    first = column[0]
    if first == column[-1] and column.count(first) == len(column):
        return cells[first]
    return list(map(cells.__getitem__, column))


def _lines(columns: Sequence[str | Sequence[str]], many: int) -> str:
    """So many lines out of their cells. What is the same in each goes between the cells that are not."""
    line, differing = [""], {}
    for column in columns:
        if isinstance(column, str):
            line[-1] += f"{column},"
        else:
            differing[len(line)] = column
            line += ["", ","]
    line[-1] = f"{line[-1][:-1]}\n"
    pieces = line * many
    for place, cells in differing.items():
        pieces[place :: len(line)] = cells
    return "".join(pieces)


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
    if not text or PLAIN.fullmatch(text):
        return text
    line = io.StringIO()
    csv.writer(line).writerow((cell(text),))
    return line.getvalue().removesuffix("\r\n")


def _optional(make: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: "" if value is None else make(value)
