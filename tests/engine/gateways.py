"""A gateway in virtual time, with the simulator's own quotas: who sends through it, and what of the quota they use."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator.engine.model import Failure, Quota, Verdict
from orchestrator.errors import ServiceError
from orchestrator.simulator import quotas
from orchestrator.simulator.parts import Quota as Counted
from orchestrator.testing import FakeOperation
from tests.benchmarks.cases import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.engine.pacing import Pacing, Permit
    from orchestrator.testing import FakeTask

API = "stop"


async def admitted(pacing: Pacing, api: str) -> Permit:
    """Wait until one more request of `api` may leave; it leaves at once, with nothing to be got ready."""
    permit = await pacing.reserve(api)
    permit.start()
    return permit


@dataclass(kw_only=True)
class Gateway:
    """Counts the requests of one API, refuses what is too much, and takes its time on both ways."""

    kind: str
    limit: int
    seconds: float
    latency: float  # to the answer, on average
    phase: float = 0.0  # of a fixed window: a share of it
    jitter: float = 0.3  # an answer takes so much more or less at most: a share
    way: float | None = None  # the share of it before the request is counted; None: any
    named: bool = True  # whether a refusal tells the numbers
    seed: int = 0
    accepted: list[float] = field(default_factory=list)  # when each was counted
    refused: list[tuple[float, float]] = field(default_factory=list)  # left at, answered at

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        kind: Any = self.kind
        self._window = quotas.window(
            Counted(limit=self.limit, seconds=self.seconds, kind=kind, phase=self.phase * self.seconds)
        )

    @property
    def failure(self) -> Failure:
        """The refusal."""
        quota = Quota(policy="user", limit=self.limit, seconds=self.seconds) if self.named else None
        return Failure(verdict=Verdict.THROTTLED, status=429, quota=quota)

    def takes(self, now: float) -> bool:
        """Whether a stranger's request is let through; it is none of ours."""
        return self._window.admit(now)

    async def passes(self) -> bool:
        """Let one request through, or refuse it, after the time that it takes."""
        left = anyio.current_time()
        latency = self.latency * (1 + self.jitter * (2 * self._random.random() - 1))
        up = latency * (self._random.random() if self.way is None else self.way)
        await anyio.sleep(up)
        counted = anyio.current_time()
        is_taken = self._window.admit(counted)
        if is_taken:
            self.accepted.append(counted)
        await anyio.sleep(latency - up)
        if not is_taken:
            self.refused.append((left, anyio.current_time()))
        return is_taken

    @property
    def share_used(self) -> float:
        """How much of what the quota lets through from the first request to the last was used."""
        window = Window(limit=self.limit, seconds=self.seconds, kind=self.kind)
        return window.least_seconds(len(self.accepted)) / (self.accepted[-1] - self.accepted[0])


async def drive(pacing: Pacing, gateway: Gateway, requests: int, *, workers: int) -> float:
    """Send so many requests until each was taken. Returns the virtual seconds that it took."""
    left, began = deque(range(requests)), anyio.current_time()

    async def work() -> None:
        while left:
            left.popleft()
            while True:
                permit = await admitted(pacing, API)
                if await gateway.passes():
                    permit.succeeded()
                    break
                permit.failed(gateway.failure)

    async with anyio.create_task_group() as tasks:
        for _ in range(workers):
            tasks.start_soon(work)
    return anyio.current_time() - began


class Gated(FakeOperation):
    """The fake service behind a gateway for some of its APIs."""

    def __init__(self, tasks: Mapping[str, FakeTask], gateways: Mapping[str, Gateway], **kinds: Any) -> None:
        super().__init__(tasks, **kinds)
        self.gateways = gateways

    async def _begin(self, api: str, what: Any) -> Failure | None:
        gateway = self.gateways.get(api)
        if gateway is None:
            return await super()._begin(api, what)
        self.asked.append((anyio.current_time(), api, what))
        if not await gateway.passes():
            raise ServiceError(gateway.failure)
        return None

    def throttled(self) -> Counter[str]:
        """How many were refused, by API."""
        return Counter({api: len(gateway.refused) for api, gateway in self.gateways.items()})
