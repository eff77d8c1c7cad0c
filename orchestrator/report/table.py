"""`tasks.csv`: one row per unique id, in input order, streamed: a stretch of it at a time, column by column."""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from typing import TYPE_CHECKING, Generic, TextIO, TypeVar

from orchestrator.engine.account import seconds_between
from orchestrator.report.harmless import cell
from orchestrator.report.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orchestrator.engine.account import Stretch

T = TypeVar("T")

MAX_FATES = 10_000  # pieces of lines that are kept: the service's words may be many
MAX_TIMES = 40_000  # a million tasks are accepted in 20,000 batches
PLAIN = re.compile(r"\w[\w.-]*", re.ASCII)  # what needs no care: nearly all that a service says

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
    """Write header and rows to `stream` as CSV: commas, line feeds, quotes where needed.

    What follows the id is alike in many rows: what came of tasks in few ways, and when by the batch and the page.
    """
    stream.write(",".join(COLUMNS) + "\n")
    fates, times = _Pieces(_fate, MAX_FATES), _Pieces(partial(_times, Stamps()), MAX_TIMES)
    for stretch in stretches:
        pieces = [""] * (3 * len(stretch.task_id))
        pieces[0::3] = stretch.task_id  # letters, digits, - and _: an id stands as it is
        pieces[1::3] = map(fates.__getitem__, zip(*stretch[1:7], strict=True))
        pieces[2::3] = map(times.__getitem__, zip(*stretch[7:], strict=True))
        stream.write("".join(pieces))


class _Pieces(dict[T, str], Generic[T]):
    """The text of the same cells in many rows, made once; so many are kept."""

    def __init__(self, make: Callable[[T], str], most: int) -> None:
        self._make = make
        self._most = most

    def __missing__(self, cells: T) -> str:
        if len(self) >= self._most:
            self.clear()
        made = self[cells] = self._make(cells)
        return made


def _fate(cells: tuple[str, str, str, str, str, int]) -> str:
    """From the outcome to the number of requests, with what stands around it."""
    *words, requests = cells
    return f",{','.join(map(_text, words))},{requests},"


def _times(stamps: Stamps, cells: tuple[float | None, float | None, str]) -> str:
    """From the acceptance to the line's end."""
    accepted_at, finished_at, request_id = cells
    seconds = seconds_between(accepted_at, finished_at)
    at = ["" if stamp is None else stamps(stamp) for stamp in (accepted_at, finished_at)]
    return f"{at[0]},{at[1]},{'' if seconds is None else f'{seconds:z.3f}'},{_text(request_id)}\n"


def _text(text: str) -> str:
    """A cell that no spreadsheet runs, in quotes where it needs them: the standard library knows where."""
    if not text or PLAIN.fullmatch(text):
        return text
    line = io.StringIO()
    csv.writer(line).writerow((cell(text),))
    return line.getvalue().removesuffix("\r\n")
