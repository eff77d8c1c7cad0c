"""What the loops of one run share: the ledger, the desk, and `emit`, through which everything that happens passes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.guards import FailureGuard
from orchestrator.engine.states import FIRST_FINAL, State
from orchestrator.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.engine.clock import Clock
    from orchestrator.engine.desk import Desk
    from orchestrator.engine.ids import PackedIds
    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.options import RunOptions
    from orchestrator.engine.record import Record


_DECISIVE: Final = (ev.BatchAnswered, ev.Gone, ev.Rejected, ev.Seen)  # after these one failure may be too many


class Context:
    """One run's shared things. `emit` is the only way anything changes."""

    desk: Desk
    deadline_at: float = math.inf  # stamp

    def __init__(
        self,
        *,
        operation: BulkOperation,
        ids: PackedIds,
        options: RunOptions,
        ledger: Ledger,
        clock: Clock,
        record: Record | None,
        observers: Sequence[ev.Observer],
    ) -> None:
        self.operation = operation
        self.ids = ids
        self.options = options
        self.ledger = ledger
        self.clock = clock
        self.over = anyio.Event()  # nobody is left
        self._record = record
        self._observers = observers
        limits = options.limits
        self.failure_guard = FailureGuard.of(limits.max_failures, unique=len(ids), sample=limits.failure_sample)

    def emit(self, event: ev.Event) -> None:
        """Let `event` have happened. Raises `GuardError` when it was one failure too many."""
        if isinstance(event, ev.RequestEnded):  # the most frequent of all, and it says nothing of the items
            self._tell(event)
            return
        if isinstance(event, ev.Seen) and (phases := self.ledger.untold(event.statuses)):
            event = replace(event, phases=phases)
        self.ledger.apply(event)
        if self._record is not None:
            self._record.append(event)
        self._tell(event)
        if isinstance(event, _DECISIVE):
            self._judge_failures()
        if not self.ledger.open:
            self.over.set()

    def _tell(self, event: ev.Event) -> None:
        for observer in self._observers:
            observer(event)

    async def flush(self, *, enough: int = 1) -> None:
        """Return when everything emitted so far is on the disk, if there is a record; `enough`: see there."""
        if self._record is not None:
            await self._record.flush(enough=enough)

    @property
    def judged(self) -> int:
        """How many items have shown what becomes of them: final, or accepted."""
        totals = self.ledger.totals
        return sum(totals[FIRST_FINAL:]) + totals[State.WAITING] + totals[State.CONFIRMING]

    def room(self) -> int:
        """How many items may be sent now without risking more failures than allowed."""
        if self.failure_guard is None:
            return len(self.ids)
        undecided = self.ledger.unanswered + self.ledger.totals[State.REFUSED]
        return self.failure_guard.room(failed=self.ledger.failed, undecided=undecided, judged=self.judged)

    def too_many_failures(self) -> str | None:
        """Why the failures so far end the run; None if they do not."""
        guard, failed = self.failure_guard, self.ledger.failed
        if guard is None or not failed or not guard.is_tripped(failed=failed, judged=self.judged):
            return None
        return guard.message(failed)

    def _judge_failures(self) -> None:
        why = self.too_many_failures()
        if why is not None:
            self.desk.close()
            raise GuardError(why)
