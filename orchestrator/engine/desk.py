"""The desk: every request of a run passes here. It waits for its pace and a slot, is sent, counted, and retried."""

from __future__ import annotations

from asyncio import Lock
from collections import Counter, defaultdict
from contextlib import nullcontext
from typing import TYPE_CHECKING, Self, TypeVar

import anyio

from orchestrator.engine.brake import Brake
from orchestrator.engine.clock import loop_time
from orchestrator.engine.events import QuotaLearned, RequestEnded, Tallied
from orchestrator.engine.model import Failure, Verdict
from orchestrator.engine.retry import AGAIN, Budget, delay_after
from orchestrator.errors import RunRefusedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from random import Random

    from orchestrator.engine.clock import Clock
    from orchestrator.engine.events import Event
    from orchestrator.engine.options import RetryOptions
    from orchestrator.engine.pacing import Pacing, Permit
    from orchestrator.engine.slots import Lane, Slots

T = TypeVar("T")


class Desk:
    """Sends requests one by one. Reads (`ask`) are retried here; an action (`admit`) is the caller's to judge."""

    def __init__(
        self,
        *,
        pacing: Pacing,
        slots: Slots,
        retry: RetryOptions,
        emit: Callable[[Event], None],
        clock: Clock,
        random: Random,
        brake: Brake | None = None,
    ) -> None:
        self.pacing = pacing
        self.slots = slots
        self.failing_since: float | None = None  # stamp of the first failure since the last answer of any use
        self._retry = retry
        self.emit = emit
        self.clock = clock
        self._random = random
        self._brake = brake or Brake()
        self._budget = Budget()
        self._one_retry = Lock()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._closed = False

    def close(self) -> None:
        """Let nothing new leave from now on; what is in flight goes on."""
        self._closed = True

    @property
    def is_closed(self) -> bool:
        """Whether nothing new may leave."""
        return self._closed

    def tally(self) -> Tallied | None:
        """What came back since the last call, as an event; None if nothing did."""
        if not self._counts:
            return None
        counts = {api: dict(counter) for api, counter in self._counts.items()}
        self._counts.clear()
        return Tallied(at=self.clock.stamp(), requests=counts)

    async def admit(self, api: str, lane: Lane, *, prepares: bool = False) -> Ticket:
        """Wait until one request of `api` may leave. The ticket is closed by who asked for it.

        With `prepares`, there is something to do before `ticket.due()`, and it is given a little sooner.
        """
        return Ticket(self, api, lane, await self._permit(api, prepares=prepares))

    async def ask(self, api: str, lane: Lane, call: Callable[[], Awaitable[T]], *, waits_for_quota: bool = True) -> T:
        """Make a read, again and again while that may help, at most `retry.attempts` times.

        Raises `ServiceError` with the last failure, or `RunRefusedError` where nothing of the run can succeed.
        Unless it `waits_for_quota` a throttled answer is raised as well: there may be another way to know.
        """
        attempt = 1
        while True:
            async with self._turn(attempt):
                with await self.admit(api, lane) as ticket:
                    if not await ticket.due():
                        continue
                    try:
                        return await ticket.send(call, attempt=attempt, last=attempt >= self._retry.attempts)
                    except ServiceError as error:
                        failure = error.failure
                        hopeless = failure.verdict not in AGAIN or attempt >= self._retry.attempts
                        if hopeless and not is_free(failure):
                            raise
                        if failure.verdict is Verdict.THROTTLED and not waits_for_quota:
                            raise
            if not is_free(failure):
                await anyio.sleep(ticket.delay)
                attempt += 1

    def _turn(self, attempt: int) -> AbstractAsyncContextManager[object]:
        """Retries draw on the run's budget; when it is spent, one retry is out at a time, and nothing ends."""
        if attempt == 1:
            return _AT_ONCE
        if self._budget.is_spent:
            return self._one_retry
        self._budget.retried()
        return _AT_ONCE

    def delay_after(self, failure: Failure, attempt: int) -> float:
        """Seconds to wait after `failure`."""
        return delay_after(failure, attempt, self._retry, self._random)

    async def _permit(self, api: str, *, prepares: bool) -> Permit:
        while True:
            if self._brake.is_held:
                self.failing_since = None  # who is not asked need not answer
                await self._brake.wait()
            permit = await self.pacing.reserve(api, prepares=prepares)
            if not self._brake.is_held and not self.is_closed:
                return permit
            permit.cancel()  # pulled, or closed, while this waited for its turn
            if self.is_closed:
                await anyio.sleep_forever()  # nothing new leaves any more

    def count(self, ended: RequestEnded) -> None:
        """One request came back, or was given up."""
        self._counts[ended.api][ended.result] += 1
        self.emit(ended)

    def note_answer(self, failure: Failure | None) -> None:
        """Keep watch over whether the service answers at all."""
        if failure is None:
            self._budget.succeeded()
        if failure is not None and failure.verdict in AGAIN:
            if self.failing_since is None and not self._brake.is_held:
                self.failing_since = self.clock.stamp()
        else:
            self.failing_since = None


