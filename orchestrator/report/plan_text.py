"""A plan for people: a table that fits a screen, the requests and times, and what deserves a second look."""

from __future__ import annotations

import textwrap
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.engine.forecast import GENEROUS, TIGHT
from orchestrator.report.harmless import one_line
from orchestrator.report.plan import count
from orchestrator.report.stamps import duration
from orchestrator.report.verdict import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.engine.forecast import Estimate
    from orchestrator.engine.model import Quota
    from orchestrator.report.plan import Finding, Group, Plan

Line: TypeAlias = tuple[str, str]  # style, text

MAX_NAMED = 2  # ids
WIDTH = 100  # columns after which a sentence goes on in the next line
MAX_WORD = 60
STYLES = {"head": "\x1b[1m", "blocks": "\x1b[1;31m", "look": "\x1b[33m", "soft": "\x1b[2m"}
PLAIN = "\x1b[0m"
DONE = {"stop": "stopped", "restart": "restarted", "delete": "deleted"}
METHODS = {"full_amount_migration": "full", "incremental_migration": "incremental"}
RECORDS = {
    "unfinished": "the record there is of this very run, unfinished: a run takes it up again",
    "finished": "the record there is of this very run, finished: a run answers from it and sends nothing (--retry, "
    "--fresh)",
    "other": "the record there is of another run: this one needs another --output, or --fresh",
    "held": "another process is running there now: it must end first",
    "unusable": "the record there cannot be read",
}


def render_plan(plan: Plan, *, colour: bool) -> str:
    """The plan with a line break at its end."""
    lines = [("head", _headline(plan)), ("", ""), *_where(plan), ("", ""), *_table(plan), *_times(plan)]
    lines += _findings(plan.findings)
    return "".join(_styled(style, text.rstrip(), colour=colour) + "\n" for style, text in lines).rstrip("\n") + "\n"


def describe_estimate(estimate: Estimate) -> str:
    """`1.0 s`, or `1.0 s to 5 min 00 s`."""
    if estimate.is_range:
        return f"{duration(estimate.low)} to {duration(estimate.high)}"
    return "less than a second" if estimate.high < 1 else f"about {duration(estimate.high)}"


def _styled(style: str, text: str, *, colour: bool) -> str:
    return f"{STYLES[style]}{text}{PLAIN}" if colour and style and text else text


def _headline(plan: Plan) -> str:
    sending = count(plan.groups.to_send)
    unique = plan.input.unique
    if not unique:
        return f"Plan: there is nothing to {plan.operation}: no task is in this run."
    if plan.record == "finished":
        return f"Plan: this run of {tasks(unique)} is finished already; the same command would send nothing."
    share = "" if plan.shard is None else f" (shard {plan.shard.index} of {plan.shard.count})"
    return f"Plan: {plan.operation} {sending:,} of {tasks(unique)}{share}."


def _where(plan: Plan) -> Iterator[Line]:
    rows = {"run": plan.name, "at": plan.endpoint, "project": plan.project_id, "input": _input(plan)}
    rows["output"] = f"{plan.output}  ({RECORDS[plan.record]})" if plan.record in RECORDS else plan.output
    for key, text in rows.items():
        yield from _sentence("", f"  {key:<8} ", one_line(text, 300))


def _input(plan: Plan) -> str:
    counts = plan.input
    asides = [
        f"{number:,} {word}"
        for number, word in (
            (counts.duplicates, "duplicate"),
            (counts.malformed, "malformed"),
            (counts.excluded, "excluded"),
        )
        if number
    ]
    tail = f" ({', '.join(asides)} left out)" if asides else ""
    return f"{plan.selection or f'{tasks(counts.unique)} named'}{tail}"


