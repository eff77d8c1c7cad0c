"""The page's section on the tasks that are not over: why, which, and what to do about each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from orchestrator.report.advice import advise, advise_row, is_finished
from orchestrator.report.harmless import one_line
from orchestrator.report.markup import cards, code, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.engine.account import Report, Row, Stretch

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
    finished = is_finished(report)
    size, left = 0, report.not_over
    for stretch in report.stretches():
        places = _not_over(report, stretch)
        for (outcome, status, told), count in _alike(stretch, places).items():
            cause = (outcome, status, told, advise(outcome, code=told, status=status, finished=finished))
            if cause in causes or len(causes) < CAUSES_KEPT:
                causes[cause] += count
        for place in places:
            if len(listed) >= MAX_ROWS or size >= MAX_BYTES:
                break
            found = stretch.row(place)
            listed.append(_cells(found, advise_row(found, finished=finished)))
            size += ROW_BYTES + sum(len(cell.encode("utf-8", "backslashreplace")) for cell in listed[-1])
        left -= len(places)
        if left <= 0:
            break
    return causes, listed


def _not_over(report: Report, stretch: Stretch) -> list[int]:
    """The places of the rows that are not over."""
    if report.over.issuperset(stretch.outcome):
        return []
    return [place for place, outcome in enumerate(stretch.outcome) if outcome not in report.over]


def _alike(stretch: Stretch, places: Sequence[int]) -> Counter[tuple[str, str, str]]:
    """How many of the rows at `places` have the same outcome, status and code."""
    columns = (stretch.outcome, stretch.status, stretch.error_code)
    return Counter(zip(*(map(column.__getitem__, places) for column in columns), strict=True))


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