class Ticket:
    """Leave for one request; from its moment on until it is closed, a place among those in flight, too."""

    __slots__ = ("_api", "_batch", "_desk", "_has_slot", "_lane", "_permit", "_sent_at", "delay")

    def __init__(self, desk: Desk, api: str, lane: Lane, permit: Permit) -> None:
        self._desk = desk
        self._api = api
        self._lane = lane
        self._permit: Permit | None = permit
        self._sent_at = 0.0
        self._batch = 0
        self._has_slot = False
        self.delay = 0.0  # seconds to wait before the same request is made again

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its place, and of its leave if that was not used."""
        if self._has_slot:
            self._has_slot = False
            self._desk.slots.release()
        if self._permit is not None:
            self._permit.cancel()
            self._permit = None

    @property
    def is_current(self) -> bool:
        """Whether the leave still holds: a 401 that came since takes it back."""
        return self._permit is not None and self._permit.is_current

    async def due(self) -> bool:
        """Wait until it may leave, and for a place. False if it is not to: its turn, or the run, was over meanwhile."""
        permit = self._permit
        return permit is not None and self.may_leave and await permit.due(self._take_place) and self.may_leave

    async def _take_place(self) -> bool:
        """Wait for a place. False if the leave was lost meanwhile."""
        await self._desk.slots.acquire(self._lane)
        self._has_slot = True
        return self.may_leave

    @property
    def may_leave(self) -> bool:
        """Not if the run came to its end, or a 401 came, since the leave was given."""
        return self.is_current and not self._desk.is_closed

    async def send(self, call: Callable[[], Awaitable[T]], *, attempt: int = 1, last: bool = True, batch: int = 0) -> T:
        """Make the request. Raises `ServiceError`, or `RunRefusedError` where nothing of the run can succeed."""
        permit, self._permit = self._permit, None
        if permit is None:
            raise RuntimeError("a ticket is good for one request")
        self._sent_at, self._batch = loop_time(), batch
        try:
            result = await call()
        except ServiceError as error:
            self._failed(permit, error.failure, attempt=attempt, last=last)
            raise
        except BaseException:
            self._failed(permit, CANCELLED, attempt=attempt, last=True)
            raise
        permit.succeeded()
        self._desk.note_answer(None)
        self._report("ok", None, attempt, request_id=getattr(result, "request_id", ""))
        return result

    def _failed(self, permit: Permit, failure: Failure, *, attempt: int, last: bool) -> None:
        desk = self._desk
        quota = permit.failed(failure)
        if failure is not CANCELLED:
            desk.note_answer(failure)
        if failure.verdict is Verdict.THROTTLED:
            result = "throttled"
        elif is_free(failure) or (failure.verdict in AGAIN and not last):
            result = "retried"
            self.delay = 0.0 if is_free(failure) else desk.delay_after(failure, attempt)
        else:
            result = "failed"
        self._report(result, failure, attempt)
        if quota is not None:
            desk.emit(QuotaLearned(at=desk.clock.stamp(), api=self._api, quota=quota))  # its own desk
        if failure.verdict is Verdict.RUN_REFUSED or (
            failure.verdict is Verdict.UNAUTHENTICATED and desk.pacing.gate.is_final
        ):
            desk.close()
            raise RunRefusedError(failure) from None

    def _report(self, result: str, failure: Failure | None, attempt: int, *, request_id: str = "") -> None:
        desk = self._desk
        desk.count(  # its own desk
            RequestEnded(
                at=desk.clock.stamp(),  # its own desk
                api=self._api,
                result=result,
                seconds=loop_time() - self._sent_at,
                attempt=attempt,
                delay=self.delay,
                failure=failure,
                request_id=request_id or (failure.request_id if failure is not None else ""),
                batch=self._batch,
            )
        )


_AT_ONCE = nullcontext()
CANCELLED = Failure(verdict=Verdict.LOST, message="given up while it was in flight")


def is_free(failure: Failure) -> bool:
    """Whether the request was certainly not looked at, so that sending it again costs no attempt."""
    return failure.verdict in (Verdict.THROTTLED, Verdict.UNAUTHENTICATED)
