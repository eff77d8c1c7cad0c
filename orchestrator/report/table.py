"""`tasks.csv`: one row per unique id, in input order, streamed."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

from orchestrator.report.harmless import cell
from orchestrator.report.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orchestrator.engine.account import Row

MAX_CELLS = 10_000  # words whose cells are kept

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
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_records(rows))


def _records(rows: Iterable[Row]) -> Iterator[tuple[object, ...]]:
    """Each row as cells. Statuses and stamps repeat by the page and by the batch: their text is made once."""
    stamps = Stamps()
    cells: dict[str, str] = {}  # statuses and codes: few different ones, but the service's words, hence bounded
    accepted_was = finished_was = None
    accepted_text = finished_text = ""
    for (
        task_id,
        outcome,
        status,
        first_status,
        code,
        message,
        requests,
        accepted_at,
        finished_at,
        took,
        request_id,
    ) in rows:
        if accepted_at != accepted_was:
            accepted_was = accepted_at
            accepted_text = "" if accepted_at is None else stamps(accepted_at)
        if finished_at != finished_was:
            finished_was = finished_at
            finished_text = "" if finished_at is None else stamps(finished_at)
        yield (
            task_id,
            outcome,
            cells.get(status) or _remember(cells, status),
            cells.get(first_status) or _remember(cells, first_status),
            (cells.get(code) or _remember(cells, code)) if code else "",
            cell(message) if message else "",
            requests,
            accepted_text,
            finished_text,
            "" if took is None else f"{took:.3f}",
            (cells.get(request_id) or _remember(cells, request_id)) if request_id else "",
        )


def _remember(cells: dict[str, str], text: str) -> str:
    """The cell of `text`, kept for the rows to come."""
    if len(cells) >= MAX_CELLS:
        cells.clear()
    made = cells[text] = cell(text)
    return made
