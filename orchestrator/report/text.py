"""The account at a terminal: a summary that fits a screen, plain or coloured from one layout."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.engine.account import MAX_NAMED
from orchestrator.report.advice import advise_row, is_finished
from orchestrator.report.harmless import one_line
from orchestrator.report.onward import COMMAND, next_command, what_next
from orchestrator.report.quota import describe_quota
from orchestrator.report.stamps import duration
from orchestrator.report.summary import used_apis
from orchestrator.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orchestrator.engine.account import Report

Line: TypeAlias = list[tuple[str, str]]  # pieces: what it is (a key of STYLES, or ""), and its text

STYLES = {
    "succeeded": "bold green",
    "partial": "bold yellow",
    "interrupted": "bold yellow",
    "aborted": "bold red",
    "attention": "yellow",
    "head": "bold",
    "soft": "dim",
}
MAX_NOTES = 5
MAX_MESSAGE = 160


def render_text(report: Report, *, files: Sequence[Path], colour: bool, command: str = COMMAND) -> str:
    """The summary that ends a run, with a line break at its end.

    Args:
        report: the account.
        files: the files that were written, to be named.
        colour: whether the reader is a terminal that shows colours.
        command: what follows `orchestrator` in the command that made this run, as a shell takes it.

    """
    lines = [*_lines(report, files, command)]
    if not colour:
        return "".join("".join(text for _, text in line).rstrip() + "\n" for line in lines)
    return _coloured(lines)


def _lines(report: Report, files: Sequence[Path], command: str) -> Iterator[Line]:
    yield [(report.outcome, one_line(verdict(report), 1_000))]
    yield []
    yield from _outcomes(report)
    yield from _requests(report)
    yield from _time(report)
    yield from _notes(report)
    yield from _attention(report)
    yield from _onward(report, files, command)


def _outcomes(report: Report) -> Iterator[Line]:
    """The outcomes that occurred, aligned; those that need a person stand out."""
    shown = {outcome: f"{number:,}" for outcome, number in report.outcomes.items() if number}
    if not shown:
        return
    width = max(len(text) for text in shown.values())
    for outcome, text in shown.items():
        style = "" if outcome in report.over else "attention"
        yield [("", "  "), (style, f"{text:>{width}}  {outcome}")]
    counted = report.input
    passed_over = [
        f"{number:,} {word}"
        for number, word in (
            (counted.duplicates, "duplicate"),
            (counted.malformed, "malformed"),
            (counted.excluded, "excluded"),
        )
        if number
    ]
    if passed_over:
        yield [("soft", f"  of {counted.input:,} ids in the input ({', '.join(passed_over)})")]
    yield []


def _requests(report: Report) -> Iterator[Line]:
    """One line an API: how many, what went wrong, the quota."""
    apis = list(dict.fromkeys([*used_apis(report), *report.quotas]))
    if not apis:
        return
    counts = report.requests
    sent = {api: f"{counts[api].sent if api in counts else 0:,}" for api in apis}
    width, name_width = max(map(len, sent.values())), max(map(len, apis))
    yield [("head", "Requests")]
    for api in apis:
        asides = []
        if api in counts:
            for number, word in (
                (counts[api].throttled, "throttled"),
                (counts[api].retried, "tried again"),
                (counts[api].failed, "failed"),
            ):
                if number:
                    asides.append(f"{number:,} {word}")
        if api in report.quotas:
            asides.append(f"quota learned: {describe_quota(report.quotas[api])}")
        tail = f"  {', '.join(asides)}" if asides else ""
        yield [("", f"  {sent[api]:>{width}}  {api:<{name_width}}"), ("soft", tail)]


def _time(report: Report) -> Iterator[Line]:
    text = f"  {duration(report.timing.elapsed_seconds)}"
    if report.attempts > 1:
        text += f", taken up {report.attempts:,} times"
    yield [("head", "Time")]
    yield [("", text)]


def _notes(report: Report) -> Iterator[Line]:
    if not report.notes:
        return
    yield [("head", "Notes")]
    for _, sentence in report.notes[:MAX_NOTES]:
        yield [("", f"  {one_line(sentence)}")]
    if len(report.notes) > MAX_NOTES:
        yield [("soft", f"  … and {len(report.notes) - MAX_NOTES:,} more in the report")]


def _attention(report: Report) -> Iterator[Line]:
    """The first tasks that are not over, each with its reason; what to do, once for each kind."""
    rows = list(islice(report.rows_not_over(), MAX_NAMED))
    if not rows:
        return
    yield [("head", "Not over")]
    said_before = ""
    for row in rows:
        reason = " ".join(part for part in (row.status, row.error_code) if part)
        message = one_line(row.error_message, MAX_MESSAGE)
        yield [
            ("attention", f"  {row.task_id}  {row.outcome}"),
            ("", f"  {one_line(reason)}" if reason else ""),
            ("", f"  {message}" if message else ""),
        ]
        advice = advise_row(row, finished=is_finished(report))
        if advice != said_before:
            yield [("soft", f"    {advice}")]
            said_before = advice
    more = report.not_over - len(rows)
    if more:
        yield [("soft", f"  … and {more:,} more in tasks.csv")]


def _onward(report: Report, files: Sequence[Path], command: str) -> Iterator[Line]:
    if files:
        yield [("head", "Files")]
        for path in files:
            yield [("", f"  {path}")]
    yield [("head", "Next")]
    yield [("", f"  {what_next(report)}")]
    if (first := next_command(report, command)) is not None:
        yield [("", f"    {first[0]}")]


def _coloured(lines: Sequence[Line]) -> str:
    """The same lines with colours, never wrapped: a terminal wraps by itself, and copying stays whole."""
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
        width=10_000,
        highlight=False,
        markup=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        for line in lines:
            console.print(Text.assemble(*((text, STYLES.get(style, "")) for style, text in line)), soft_wrap=True)
    return captured.get()
