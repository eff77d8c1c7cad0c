"""Pacing: how many requests each API gets, and when. It belongs to the client, because quotas belong to an identity.

`engine.pace` is the arithmetic; here it is waited for, one at a time for each API, asleep until the very moment.
What takes time before a request can leave (a slot, a batch, the disk) is done just before that moment, not after it:
leave to get ready (`reserve`) is given as much sooner as that took lately, and `Permit.due` waits for the rest.
"""

from __future__ import annotations

import math
from asyncio import Lock
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.engine.ceiling import Ceiling
from orchestrator.engine.clock import loop_time
from orchestrator.engine.gate import Gate
from orchestrator.engine.model import Failure, Quota, Verdict
from orchestrator.engine.pace import TICK, ApiPace
from orchestrator.engine.paces import Paces, Together
from orchestrator.engine.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from orchestrator.engine.options import PaceOptions


LEAD = 0.02  # seconds by which the first leave to get ready is given sooner
MAX_LEAD = 0.25
SPARE = 1.5  # times as long as it took lately
FADING = 0.9  # of the lead that is kept where it took less
PATIENCE = 1.0  # seconds that who is ready waits; it holds a place that others may want


@dataclass(slots=True)
class _Lane:
    pace: Paces
    lead: float = LEAD
    turn: Lock = field(default_factory=Lock)  # to get ready
    head: Lock = field(default_factory=Lock)  # of those that are ready: it waits for its moment, the others for it
    changed: Signal = field(default_factory=Signal)