def _table(plan: Plan) -> Iterator[Line]:
    groups = plan.groups
    done = DONE.get(plan.operation, "done")
    rows: list[tuple[int, str, str]] = [(g.tasks, f"to {plan.operation}", _kind(g)) for g in groups.to_send]
    rows += [
        (count(part), word, _statuses(part))
        for part, word in (
            (groups.sent_before, "sent before, waited for"),
            (groups.going, "on their way already"),
            (groups.already, f"already {done}"),
            (groups.ended, "ended"),
            (groups.skipped, "skipped"),
        )
        if part
    ]
    if groups.not_found:
        rows.append((len(groups.not_found), "not there", _ids(groups.not_found)))
    if groups.unread:
        rows.append((len(groups.unread), "could not be seen", _ids(list(groups.unread))))
    if groups.over_before:
        rows.append((groups.over_before, "final in the record", "not looked at again"))
    width = max((len(f"{number:,}") for number, _, _ in rows), default=0)
    wide = max((len(word) for _, word, _ in rows), default=0)
    for number, word, aside in rows:
        yield "", f"  {number:>{width},}  {word:<{wide}}  {one_line(aside, 200)}"
    if rows:
        yield "", ""


def _kind(group: Group) -> str:
    method = METHODS.get(group.method, group.method)
    resume = "resumes by itself" if group.resume_mode == "auto" else ""
    return ", ".join(part for part in (one_line(group.status, MAX_WORD), method, resume) if part)


def _statuses(groups: Sequence[Group]) -> str:
    found: dict[str, int] = {}
    for group in groups:
        found[group.status] = found.get(group.status, 0) + group.tasks
    ordered = sorted(found.items(), key=lambda each: -each[1])
    return ", ".join(f"{one_line(status, MAX_WORD)} {number:,}" for status, number in ordered)


def _ids(ids: Sequence[str]) -> str:
    more = len(ids) - MAX_NAMED
    return ", ".join(islice(ids, MAX_NAMED)) + (f" … and {more:,} more" if more > 0 else "")


def _times(plan: Plan) -> Iterator[Line]:
    times = plan.times
    rows = []
    if times.submit.requests:
        rows.append((times.submit.requests, plan.operation, describe_estimate(times.submit)))
    if times.survey.requests:
        rows.append((times.survey.requests, "survey", describe_estimate(times.survey)))
    if times.poll_round.requests:
        parts = [
            f"{number:,} {word}{'s' if number > 1 else ''}"
            for number, word in ((times.poll_pages, "list page"), (times.poll_looks, "single look"))
            if number
        ]
        text = f"{describe_estimate(times.poll_round)} for each look at everything ({', '.join(parts)})"
        rows.append((times.poll_round.requests, "polling", text))
    if not rows:
        return
    yield "head", "Requests and time"
    width = max(len(f"{number:,}") for number, _, _ in rows)
    wide = max(len(word) for _, word, _ in rows)
    for number, word, text in rows:
        yield "", f"  {number:>{width},}  {word:<{wide}}  {text}"
    yield from _sentence("soft", "  ", _basis(plan))
    if times.submit.requests:
        how_long = "How long a task takes to its end is not in this: the service states no time for it."
        yield from _sentence("soft", "  ", how_long)
    yield "", ""


def _basis(plan: Plan) -> str:
    times = plan.times
    parts = []
    if times.quotas:
        parts.append(f"known: {_quotas(times.quotas)}")
    if times.ceiling is not None:
        parts.append(f"your ceiling: {times.ceiling:g} requests a second")
    asked = {plan.operation} if times.submit.requests else set()
    asked |= {"list"} if times.poll_pages else set()
    asked |= {"show"} if times.poll_looks else set()
    unknown = sorted(asked - set(times.quotas))
    if unknown:
        parts.append(
            f"quota of {', '.join(unknown)} not known: between {GENEROUS.limit} in {GENEROUS.seconds:g} s (the "
            f"gateway's default) and {TIGHT.limit} in {TIGHT.seconds / 60:g} min (seen on this cloud) is assumed"
        )
    return "; ".join(parts) or "No request is needed."


def _quotas(quotas: Mapping[str, Sequence[Quota]]) -> str:
    return ", ".join(
        f"{api} {quota.limit:,} in {quota.seconds:g} s" for api, known in sorted(quotas.items()) for quota in known
    )


def _findings(findings: Sequence[Finding]) -> Iterator[Line]:
    if not findings:
        return
    yield "head", "Look twice"
    for finding in sorted(findings, key=lambda each: not each.blocks):
        mark = "!" if finding.blocks else "-"
        yield from _sentence("blocks" if finding.blocks else "look", f"  {mark} ", one_line(finding.text, 600))


def _sentence(style: str, lead: str, text: str) -> Iterator[Line]:
    for line in textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead)):
        yield style, line
