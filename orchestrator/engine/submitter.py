"""The submitter: takes batches from the queue, writes the intent down, and sends them; `replies` sees to the rest."""

from __future__ import annotations

from asyncio import Lock
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.canary import Canary
from orchestrator.engine.clock import loop_time
from orchestrator.engine.feasibility import Feasibility
from orchestrator.engine.model import Failure, Verdict
from orchestrator.engine.replies import Replies
from orchestrator.engine.slots import Lane
from orchestrator.engine.states import State
from orchestrator.errors import RunRefusedError, ServiceError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from orchestrator.engine.agenda import Agenda
    from orchestrator.engine.context import Context
    from orchestrator.engine.desk import Ticket
    from orchestrator.engine.isolation import Isolation
    from orchestrator.engine.ready import Ready

HANDS = 5  # for each request that may be in flight: while it is out, four more are written down, with others
CROWD = 4  # of these wait for the disk, and the fifth is out: then they wait no longer for others
GLANCE = 0.5  # seconds until the guards are asked again whether more may be sent
NOT_SENT = Failure(verdict=Verdict.UNREACHED, message="the run was ending: it was not sent")
NOT_DUE = Failure(verdict=Verdict.UNREACHED, message="its turn did not come: it was not sent")
NOT_PROCESSED = frozenset({Verdict.THROTTLED, Verdict.UNAUTHENTICATED, Verdict.UNREACHED})


@dataclass(slots=True)
class Batch:
    """What goes out in one request, and the isolation that it is a part of."""

    number: int
    items: list[int]
    isolation: Isolation | None


class Submitter:
    """Hands that form batches, one at a time and each at the last moment: some get ready while others are out."""

    def __init__(self, context: Context, *, ready: Ready, agenda: Agenda) -> None:
        self._context = context
        self._ready = ready
        self._replies = Replies(context, ready=ready, agenda=agenda)
        self._api = context.operation.name
        self._size = min(context.options.submit.batch_size, context.operation.max_batch)
        self._canary = Canary(context.options.limits.canary, ledger=context.ledger, ids=context.ids)
        self._feasibility = Feasibility(context, batch_size=self._size)
        self._turn = Lock()  # to form a batch
        self._crowd = CROWD * context.options.submit.workers
        self._unreached = 0  # sends in a row that did not reach the service
        self._last = context.ledger.last_batch

    async def run(self) -> None:
        """Send whatever becomes ready, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for number in range(HANDS * self._context.options.submit.workers):
                tasks.start_soon(self._hand, tasks, name=f"submit-{number}")

    async def _hand(self, tasks: TaskGroup) -> None:
        """Form one batch after the other and see it through; it does not wait for the pause after a failure."""
        while True:
            async with self._turn:
                ticket, batch = await self._form()
            with ticket:
                pause = await self._see_through(ticket, batch)
            if pause == 0.0:
                self._put_back(batch)
            elif pause is not None:
                tasks.start_soon(self._put_back_after, pause, batch, name="pause")

    async def _form(self) -> tuple[Ticket, Batch]:
        """Wait for leave, and take what is ready then; its intent is on its way to the disk."""
        while True:
            await self._wait_until_worth_it()
            ticket = await self._context.desk.admit(self._api, Lane.SUBMIT, prepares=True)
            try:
                items, isolation = self._take()
                if items:
                    return ticket, self._intend(items, isolation)
            except BaseException:
                ticket.close()
                raise
            ticket.close()
            with anyio.move_on_after(GLANCE):  # the guards allow nothing now: an answer or a look will change that
                await self._ready.changed.wait()

    async def _wait_until_worth_it(self) -> None:
        """Until there is a batch: a full one, or what there is when more was waited for in vain for long enough."""
        ready, most, since = self._ready, 0, loop_time()
        while (patience := ready.patience(self._size)) > 0:
            now = loop_time()
            if ready.waiting > most:  # only that more came is a reason to wait on, whatever else changed
                most, since = ready.waiting, now
            if now >= since + patience:
                return
            await ready.changed.wait(since + patience - now)

    def _take(self) -> tuple[list[int], Isolation | None]:
        """The items of the next batch, as far as the guards allow."""
        totals = self._context.ledger.totals
        feasible = self._feasibility.room(sent_any=self._last > 0)
        fresh = self._canary.room()
        room = int(min(self._size, self._context.room(), fresh + self._canary.returning, feasible))
        # An answer to what is in flight makes room: requests are scarcer than the time until then.
        is_cut = room < min(self._size, totals[State.READY])
        return self._ready.take(0 if is_cut and totals[State.SENDING] else room, fresh=fresh)

    def _intend(self, items: list[int], isolation: Isolation | None) -> Batch:
        self._last += 1
        self._canary.sent(items)
        self._context.emit(ev.BatchIntended(at=self._context.clock.stamp(), batch=self._last, items=items))
        return Batch(self._last, items, isolation)

    async def _see_through(self, ticket: Ticket, batch: Batch) -> float | None:
        """Send it when its moment comes. Returns seconds until it is to be put back, None if it is not."""
        if await self._is_due(ticket, batch):
            return await self._send(ticket, batch)
        return None if self._context.desk.is_closed else 0.0  # closed: the run was told to end meanwhile

    async def _is_due(self, ticket: Ticket, batch: Batch) -> bool:
        """Have the intent on the disk, then wait for the moment. False, and taken back, if it is not to leave."""
        replies = self._replies
        try:
            await self._context.flush(enough=self._crowd)
            if await ticket.due() and not replies.overtaken(batch.items):
                return True
        except BaseException:  # the disk, or an end that came meanwhile: nothing has left
            replies.returned(batch.number, batch.items, NOT_SENT)
            raise
        # The run ends, a 401 or a 429 came, or a look: the batch is made up again.
        replies.returned(batch.number, batch.items, NOT_SENT if self._context.desk.is_closed else NOT_DUE)
        replies.catch_up(batch.items)
        return False

    async def _send(self, ticket: Ticket, batch: Batch) -> float | None:
        """Send one batch. Returns seconds after which it is to be put back, None if it was processed or is lost."""
        context, replies, items = self._context, self._replies, batch.items
        ids = context.ids.texts(items)
        try:
            ack = await ticket.send(lambda: context.operation.submit(ids), batch=batch.number)
        except ServiceError as error:
            failure = error.failure
            if failure.verdict in NOT_PROCESSED:
                replies.returned(batch.number, items, failure)
                replies.catch_up(items)
                self._unreached = self._unreached + 1 if failure.verdict is Verdict.UNREACHED else 0
                return context.desk.delay_after(failure, self._unreached) if self._unreached else 0.0
            spoiled = replies.failed(failure, batch.number, items, is_part=batch.isolation is not None)
        except RunRefusedError as error:
            replies.returned(batch.number, items, error.failure)
            raise
        else:
            self._unreached = 0
            replies.answered(ack, batch.number, items, ids)
            spoiled = False
        if batch.isolation is not None:
            self._ready.release([item for item in items if len(items) == 1 or not spoiled])
            self._ready.step(batch.isolation, spoiled=spoiled)
        self._ready.changed.give()
        return None

    async def _put_back_after(self, pause: float, batch: Batch) -> None:
        await anyio.sleep(pause)
        self._put_back(batch)

    def _put_back(self, batch: Batch) -> None:
        if batch.isolation is None:
            self._ready.put_back(batch.items)
        else:
            self._ready.put_part_back(batch.items, batch.isolation)