class Permit:
    """Leave for one request: to get ready, then to go. Exactly one of the last three ends it."""

    __slots__ = ("_has_started", "_lane", "_pacing", "_reserved_at", "generation", "probe", "started_at")

    def __init__(self, pacing: Pacing, lane: _Lane, reserved_at: float, generation: int, *, probe: bool) -> None:
        self._pacing = pacing
        self._lane = lane
        self._reserved_at = reserved_at
        self._has_started = False
        self.started_at = reserved_at
        self.generation = generation
        self.probe = probe

    @property
    def is_current(self) -> bool:
        """Whether no 401 has shut the gate since the leave was given."""
        return self.generation == self._pacing.gate.generation

    async def due(self, take_place: Callable[[], Awaitable[bool]]) -> bool:
        """Wait until it may go, and let it. False if it does not go.

        Only the first in line takes its place among those in flight (`take_place`, false if it is not to go): the
        others are ready, but would keep places from requests of other APIs. Nor is a place held for so long as a
        refusal that came meanwhile, or slow answers, would make it.
        """
        lane, ready_at = self._lane, loop_time()
        async with lane.head:
            first_at = loop_time()
            if not await take_place():
                return False
            now = loop_time()
            taken = (ready_at - self._reserved_at) + (now - first_at)
            lane.lead = min(MAX_LEAD, max(SPARE * taken, FADING * lane.lead))
            until = now + PATIENCE
            while (wait := self._pacing.wait_held(lane)) > 0:
                now = loop_time()
                if now + (wait if wait < math.inf else 0.0) >= until:
                    return False
                await lane.changed.wait(min(wait, until - now))
            self.start()
        return True

    def start(self) -> None:
        """It goes now."""
        self._has_started = True
        self.started_at = self._pacing.start(self._lane)

    def cancel(self) -> None:
        """The request did not leave."""
        if self._has_started:
            self._lane.pace.cancelled()
        else:
            self._pacing.let_go(self._lane)
        self._pacing.gate.undecided(probe=self.probe)
        self._pacing.tell(self._lane)

    def succeeded(self) -> None:
        """A good answer."""
        self._lane.pace.answered(loop_time(), self.started_at)
        self._pacing.gate.proven(generation=self.generation, probe=self.probe)
        self._pacing.tell(self._lane)

    def failed(self, failure: Failure) -> Quota | None:
        """A bad answer, or none. Returns a quota if one was learned by it."""
        now, pace, gate = loop_time(), self._lane.pace, self._pacing.gate
        were_tied, quota = pace.are_tied, None
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
        self._pacing.tell(self._lane, were_tied=were_tied)
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
        self._together = Together(self._new_pace())
        self._held = 0  # of all APIs
        rate = options.requests_per_second
        burst = max(1, options.burst // share) if options.burst else None
        self._ceiling = Ceiling(rate / share, burst) if rate else None

    async def reserve(self, api: str, *, prepares: bool = False) -> Permit:
        """Wait until one more request of `api` may be got ready; `Permit.due` waits until it may leave.

        Where something is to be done before (`prepares`), that is sooner than it may leave.
        """
        lane = self._lane(api)
        async with lane.turn:
            while True:
                if (wait := self._wait_to_prepare(lane) if prepares else self._wait(lane)) > 0:
                    await lane.changed.wait(wait)
                    continue
                if self.gate.is_shut:
                    await self.gate.wait_until_passable()
                    continue
                lane.pace.hold()
                self._held += 1
                generation, probe = self.gate.enter()
                return Permit(self, lane, loop_time(), generation, probe=probe)

    def learn(self, api: str, quota: Quota) -> None:
        """Start with a quota known from elsewhere."""
        self._lane(api).pace.own.learn(quota)

    def recall(self, api: str, answers: Iterable[tuple[float, int]]) -> None:
        """Count what an attempt before this one spent of the quota: `(seconds ago, requests)`."""
        self._lane(api).pace.recall(answers, loop_time())

    def capacity(self, api: str, seconds: float) -> float:
        """Requests of `api` in `seconds` that ceiling and known quotas allow; `inf` where nothing is known."""
        ceiling = self._options.requests_per_second
        own = ceiling * seconds / self._share if ceiling else math.inf
        return min(own, self._lane(api).pace.own.capacity(seconds), self._together.pace.capacity(seconds))

    def lasting_rate(self, api: str) -> float:
        """Requests of `api` a second that ceiling and known quotas allow in the long run; `inf` if none is known."""
        ceiling = self._options.requests_per_second
        own = ceiling / self._share if ceiling else math.inf
        return min(own, self._lane(api).pace.own.lasting_rate, self._together.pace.lasting_rate)

    def quotas(self) -> Mapping[str, list[Quota]]:
        """What is known of each API."""
        return {api: list(lane.pace.own.quotas.values()) for api, lane in self._lanes.items() if lane.pace.own.quotas}

    def in_flight(self) -> Mapping[str, int]:
        """Of each API, how many requests are on their way or have leave to go."""
        return {api: lane.pace.own.in_flight for api, lane in self._lanes.items()}

    def opens_in(self, api: str) -> float:
        """Seconds until a request of `api` may leave, `inf` if not before one in flight is answered."""
        return self._wait(self._lane(api))

    def quota_opens_in(self, api: str) -> float:
        """The same by the quota of this API alone: what holds the others back as well is no reason to ask them."""
        return self._lane(api).pace.own.wait(loop_time())

    def _lane(self, api: str) -> _Lane:
        if api not in self._lanes:
            self._lanes[api] = _Lane(Paces(self._new_pace(), self._together))
        return self._lanes[api]

    def _new_pace(self) -> ApiPace:
        return ApiPace(learn=self._options.learn, share=self._share)

    def tell(self, lane: _Lane, *, were_tied: bool = False) -> None:
        """Let those who wait look again: something was answered, or does not leave, or holds the others no more."""
        for each in self._lanes.values() if were_tied or lane.pace.are_tied else (lane,):
            each.changed.give()

    def wait_held(self, lane: _Lane) -> float:
        """Seconds until one of those that were got ready may leave."""
        now = loop_time()
        wait = lane.pace.wait_held(now)
        return max(wait, self._ceiling.wait(now)) if self._ceiling else wait

    def let_go(self, lane: _Lane) -> None:
        """One that was got ready does not leave after all."""
        lane.pace.let_go()
        self._held -= 1

    def start(self, lane: _Lane) -> float:
        """One that was got ready leaves. Returns when, for `Permit.started_at`."""
        now = loop_time()
        self._held -= 1
        started_at = lane.pace.start_held(now)
        if self._ceiling:
            self._ceiling.started(now)
        return started_at

    def _wait(self, lane: _Lane) -> float:
        now = loop_time()
        return self._under_ceiling(lane.pace.wait(now), now)

    def _wait_to_prepare(self, lane: _Lane) -> float:
        now = loop_time()
        wait = self._under_ceiling(lane.pace.wait_to_prepare(now), now)
        return max(wait - lane.lead, TICK) if wait > lane.lead else 0.0

    def _under_ceiling(self, wait: float, now: float) -> float:
        return max(wait, self._ceiling.wait(now, ahead=self._held)) if self._ceiling else wait
