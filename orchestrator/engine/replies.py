"""What came of a batch, as events, and who is looked at for it; in the words of the service, or for want of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from orchestrator.engine import events as ev
from orchestrator.engine.model import Failure, Phase, Verdict
from orchestrator.engine.states import PENDING
from orchestrator.errors import RunRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from orchestrator.engine.agenda import Agenda
    from orchestrator.engine.context import Context
    from orchestrator.engine.model import Ack
    from orchestrator.engine.ready import Ready


class Replies:
    """Sees to what comes back, and to what was seen meanwhile."""

    def __init__(self, context: Context, *, ready: Ready, agenda: Agenda) -> None:
        self._context = context
        self._ready = ready
        self._agenda = agenda

    def returned(self, batch: int, items: Sequence[int], failure: Failure) -> None:
        """It did not leave, or was certainly not processed."""
        self._context.emit(ev.BatchReturned(at=self._context.clock.stamp(), batch=batch, items=items, failure=failure))

    def overtaken(self, items: Collection[int]) -> list[int]:
        """Who of a batch was seen in another state than one to be asked for while the batch was out."""
        return self._context.ledger.in_other_phase(items, Phase.ACTIONABLE)

    def catch_up(self, items: Collection[int]) -> None:
        """What was seen while a batch was out decided nothing. It came back as it left: now it does."""
        context, ledger, seen = self._context, self._context.ledger, defaultdict[str, list[int]](list)
        overtaken = self.overtaken(items)
        for item in overtaken:
            seen[ledger.words[ledger.status[item]]].append(item)
        if seen:
            stamp = context.clock.stamp()
            context.emit(ev.Seen(at=stamp, source="look", statuses=dict(seen)))
            pending = [item for item in overtaken if ledger.state[item] in PENDING]
            self._agenda.track(pending, [stamp] * len(pending), seen_at=stamp)

    def answered(self, ack: Ack, batch: int, items: Sequence[int], ids: Sequence[str]) -> None:
        """Match the answer to the items by id, never by position."""
        context, stamp = self._context, self._context.clock.stamp()
        final: dict[int, Failure] = {}
        again: dict[int, Failure] = {}
        silent: list[int] = []
        if ack.accepted == ids:  # as nearly always
            accepted = items
        else:
            named = dict(zip(ids, items, strict=True))
            accepted = [named[item_id] for item_id in dict.fromkeys(ack.accepted) if item_id in named]
            taken = set(accepted)
            refusals = {named[key]: failure for key, failure in ack.refused.items() if key in named}
            final = {item: f for item, f in refusals.items() if f.verdict is Verdict.REJECTED and item not in taken}
            again = {item: f for item, f in refusals.items() if item not in taken and item not in final}
            silent = [item for item in items if item not in taken and item not in refusals]
        context.emit(
            ev.BatchAnswered(
                at=stamp,
                batch=batch,
                accepted=accepted,
                refused=again,
                rejected=final,
                unmentioned=silent,
                request_id=ack.request_id,
            )
        )
        self._agenda.track(accepted, [stamp] * len(accepted))
        self._look_into(again, soonest=0.0)
        self._look_into(silent, soonest=context.options.poll.first_after)

    def failed(self, failure: Failure, batch: int, items: Sequence[int], *, is_part: bool) -> bool:
        """It was not answered item by item. Returns whether some of its ids spoiled it.

        `is_part` says that it is a part of an isolation, which goes on by itself. Raises `RunRefusedError`.
        """
        context, stamp = self._context, self._context.clock.stamp()
        if failure.verdict is Verdict.LOST:
            context.emit(ev.BatchLost(at=stamp, batch=batch, items=items, failure=failure))
            self._look_into(items, soonest=context.options.poll.first_after)
            return False
        if failure.verdict in (Verdict.FORBIDDEN, Verdict.RUN_REFUSED):
            context.desk.close()  # before anybody else gets a turn
            self.returned(batch, items, failure)
            raise RunRefusedError(failure)
        if len(items) > 1:
            context.emit(ev.BatchSpoiled(at=stamp, batch=batch, items=items, failure=failure))
            self.catch_up(items)
            if not is_part:
                self._ready.spoiled(items)
        elif failure.verdict is Verdict.REJECTED:
            context.emit(ev.BatchAnswered(at=stamp, batch=batch, accepted=(), rejected={items[0]: failure}))
        else:
            context.emit(ev.BatchAnswered(at=stamp, batch=batch, accepted=(), refused={items[0]: failure}))
            self._look_into(items, soonest=0.0)
        return True

    def _look_into(self, items: Collection[int], *, soonest: float) -> None:
        """Refused, lost or not mentioned: a look decides what comes next, the later the more tries there were."""
        if not items:  # as nearly always
            return
        context = self._context
        stamp, ledger = context.clock.stamp(), context.ledger
        for item in items:
            failure = ledger.failures[item]
            due = stamp + max(context.desk.delay_after(failure, ledger.tries[item]), soonest)
            if failure.verdict is Verdict.BAD_ITEM:  # nothing is tried again after that look: it can wait for others
                due = self._agenda.together(due)
            self._agenda.undecided_until[item] = due
            self._agenda.look_at(item, due)
