"""Where a run stands: its gauge, and what to say to whoever asks with SIGUSR1, a line or the fields of one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.cli.progress import Numbers, Pace, what_holds_it, where_it_stands
from orchestrator.report.stamps import duration

if TYPE_CHECKING:
    from orchestrator.cli.progress import Tally
    from orchestrator.engine.runner import Run


@dataclass(frozen=True, slots=True)
class RunGauge:
    """The run's numbers as the progress views want them."""

    run: Run

    def numbers(self) -> Numbers:
        """The numbers now."""
        now = self.run.numbers()
        shut = 0 < now.opens_in < math.inf
        return Numbers(
            total=now.total,
            over=now.over,
            waiting=now.waiting,
            failed=now.failed,
            to_send=now.to_send,
            throttled_until=time.time() + now.opens_in if shut else None,
        )


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
