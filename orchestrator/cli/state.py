"""The state of a run for whoever asks with SIGUSR1: one line for people, the same as fields for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli.progress import Pace, what_holds_it, where_it_stands
from orchestrator.report.stamps import duration

if TYPE_CHECKING:
    from orchestrator.cli.progress import Numbers, Tally


def state_line(numbers: Numbers, tally: Tally, at: float) -> str:
    """`state: 3,100 of 5,000 over, 1,200 waiting, 700 to send, stop quota (12 in 5 s) opens in 2.1 s; requests: …`."""
    stands = ", ".join([*where_it_stands(numbers), *what_holds_it(numbers, tally, Pace(), at)])
    requests = ", ".join(
        f"{sum(results.values()):,} {api}"
        + (f" ({results['throttled']:,} throttled)" if results.get("throttled") else "")
        for api, results in sorted(tally.requests.items())
    )
    return f"state: {stands}; requests: {requests or 'none yet'}"


def state_fields(numbers: Numbers, tally: Tally, at: float) -> dict[str, Any]:
    """The same as the fields of a log line."""
    fields: dict[str, Any] = {
        "tasks": numbers.total,
        "over": numbers.over,
        "waiting": numbers.waiting,
        "failed": numbers.failed,
        "to_send": numbers.to_send,
        "requests": {api: sum(results.values()) for api, results in sorted(tally.requests.items())},
    }
    if shut := tally.throttled_now(at):
        fields["quota_opens_in"] = {api: duration(seconds) for api, seconds in shut.items()}
    return fields
