"""Fakes that we ship: a virtual-time event loop, and an operation over a service that lives in memory."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator.engine.model import Ack, Failure, Outcome, Page, Phase, Sighting, Verdict
from orchestrator.engine.options import PaceOptions
from orchestrator.engine.pacing import Pacing
from orchestrator.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class _JumpingSelector(selectors.SelectSelector):
    """Where a real selector would block, the clock jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for nothing: a deadlock in virtual time")
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no time: when everybody sleeps, the clock jumps to the next timer.

    Nothing that runs on it may wait for threads or sockets. `asyncio.Runner(loop_factory=VirtualTimeLoop)` uses it.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time in seconds since the loop was made."""
        return self._jumping.now


@dataclass(slots=True)
class FakeTask:
    """One item of the fake service."""

    status: str = "RUNS"
    stops_after: float = 5.0  # seconds from acceptance to the goal
    ends_as: str = "STOPPED"
    stop_at: float | None = None  # the loop's time
    refusals: list[Failure] = field(default_factory=list)  # answers to the first submissions that name it
    forgets: int = 0  # so many acceptances come to nothing
    listed: bool = True


PHASES = {
    "RUNS": Phase.ACTIONABLE,
    "STOPPING": Phase.GOING,
    "STOPPED": Phase.GOAL,
    "FINISHED": Phase.ENDED,
    "BROKEN": Phase.ENDED,
}
GONE = Failure(verdict=Verdict.GONE, code="GONE", message="no such item", status=404)
BAD = Failure(verdict=Verdict.BAD_ITEM, code="BAD", message="an id in the request is not known", status=400)


class FakeOperation:
    """A `BulkOperation` over items in memory that records what it was asked. Statuses: see `PHASES`.

    `faults` are raised, one per call of that API, before the call has any effect (a `LOST` one after it, if its
    message is "after"). `hooks` are called with the fake at the start of each call of an API.
    """

    name = "stop"
    max_batch = 50
    gone_is_goal = False
    over = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.ENDED})

    def __init__(
        self,
        tasks: Mapping[str, FakeTask],
        *,
        latency: float = 0.05,
        page_limit: int = 1000,
        coarse: bool = False,
        count: str = "total",
        pace: PaceOptions | None = None,
    ) -> None:
        self.tasks = dict(tasks)
        self.max_page = page_limit
        self.labels: Mapping[Outcome, str] = {Outcome.DONE: "stopped", Outcome.ALREADY: "already_stopped"}
        self.pacing = Pacing(pace or PaceOptions())
        self.faults: dict[str, list[Failure]] = {}
        self.hooks: dict[str, Callable[[FakeOperation], None]] = {}
        self.asked: list[tuple[float, str, Any]] = []  # (time, api, what) of every request
        self.accepted: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self.spoil_unknown = True
        self.unmentioned: set[str] = set()  # left out of the answer, once each
        self._latency = latency
        self._coarse = coarse
        self._count = count

    def phase(self, status: str) -> Phase:
        """What a status means."""
        return PHASES.get(status, Phase.ALIEN)

    def status_of(self, item_id: str) -> str:
        """The true status now."""
        task = self.tasks[item_id]
        if task.stop_at is not None:
            return task.ends_as if anyio.current_time() >= task.stop_at else "STOPPING"
        return task.status

    def calls(self, api: str) -> list[Any]:
        """What was asked of `api`, in order."""
        return [what for _, name, what in self.asked if name == api]

    async def submit(self, ids: Sequence[str]) -> Ack:
        """Stop these."""
        after = await self._begin("stop", list(ids))
        if self.spoil_unknown and any(item_id not in self.tasks for item_id in ids):
            raise ServiceError(BAD)
        accepted: list[str] = []
        refused: dict[str, Failure] = {}
        for item_id in ids:
            self._submit_one(item_id, accepted, refused)
        if after is not None:
            raise ServiceError(after)
        silent = self.unmentioned & set(ids)
        self.unmentioned -= silent
        return Ack(accepted=[i for i in accepted if i not in silent], refused=refused, request_id=f"r{len(self.asked)}")

    def _submit_one(self, item_id: str, accepted: list[str], refused: dict[str, Failure]) -> None:
        task = self.tasks.get(item_id)
        if task is None:
            refused[item_id] = GONE
            return
        if task.refusals:
            refused[item_id] = task.refusals.pop(0)
            return
        accepted.append(item_id)
        self.accepted[item_id] += 1
        if task.forgets:
            task.forgets -= 1
        elif task.stop_at is None:
            task.stop_at = anyio.current_time() + task.stops_after

    async def page(self, offset: int, limit: int) -> Page:
        """The list, in the order in which the tasks were given."""
        await self._begin("list", offset)
        listed = [item_id for item_id, task in self.tasks.items() if task.listed]
        ids = listed[offset : offset + min(limit, self.max_page)]
        statuses = [self._coarsely(self.status_of(item_id)) for item_id in ids]
        return Page(ids=ids, statuses=statuses, count=len(listed) if self._count == "total" else len(ids))

    async def look(self, item_id: str) -> Sighting:
        """One item."""
        await self._begin("show", item_id)
        if item_id not in self.tasks:
            raise ServiceError(GONE)
        return Sighting(status=self.status_of(item_id))

    def _coarsely(self, status: str) -> str:
        return "RUNS" if self._coarse and status == "STOPPING" else status

    async def _begin(self, api: str, what: Any) -> Failure | None:
        """Take the request in. Raises the next fault of this API; returns one that is to be raised after the effect."""
        self.asked.append((anyio.current_time(), api, what))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await anyio.sleep(self._latency)
        finally:
            self.in_flight -= 1
        if api in self.hooks:
            self.hooks[api](self)
        faults = self.faults.get(api)
        if not faults:
            return None
        fault = faults.pop(0)
        if fault.message == "after":
            return fault
        raise ServiceError(fault)
