"""The submitter: takes batches from the queue, writes the intent down, sends, and turns the answer into events."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.canary import Canary
from orchestrator.engine.feasibility import Feasibility
from orchestrator.engine.model import Failure, Phase, Verdict
from orchestrator.engine.slots import Lane
from orchestrator.engine.states import PENDING, State
from orchestrator.errors import RunRefusedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anyio.abc import TaskStatus

    from orchestrator.engine.agenda import Agenda
    from orchestrator.engine.context import Context
    from orchestrator.engine.desk import Ticket
    from orchestrator.engine.isolation import Isolation
    from orchestrator.engine.model import Ack
    from orchestrator.engine.ready import Ready

GLANCE = 0.5  # seconds until the guards are asked again whether more may be sent
NOT_SENT = Failure(verdict=Verdict.UNREACHED, message="the run was ending: it was not sent")
NOT_DUE = Failure(verdict=Verdict.UNREACHED, message="its turn did not come: it was not sent")
NOT_PROCESSED = frozenset({Verdict.THROTTLED, Verdict.UNAUTHENTICATED, Verdict.UNREACHED})


class Submitter:
    """One dispatcher that forms batches at the last moment; each is sent by a task of its own."""

    def __init__(self, context: Context, *, ready: Ready, agenda: Agenda) -> None:
        self._context = context
        self._ready = ready
        self._agenda = agenda
        self._api = context.operation.name
        self._size = min(context.options.submit.batch_size, context.operation.max_batch)
        self._canary = Canary(context.options.limits.canary, ledger=context.ledger, ids=context.ids)
        self._feasibility = Feasibility(context, batch_size=self._size)
        self._unreached = 0  # sends in a row that did not reach the service
        self._batch = context.ledger.last_batch

    async def run(self) -> None:
        """Send whatever becomes ready, until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._wait_until_worth_it()
                await tasks.start(self._send_one, name="submit")

    async def _wait_until_worth_it(self) -> None:
        """Until there is a batch: a full one, or what there is when waiting for more has lasted long enough."""
        while (patience := self._ready.patience(self._size)) > 0:
            changed = self._ready.changed
            with anyio.move_on_after(patience) as wait:
                await changed.wait()
            if wait.cancelled_caught:
                return

    async def _send_one(self, *, task_status: TaskStatus[None]) -> None:
        """Wait for leave, take what is ready then, and see it through. `task_status` tells the dispatcher to go on."""
        async with self._context.desk.admit(self._api, Lane.SUBMIT, prepares=True) as ticket:
            pause = None
            items, isolation = self._take()
            if items:
                batch = self._intend(items)
                task_status.started()
                is_due = await self._is_due(ticket, batch, items)
                if not is_due and self._context.desk.is_closed:  # the run was told to end meanwhile
                    return
                pause = await self._send(ticket, batch, items, isolation) if is_due else 0.0
        if not items:
            with anyio.move_on_after(GLANCE):  # the guards allow nothing now: an answer or a look will change that
                await self._ready.changed.wait()
            task_status.started()
        elif pause is not None:
            await anyio.sleep(pause)
            self._put_back(items, isolation)

    async def _is_due(self, ticket: Ticket, batch: int, items: list[int]) -> bool:
        """Have the intent on the disk, then wait for the moment. False, and taken back, if it is not to leave."""
        try:
            await self._context.flush()
            if await ticket.due() and not self._overtaken(items):
                return True
        except BaseException:  # the disk, or an end that came meanwhile: nothing has left
            self._return(batch, items, NOT_SENT)
            raise
        # The run ends, a 401 or a 429 came, or a look: the batch is made up again.
        self._return(batch, items, NOT_SENT if self._context.desk.is_closed else NOT_DUE)
        self._catch_up(items)
        return False

    def _intend(self, items: list[int]) -> int:
        self._batch += 1
        self._canary.sent(items)
        self._context.emit(ev.BatchIntended(at=self._context.clock.stamp(), batch=self._batch, items=items))
        return self._batch

    def _take(self) -> tuple[list[int], Isolation | None]:
        """The next batch, as far as the guards allow."""
        totals = self._context.ledger.totals
        feasible = self._feasibility.room(sent_any=self._batch > 0)
        fresh = self._canary.room()
        room = int(min(self._size, self._context.room(), fresh + self._canary.returning, feasible))
        # An answer to what is in flight makes room: requests are scarcer than the time until then.
        is_cut = room < min(self._size, totals[State.READY])
        return self._ready.take(0 if is_cut and totals[State.SENDING] else room, fresh=fresh)

    async def _send(self, ticket: Ticket, batch: int, items: list[int], isolation: Isolation | None) -> float | None:
        """Send one batch. Returns seconds after which it is to be put back, None if it was processed or is lost."""
        context = self._context
        ids = context.ids.texts(items)
        try:
            ack = await ticket.send(lambda: context.operation.submit(ids), batch=batch)
        except ServiceError as error:
            failure = error.failure
            if failure.verdict in NOT_PROCESSED:
                self._return(batch, items, failure)
                self._catch_up(items)
                self._unreached = self._unreached + 1 if failure.verdict is Verdict.UNREACHED else 0
                return context.desk.delay_after(failure, self._unreached) if self._unreached else 0.0
            spoiled = self._failed(failure, batch, items, isolation)
        except RunRefusedError as error:
            self._return(batch, items, error.failure)
            raise
        else:
            self._unreached = 0
            self._answered(ack, batch, items, ids)
            spoiled = False
        if isolation is not None:
            self._ready.release([item for item in items if len(items) == 1 or not spoiled])
            self._ready.step(isolation, spoiled=spoiled)
        self._ready.wake()
        return None

    def _return(self, batch: int, items: list[int], failure: Failure) -> None:
        self._context.emit(ev.BatchReturned(at=self._context.clock.stamp(), batch=batch, items=items, failure=failure))

    def _overtaken(self, items: Iterable[int]) -> list[int]:
        """Who of a batch was seen in another state than one to be asked for while the batch was out."""
        phase_of = self._context.ledger.phase_of
        return [item for item in items if phase_of(item) is not Phase.ACTIONABLE]

    def _catch_up(self, items: Iterable[int]) -> None:
        """What was seen while a batch was out decided nothing. It came back as it left: now it does."""
        context, ledger, seen = self._context, self._context.ledger, defaultdict[str, list[int]](list)
        overtaken = self._overtaken(items)
        for item in overtaken:
            seen[ledger.words[ledger.status[item]]].append(item)
        if seen:
            stamp = context.clock.stamp()
            context.emit(ev.Seen(at=stamp, source="look", statuses=dict(seen)))
            pending = [item for item in overtaken if ledger.state[item] in PENDING]
            self._agenda.track(pending, [stamp] * len(pending), seen_at=stamp)

    def _answered(self, ack: Ack, batch: int, items: list[int], ids: list[str]) -> None:
        """Match the answer to the items by id, never by position."""
        context, stamp = self._context, self._context.clock.stamp()
        named = dict(zip(ids, items, strict=True))
        accepted = [named[item_id] for item_id in dict.fromkeys(ack.accepted) if item_id in named]
        final: dict[int, Failure] = {}
        again: dict[int, Failure] = {}
        silent: list[int] = []
        if len(accepted) < len(items):
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

    def _failed(self, failure: Failure, batch: int, items: list[int], isolation: Isolation | None) -> bool:
        """Deal with a batch that was not answered item by item. Returns whether it was spoiled by some of its ids."""
        context, stamp = self._context, self._context.clock.stamp()
        if failure.verdict is Verdict.LOST:
            context.emit(ev.BatchLost(at=stamp, batch=batch, items=items, failure=failure))
            self._look_into(items, soonest=context.options.poll.first_after)
            return False
        if failure.verdict in (Verdict.FORBIDDEN, Verdict.RUN_REFUSED):
            context.desk.close()  # before anybody else gets a turn
            self._return(batch, items, failure)
            raise RunRefusedError(failure)
        if len(items) > 1:
            context.emit(ev.BatchSpoiled(at=stamp, batch=batch, items=items, failure=failure))
            self._catch_up(items)
            if isolation is None:
                self._ready.spoiled(items)
        elif failure.verdict is Verdict.REJECTED:
            context.emit(ev.BatchAnswered(at=stamp, batch=batch, accepted=(), rejected={items[0]: failure}))
        else:
            context.emit(ev.BatchAnswered(at=stamp, batch=batch, accepted=(), refused={items[0]: failure}))
            self._look_into(items, soonest=0.0)
        return True

    def _put_back(self, items: list[int], isolation: Isolation | None) -> None:
        if isolation is None:
            self._ready.put_back(items)
        else:
            self._ready.put_part_back(items, isolation)

    def _look_into(self, items: Iterable[int], *, soonest: float) -> None:
        """Refused, lost or not mentioned: a look decides what comes next, the later the more tries there were."""
        context = self._context
        stamp, ledger = context.clock.stamp(), context.ledger
        for item in items:
            delay = context.desk.delay_after(ledger.failures[item], ledger.tries[item])
            due = self._agenda.undecided_until[item] = stamp + max(delay, soonest)
            self._agenda.look_at(item, due)
