"""The figures, as tables for people and as JSON for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.benchmarks.cases import BATCH, PAGE
from tests.benchmarks.results import OURS, goals, net_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.measuring import Measured
    from tests.benchmarks.results import CaseResult, Goal

SCHEMA = "orchestrator.benchmarks/1"
APIS = ("stop", "list", "show")
_HEAD = (
    *("peer", "CPU s", "kernel s", "µs/task", "net µs", "÷ ours", "peak MB", *APIS, "throttled"),
    *("submit s", "last end s", "report s", "lag s", "load"),
)
LEGEND = (
    "CPU is user and system time of the peer's process, kernel the system's part; net is without what its start "
    f"takes. The row `bound` holds the fewest requests there can be ({BATCH} ids a stop, {PAGE:,} rows a page), the "
    "shortest time from the first to the last stop that the quota permits, and the earliest end of the last task; a "
    "report cannot come before the last task's end, and lag is the time between the two. Throttled answers are "
    "counted by the service."
)


def render(
    results: Sequence[CaseResult],
    start_up: Mapping[str, float],
    machine: Mapping[str, str],
    settings: Mapping[str, Any],
) -> str:
    """Write everything that was measured as Markdown that is readable as it stands."""
    where = ", ".join(
        f"{name} {words}" if name not in {"machine", "system"} else words for name, words in machine.items()
    )
    how = ", ".join(f"{name} {value}" for name, value in settings.items())
    started = ", ".join(f"{peer} {seconds:.2f}" for peer, seconds in start_up.items())
    parts = [f"{where}\n\n{how}. CPU seconds of a start: {started}.\n\n{LEGEND}"]
    parts += [render_case(result, start_up) for result in results]
    judged = goals(results, start_up)
    if judged:
        parts.append("### goals\n\n" + render_goals(judged))
    return "\n\n".join(parts) + "\n"


def render_case(result: CaseResult, start_up: Mapping[str, float]) -> str:
    """Write one case: its title, its table, and who is not in it and why."""
    case = result.case
    ours = result.of(OURS)
    rows = [_bound(result)]
    rows += [_row(m, ours, start_up) for m in map(result.of, result.rounds) if m is not None]
    lines = [f"### {case.name}: {case.title} ({case.tasks:,} tasks, {case.in_list:,} in the list)", ""]
    lines += [_table(_HEAD, rows)]
    if result.skipped:
        lines += ["", *(f"- {peer} is left out: {why}" for peer, why in result.skipped.items())]
    return "\n".join(lines)


def render_goals(judged: Sequence[Goal]) -> str:
    """Write the promises and what became of them."""
    rows = [
        (
            *(goal.case, goal.name, f"{goal.value:.3g}"),
            ("≥ " if goal.at_least else "≤ ") + f"{goal.bound:g}",
            "met" if goal.met else "MISSED",
        )
        for goal in judged
    ]
    return _table(("case", "ours", "measured", "goal", ""), rows)


def as_json(
    results: Sequence[CaseResult],
    start_up: Mapping[str, float],
    machine: Mapping[str, str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Give everything that was measured, every round of it, as plain data."""
    return {
        "schema": SCHEMA,
        "machine": dict(machine),
        "settings": dict(settings),
        "start_up_cpu_seconds": dict(start_up),
        "cases": [_case_as_json(result, start_up) for result in results],
        "goals": [
            {"case": g.case, "name": g.name, "value": g.value, "bound": g.bound, "at_least": g.at_least, "met": g.met}
            for g in goals(results, start_up)
        ],
    }


def _case_as_json(result: CaseResult, start_up: Mapping[str, float]) -> dict[str, Any]:
    case, ours = result.case, result.of(OURS)
    medians = {peer: found for peer in result.rounds if (found := result.of(peer)) is not None}
    return {
        "name": case.name,
        "title": case.title,
        "tasks": case.tasks,
        "in_list": case.in_list,
        "service": case.simulator(),
        "bound": {
            "requests": case.least_requests(),
            "submit_seconds": case.least_submit_seconds(),
            "last_end_seconds": _earliest_end(result),
        },
        "rounds": {
            peer: [m.as_json() | {"net_us_per_task": net_micros(m, start_up)} for m in rounds]
            for peer, rounds in result.rounds.items()
        },
        "skipped": dict(result.skipped),
        "cpu_ratio_to_ours": {
            peer: found.cpu_seconds / ours.cpu_seconds for peer, found in medians.items() if ours is not None
        },
        "request_ratio_to_ours": {
            peer: found.total_requests / ours.total_requests for peer, found in medians.items() if ours is not None
        },
    }


def _earliest_end(result: CaseResult) -> float:
    """No order of sending ends sooner than the slowest task, or than the last stop may be sent."""
    return max(result.longest_stop_seconds, result.case.least_submit_seconds())


def _bound(result: CaseResult) -> tuple[str, ...]:
    requests = result.case.least_requests()
    return (
        *("bound", "", "", "", "", "", "", *(f"{requests[api]:,}" for api in APIS), "0"),
        *(f"{result.case.least_submit_seconds():.1f}", f"{_earliest_end(result):.1f}", "last end", "", ""),
    )


def _row(measured: Measured, ours: Measured | None, start_up: Mapping[str, float]) -> tuple[str, ...]:
    throttled = ", ".join(f"{api} {measured.throttled[api]:,}" for api in APIS if measured.throttled.get(api))
    return (
        measured.peer,
        f"{measured.cpu_seconds:.2f}",
        f"{measured.system_seconds:.2f}",
        f"{measured.micros:.1f}",
        f"{net_micros(measured, start_up):.1f}",
        "" if ours is None else f"{measured.cpu_seconds / ours.cpu_seconds:.2f}",
        f"{measured.peak_bytes / 1e6:.0f}",
        *(f"{measured.requests.get(api, 0):,}" for api in APIS),
        throttled or "0",
        f"{measured.submit_seconds:.1f}",
        f"{measured.last_end_seconds:.1f}",
        f"{measured.report_seconds:.1f}",
        f"{measured.lag_seconds:.1f}",
        f"{measured.load:.1f}",
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(_padded(cell, width, place) for place, (cell, width) in enumerate(zip(line, widths, strict=True)))
        + " |"
        for line in lines
    )


def _padded(cell: str, width: int, place: int) -> str:
    is_number = place > 0 and cell[:1].isdigit()
    return cell.rjust(width) if is_number else cell.ljust(width)
