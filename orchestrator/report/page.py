"""`report.html`: the account for people, one self-contained page without a script, verdict first."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, TextIO

from orchestrator._version import __version__
from orchestrator.report.advice import advise_row, next_step, rows_not_over
from orchestrator.report.harmless import one_line
from orchestrator.report.stamps import duration, stamp
from orchestrator.report.style import STYLE
from orchestrator.report.summary import used_apis
from orchestrator.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orchestrator.engine.account import Report, Row
    from orchestrator.engine.model import Quota

MAX_ROWS = 2_000  # tasks listed; the table has the rest, and a page of a million tasks stays small
MAX_NOTES = 200
MAX_MESSAGE = 300  # letters of a message; the table has it whole
# The page asks nobody for anything, and says so to the browser.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_page(report: Report, stream: TextIO) -> None:
    """Write the page to `stream`, section by section."""
    title = f"{report.info.name or report.info.run_id}: {report.outcome}"
    stream.write(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    for section in SECTIONS:
        stream.writelines(f"{piece}\n" for piece in section(report))
    stream.write(f"<footer>Written by dcs-orchestrator {_text(__version__)}.</footer>\n</main>\n</body>\n</html>\n")


def headline(report: Report) -> Iterator[str]:
    """Which run, how it came out, where and when."""
    info, shard = report.info, report.shard
    yield f"<header><h1>{_text(info.name)} · {_text(info.operation)}</h1>"
    yield f'<p class="verdict {_text(report.outcome)}">{_text(verdict(report))}</p>'
    facts = [f"run <code>{_text(info.run_id)}</code>", f"exit code {report.exit_code}"]
    if info.endpoint:
        facts.append(f"<code>{_text(info.endpoint)}</code>")
    if info.project_id:
        facts.append(f"project <code>{_text(info.project_id)}</code>")
    if shard is not None:
        facts.append(f"shard {shard.index} of {shard.count} ({shard.input:,} ids in all)")
    yield f'<p class="facts">{" · ".join(facts)}</p>'
    if info.reason:
        yield f'<p class="facts">Reason: {_text(info.reason)}</p>'
    yield "</header>"


def outcomes(report: Report) -> Iterator[str]:
    """Every outcome as a number, a share and a bar."""
    counted = report.input
    yield '<section id="outcomes"><h2>Outcomes</h2>'
    yield from _table(
        ("Outcome", "Tasks#", "Share#", "|"),
        (_outcome_row(report, outcome, number) for outcome, number in report.outcomes.items()),
    )
    parts = [f"{counted.unique:,} unique ids of {counted.input:,} in the input"]
    for number, word in (
        (counted.duplicates, "duplicate"),
        (counted.malformed, "malformed"),
        (counted.excluded, "excluded"),
    ):
        if number:
            parts.append(f"{number:,} {word}")
    yield f'<p class="facts">{"; ".join(parts)}.</p></section>'


def requests(report: Report) -> Iterator[str]:
    """What was asked of each API and what came back, with its quota."""
    apis = list(dict.fromkeys([*used_apis(report), *report.quotas]))
    yield '<section id="requests"><h2>Requests</h2>'
    if not apis:
        yield '<p class="facts">No request was made.</p></section>'
        return
    yield from _table(
        ("API", "Sent#", "Answered#", "Throttled#", "Tried again#", "Failed#", "Quota"),
        (_request_row(report, api) for api in apis),
    )
    yield "</section>"


def timing(report: Report) -> Iterator[str]:
    """When it ran, and for how long."""
    timed = report.timing
    yield '<section id="timing"><h2>Time</h2>'
    yield from _table(
        ("Started", "Finished", "Time spent running", "Attempts#"),
        [
            _row(
                _text(stamp(timed.started_at)),
                _text(stamp(timed.finished_at)),
                _text(duration(timed.elapsed_seconds)),
                f'<td class="n">{report.attempts:,}</td>',
            )
        ],
    )
    yield "</section>"


def notes(report: Report) -> Iterator[str]:
    """What a person should know about the run."""
    if not report.notes:
        return
    yield '<section id="notes"><h2>Notes</h2><ul>'
    for name, sentence in report.notes[:MAX_NOTES]:
        yield f"<li>{_text(sentence)} <code>{_text(name)}</code></li>"
    yield "</ul>"
    if len(report.notes) > MAX_NOTES:
        yield f'<p class="facts">… and {len(report.notes) - MAX_NOTES:,} more notes.</p>'
    yield "</section>"


def attention(report: Report) -> Iterator[str]:
    """Every task that is not over, bounded, with what to do about it."""
    if not report.not_over:
        return
    rows = rows_not_over(report, MAX_ROWS)
    yield '<section id="attention"><h2>Not over</h2>'
    if report.not_over > len(rows):
        yield (
            f'<p class="facts">The first {len(rows):,} of {report.not_over:,}; '
            f"{report.not_over - len(rows):,} more are in <code>tasks.csv</code>.</p>"
        )
    yield from _table(
        ("Task", "Outcome", "Status", "What the service said", "What to do"),
        (_attention_row(report, row) for row in rows),
    )
    yield "</section>"


def onward(report: Report) -> Iterator[str]:
    """What to run next."""
    yield f'<section id="next"><h2>What next</h2><p>{_text(next_step(report.exit_code))}</p>'
    if report.exit_code == 1:
        yield "<pre>orchestrator run JOB.yaml --retry</pre>"
    elif report.exit_code:
        yield "<pre>orchestrator run JOB.yaml</pre>"
    yield "</section>"


SECTIONS: tuple[Callable[[Report], Iterator[str]], ...] = (
    headline,
    outcomes,
    onward,
    requests,
    timing,
    notes,
    attention,
)


def describe_quota(quota: Quota) -> str:
    """`20 in 5 s, counted per user`."""
    whom = f", counted per {quota.policy}" if quota.policy else ""
    return f"{quota.limit:,} in {quota.seconds:g} s{whom}"


def _outcome_row(report: Report, outcome: str, number: int) -> str:
    unique = report.input.unique
    share = number / unique if unique else 0.0
    attention_class = "" if outcome in report.over else " attention"
    bar = f'<span class="bar{attention_class}" style="width:{share * 100:.2f}%"></span>' if number else ""
    zero = "" if number else ' class="zero"'
    return (
        f'<tr{zero}><td>{_text(outcome)}</td><td class="n">{number:,}</td>'
        f'<td class="n">{_percent(share)}</td><td class="share">{bar}</td></tr>'
    )


def _request_row(report: Report, api: str) -> str:
    counts, quota = report.requests.get(api), report.quotas.get(api)
    numbers = (counts.sent, counts.ok, counts.throttled, counts.retried, counts.failed) if counts else (0, 0, 0, 0, 0)
    cells = [f'<td class="n">{number:,}</td>' for number in numbers]
    return _row(_text(api), *cells, _text(describe_quota(quota) if quota else "none met"))


def _attention_row(report: Report, row: Row) -> str:
    said = []
    if row.error_code:
        said.append(f"<code>{_text(row.error_code)}</code>")
    if row.error_message:
        said.append(_text(one_line(row.error_message, MAX_MESSAGE)))
    if row.request_id:
        said.append(f"(request <code>{_text(row.request_id)}</code>)")
    return _row(
        f"<code>{_text(row.task_id)}</code>",
        _text(row.outcome),
        _text(row.status),
        f'<td class="message">{" ".join(said)}</td>',
        f'<td class="message">{_text(advise_row(report, row))}</td>',
    )


def _table(heads: Iterable[str], rows: Iterable[str]) -> Iterator[str]:
    """A table that scrolls by itself on a narrow screen. `#` marks a column of numbers, `|` the column of bars."""
    yield '<div class="wide"><table><thead><tr>'
    for head in heads:
        if head == "|":
            yield '<th class="share"></th>'
        else:
            yield f'<th class="n">{head[:-1]}</th>' if head.endswith("#") else f"<th>{head}</th>"
    yield "</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table></div>"


def _row(*cells: str) -> str:
    """A table row of finished cells, or of markup that still needs its cell."""
    return f"<tr>{''.join(cell if cell.startswith('<td') else f'<td>{cell}</td>' for cell in cells)}</tr>"


def _text(text: str) -> str:
    """Foreign text as text: nothing in it is markup."""
    return html.escape(one_line(text, 10_000))


def _percent(share: float) -> str:
    """A share that is neither all nor nothing never reads so."""
    if 0 < share < 0.001:  # noqa: PLR2004 - the last digit shown
        return "&lt; 0.1 %"
    return f"{min(share, 0.999) * 100:.1f} %" if share < 1 else "100 %"
