"""`report.html`: the account for people, one self-contained page without a script, verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from orchestrator._version import __version__
from orchestrator.report.about import about
from orchestrator.report.attention import attention
from orchestrator.report.charts import ring
from orchestrator.report.curves import over_time
from orchestrator.report.markup import cards, code, escape, number, percent, table
from orchestrator.report.onward import Commands, onward
from orchestrator.report.quota import describe_quota
from orchestrator.report.style import STYLE
from orchestrator.report.summary import used_apis
from orchestrator.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.engine.account import Report

MAX_NOTES = 200
# The page asks nobody for anything, runs nothing, and says so to the browser.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write_page(report: Report, stream: TextIO, commands: Commands | None = None) -> None:
    """Write the page to `stream`, section by section. `commands` are shown for what to do next."""
    title = f"{report.info.name or report.info.run_id}: {report.outcome}"
    stream.write(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    for section in _sections(report, commands or Commands()):
        stream.writelines(f"{piece}\n" for piece in section)
    stream.write(f"<footer>Written by dcs-orchestrator {escape(__version__)}.</footer>\n</main>\n</body>\n</html>\n")


def _sections(report: Report, commands: Commands) -> Iterator[Iterator[str]]:
    yield headline(report)
    yield outcomes(report)
    yield onward(report, commands)
    yield over_time(report)
    yield requests(report)
    yield notes(report)
    yield attention(report)
    yield about(report)


def headline(report: Report) -> Iterator[str]:
    """Which run, how it came out, where and when."""
    info, shard = report.info, report.shard
    yield f"<header><h1>{escape(info.name)} · {escape(info.operation)}</h1>"
    yield f'<p class="verdict {escape(report.outcome)}">{escape(verdict(report))}</p>'
    facts = [f"run {code(info.run_id)}", f"exit code {report.exit_code}"]
    if info.endpoint:
        facts.append(code(info.endpoint))
    if info.project_id:
        facts.append(f"project {code(info.project_id)}")
    if shard is not None:
        facts.append(f"shard {shard.index} of {shard.count} ({shard.input:,} ids in all)")
    yield f'<p class="facts">{" · ".join(facts)}</p>'
    if info.reason:
        yield f'<p class="facts">Reason: {escape(info.reason)}</p>'
    yield "</header>"


def outcomes(report: Report) -> Iterator[str]:
    """Every outcome as a number, a share and a sector of a ring."""
    counted = report.input
    yield '<section id="outcomes"><h2>Outcomes</h2><div class="beside">'
    if counted.unique:
        yield f'<figure class="ring">{ring(report.outcomes, title="Outcomes")}</figure>'
    yield from table(
        ("Outcome", "Tasks#", "Share#"),
        (_outcome_row(report, place, outcome) for place, outcome in enumerate(report.outcomes)),
    )
    yield "</div>"
    parts = [f"{counted.unique:,} unique ids of {counted.input:,} in the input"]
    for many, word in (
        (counted.duplicates, "duplicate"),
        (counted.malformed, "malformed"),
        (counted.excluded, "excluded"),
    ):
        if many:
            parts.append(f"{many:,} {word}")
    yield f'<p class="facts">{"; ".join(parts)}.</p></section>'


def requests(report: Report) -> Iterator[str]:
    """What was asked of each API and what came back, with its quota."""
    apis = list(dict.fromkeys([*used_apis(report), *report.quotas]))
    yield '<section id="requests"><h2>Requests</h2>'
    if not apis:
        yield '<p class="facts">No request was made.</p></section>'
        return
    yield from cards(
        ("API", "Sent#", "Answered#", "Throttled#", "Tried again#", "Failed#", "Quota"),
        (_request_row(report, api) for api in apis),
    )
    yield "</section>"


def notes(report: Report) -> Iterator[str]:
    """What a person should know about the run."""
    if not report.notes:
        return
    yield '<section id="notes"><h2>Notes</h2><ul>'
    for name, sentence in report.notes[:MAX_NOTES]:
        yield f"<li>{escape(sentence)} {code(name)}</li>"
    yield "</ul>"
    if len(report.notes) > MAX_NOTES:
        yield f'<p class="facts">… and {len(report.notes) - MAX_NOTES:,} more notes.</p>'
    yield "</section>"


def _outcome_row(report: Report, place: int, outcome: str) -> str:
    many, unique = report.outcomes[outcome], report.input.unique
    share = many / unique if unique else 0.0
    zero = "" if many else ' class="zero"'
    strong = escape(outcome) if outcome in report.over or not many else f"<b>{escape(outcome)}</b>"
    return f'<tr{zero}><td><i class="o{place}"></i>{strong}</td>{number(many)}<td class="n">{percent(share)}</td></tr>'


def _request_row(report: Report, api: str) -> tuple[str, ...]:
    counts, quota = report.requests.get(api), report.quotas.get(api)
    numbers = (counts.sent, counts.ok, counts.throttled, counts.retried, counts.failed) if counts else (0, 0, 0, 0, 0)
    told = escape(describe_quota(quota) if quota else "none met")
    return code(api), *(f"{many:,}" for many in numbers), told
