"""The page's section on the tasks that are not over: why, which, and what to do about each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from orchestrator.report.advice import advise_row
from orchestrator.report.harmless import one_line
from orchestrator.report.markup import cards, code, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.engine.account import Report, Row

MAX_ROWS = 2_000  # tasks listed; the table has the rest
MAX_BYTES = 1_400_000  # and so much of the page at most: it stays under 2 MB whatever the service says
ROW_BYTES = 200  # of markup around a row's cells
MAX_MESSAGE = 300  # letters of a message; the table has it whole
MAX_CAUSES = 30  # told apart in the table of causes
CAUSES_KEPT = 1_000  # told apart while counting

Cause = tuple[str, str, str, str]  # outcome, status, code, advice


def attention(report: Report) -> Iterator[str]:
    """Why tasks are not over, how many of each kind, and then each of them, bounded."""
    if not report.not_over:
        return
    causes, listed = _survey(report)
    yield '<section id="attention"><h2>Not over</h2>'
    yield from _causes(causes)
    if report.not_over > len(listed):
        yield (
            f'<p class="facts">The first {len(listed):,} of {report.not_over:,}; '
            f"{report.not_over - len(listed):,} more are in <code>tasks.csv</code>.</p>"
        )
    yield from cards(("Task", "Outcome", "Status", "What the service said…", "What to do…"), listed)
    yield "</section>"


def _survey(report: Report) -> tuple[Counter[Cause], list[tuple[str, ...]]]:
    """The causes, counted over all rows that are not over, and the cells of the first ones."""
    causes: Counter[Cause] = Counter()
    listed: list[tuple[str, ...]] = []
    size, left = 0, report.not_over
    for found in report.rows():
        if found.outcome in report.over:
            continue
        advice = advise_row(report, found)
        cause = (found.outcome, found.status, found.error_code, advice)
        if cause in causes or len(causes) < CAUSES_KEPT:
            causes[cause] += 1
        if len(listed) < MAX_ROWS and size < MAX_BYTES:
            listed.append(_cells(found, advice))
            size += ROW_BYTES + sum(len(cell.encode("utf-8", "backslashreplace")) for cell in listed[-1])
        left -= 1
        if not left:
            break
    return causes, listed


def _causes(causes: Counter[Cause]) -> Iterator[str]:
    if len(causes) < 2:  # noqa: PLR2004 - one cause needs no table
        return
    yield from cards(
        ("Tasks#", "Outcome", "Status", "Code", "What to do…"),
        (
            (f"{count:,}", escape(outcome), escape(status), code(told) if told else "", escape(advice))
            for (outcome, status, told, advice), count in causes.most_common(MAX_CAUSES)
        ),
    )
    if len(causes) > MAX_CAUSES:
        yield f'<p class="facts">… and {len(causes) - MAX_CAUSES:,} rarer causes.</p>'


def _cells(found: Row, advice: str) -> tuple[str, ...]:
    said = []
    if found.error_code:
        said.append(code(found.error_code))
    if found.error_message:
        said.append(escape(one_line(found.error_message, MAX_MESSAGE)))
    if found.request_id:
        said.append(f"(request {code(found.request_id)})")
    return code(found.task_id), escape(found.outcome), escape(found.status), " ".join(said), escape(advice)
