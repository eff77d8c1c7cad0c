"""Pacing: how many requests each API gets, and when. It belongs to the client, because quotas belong to an identity.

`engine.pace` is the arithmetic; here it is waited for, one at a time for each API, asleep until the very moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine.gate import Gate
from orchestrator.engine.model import Failure, Quota, Verdict
from orchestrator.engine.pace import ApiPace, Ceiling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.engine.options import PaceOptions


@dataclass(slots=True)
class _Lane:
    pace: ApiPace
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    changed: anyio.Event = field(default_factory=anyio.Event)

    def wake(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


class Permit:
    """Leave for one request. Exactly one of its methods is called when the request is over."""

    __slots__ = ("_lane", "_pacing", "generation", "probe", "started_at")

    def __init__(self, pacing: Pacing, lane: _Lane, started_at: float, generation: int, *, probe: bool) -> None:
        self._pacing = pacing
        self._lane = lane
        self.started_at = started_at
        self.generation = generation
        self.probe = probe

    @property
    def is_current(self) -> bool:
        """Whether no 401 has shut the gate since the leave was given, and no quota was found to be used up."""
        is_known_good = self.generation == self._pacing.gate.generation
        return is_known_good and not self._lane.pace.is_outdated(self.started_at)

    def cancel(self) -> None:
        """The request did not leave."""
        self._lane.pace.cancelled()
        self._pacing.gate.undecided(probe=self.probe)
        self._lane.wake()

    def succeeded(self) -> None:
        """A good answer."""
        self._lane.pace.answered(anyio.current_time(), self.started_at)
        self._pacing.gate.proven(generation=self.generation, probe=self.probe)
        self._lane.wake()

    def failed(self, failure: Failure) -> Quota | None:
        """A bad answer, or none. Returns a quota if one was learned by it."""
        now, pace, gate = anyio.current_time(), self._lane.pace, self._pacing.gate
        quota = None
        if failure.verdict is Verdict.THROTTLED:
            quota = pace.throttled(now, self.started_at, failure)
        else:
            pace.answered(now, self.started_at)
        match failure.verdict:
            case Verdict.UNAUTHENTICATED:
                gate.refused(generation=self.generation, probe=self.probe)
            case Verdict.THROTTLED | Verdict.LOST | Verdict.UNREACHED:
                gate.undecided(probe=self.probe)
            case _:
                gate.proven(generation=self.generation, probe=self.probe)
        self._lane.wake()
        return quota


class Pacing:
    """All quotas of one identity, and the gate that a 401 closes. Runs that share a client share it.

    `share` is how many processes alike use the quota (shards): each takes its part.
    """

    def __init__(self, options: PaceOptions, *, share: int = 1) -> None:
        self.gate = Gate()
        self._options = options
        self._share = share
        self._lanes: dict[str, _Lane] = {}
        rate = options.requests_per_second
        burst = max(1, options.burst // share) if options.burst else None
        self._ceiling = Ceiling(rate / share, burst) if rate else None

    async def admit(self, api: str) -> Permit:
        """Wait until one more request of `api` may leave, asleep until that very moment."""
        lane = self._lane(api)
        async with lane.turn:
            while True:
                wait = self._wait(lane)
                if wait > 0:
                    await _either(lane.changed, wait)
                    continue
                if self.gate.is_shut:
                    await self.gate.wait_until_passable()
                    continue
                return self._start(lane)

    def learn(self, api: str, quota: Quota) -> None:
        """Start with a quota known from elsewhere."""
        self._lane(api).pace.learn(quota)

    def recall(self, api: str, answers: Iterable[tuple[float, int]]) -> None:
        """Count what an attempt before this one spent of the quota: `(seconds ago, requests)`."""
        self._lane(api).pace.recall(answers, anyio.current_time())

    def capacity(self, api: str, seconds: float) -> float:
        """Requests of `api` in `seconds` that ceiling and known quotas allow; `inf` where nothing is known."""
        ceiling = self._options.requests_per_second
        own = ceiling * seconds / self._share if ceiling else math.inf
        return min(own, self._lane(api).pace.capacity(seconds))

    def quotas(self) -> Mapping[str, list[Quota]]:
        """What is known of each API."""
        return {api: list(lane.pace.quotas.values()) for api, lane in self._lanes.items() if lane.pace.quotas}

    def in_flight(self) -> Mapping[str, int]:
        """Of each API, how many requests are on their way or have leave to go."""
        return {api: lane.pace.in_flight for api, lane in self._lanes.items()}

    def opens_in(self, api: str) -> float:
        """Seconds until a request of `api` may leave, `inf` if not before one in flight is answered."""
        return self._wait(self._lane(api))

    def _lane(self, api: str) -> _Lane:
        if api not in self._lanes:
            self._lanes[api] = _Lane(ApiPace(learn=self._options.learn, share=self._share))
        return self._lanes[api]

    def _wait(self, lane: _Lane) -> float:
        now = anyio.current_time()
        wait = lane.pace.wait(now)
        return max(wait, self._ceiling.wait(now)) if self._ceiling else wait

    def _start(self, lane: _Lane) -> Permit:
        now = anyio.current_time()
        started_at = lane.pace.started(now)
        if self._ceiling:
            self._ceiling.started(now)
        generation, probe = self.gate.enter()
        return Permit(self, lane, started_at, generation, probe=probe)


async def _either(event: anyio.Event, seconds: float) -> None:
    """Wait for `event`, or for `seconds` to pass."""
    if seconds == math.inf:
        await event.wait()
        return
    with anyio.move_on_after(seconds):
        await event.wait()
