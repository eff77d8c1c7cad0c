"""Whether the deadline can be met at all: judged before the first send, and said aloud when it turns out later."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orchestrator.engine import events as ev
from orchestrator.engine.guards import span
from orchestrator.engine.states import State
from orchestrator.errors import GuardError

if TYPE_CHECKING:
    from orchestrator.engine.context import Context

NAME = "deadline.out_of_reach"


class Feasibility:
    """Lets batches go as long as what is left fits before the deadline; knows only quotas, configured or learned."""

    def __init__(self, context: Context, *, batch_size: int) -> None:
        self._context = context
        self._size = batch_size
        self._said = False

    def room(self, *, sent_any: bool) -> float:
        """How many items may be sent now. Before anything was sent it waits for certainty where there is doubt.

        Raises `GuardError` when nothing was sent yet and the deadline cannot be met.
        """
        context = self._context
        left = context.deadline_at - context.clock.stamp()
        capacity = context.desk.pacing.capacity(context.operation.name, left)
        if capacity == math.inf or self._said:
            return math.inf
        totals = context.ledger.totals
        certain = totals[State.READY]
        possible = certain + totals[State.UNSEEN] + totals[State.MISSING]
        if self._requests(possible) <= capacity:
            return math.inf
        if self._requests(certain) <= capacity:
            return math.inf if sent_any else 0  # the survey will tell how many there are
        message = self._message(certain, left, capacity)
        if not sent_any:
            raise GuardError(f"{message}; nothing was sent: raise limits.deadline, or split the list")
        self._said = True
        context.emit(ev.Noted(at=context.clock.stamp(), name=NAME, text=message))
        return math.inf

    def _requests(self, items: int) -> int:
        return math.ceil(items / self._size)

    def _message(self, items: int, left: float, capacity: float) -> str:
        requests = self._requests(items)
        needed = span(left * requests / capacity) if capacity else "longer than that"
        return (
            f"{items} tasks are left to send, {requests} requests; the known quota lets about {int(capacity)} of them "
            f"through in the {span(left)} before the deadline and needs about {needed} for all"
        )
