"""The pace of one API: plain arithmetic, times in and waits out.

The rule for a known quota of N in M seconds: count what is in flight plus what was answered in the last M seconds, by
the time of the *answer*, and start only below N. A request counts at the service somewhere between its start and its
answer, so no window of M seconds, of whatever phase, can hold more than N of ours; plain buckets are satisfied too.
For certain it cannot be bettered: were a request sent sooner than M seconds after the answer of the N-th before it, a
service that counted that one as its answer left, and this one as it arrived, would refuse. So a window takes M seconds
and one answer. Of a short window far away that leaves too much unused; there `headstart` guesses, until it is refuted.

Until a quota is known the start is slow: two requests in flight. What the service has let through says nothing of the
next one, whose window may be full, and whatever is in flight then is refused: two in flight, two refusals. That holds
for the first 250 answers, by which nearly every quota met with has shown itself (the largest is 200, and what a bucket
refills meanwhile comes on top); then one more for every 50 answers, because a service without a quota should not be
kept waiting for ever, and a refusal costs nothing but itself.
Where a refusal names no numbers, the rate is halved and grows again by a little each second (AIMD).
A refusal although our own count leaves room means that somebody else uses the quota: pause a quarter window, doubling,
give a quarter of our part up at least, and win it back a little each window. What is left is spread over the window:
were all of it spent at the opening, strangers would be refused, not we, and we would never hear of it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

from orchestrator.engine.headstart import HeadStart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.engine.model import Failure, Quota

NARROW = 2  # slow start: requests in flight
NARROW_ANSWERS = 250  # until so many were answered
ANSWERS_PER_STEP = 50  # and from then on so many earn one more in flight
PREPARED = 32  # requests got ready at most before it is known when they may leave
MAX_LOG = 20_000  # answers remembered; a quota above this is treated as this
MAX_WINDOW = 86_400.0  # seconds; a longer stated window is not believed, nor a longer time to wait
MARGIN = 0.002  # seconds added to a window, for clocks that count in milliseconds, there and here
DRIFT = 1e-4  # and this share of it, for clocks that do not run alike
BLIND_PAUSE = 1.0  # seconds after a refusal without numbers, doubling
MAX_BLIND_PAUSE = 60.0
RATE_WINDOW = 10.0  # seconds over which our own rate is measured for AIMD
GROWTH = 0.5  # requests a second, gained each second under AIMD
SLOWEST = 0.1  # requests a second that AIMD never goes below
KEPT = 0.75  # of our part, at most, when strangers show
SUPPOSED = 0.9  # of a quota that strangers may use, while nobody knows
SPREAD = 0.9  # of a window over which our part of it is spread where strangers use the rest
REGAIN = 1 / 16  # of a quota's limit, won back each window from strangers
TICK = 1e-4  # seconds; no wait is shorter, or rounding would make it endless


def width(answered: int) -> int:
    """How many may be in flight while no quota is known, after so many answers."""
    return min(NARROW, 1 + answered) + max(0, answered - NARROW_ANSWERS) // ANSWERS_PER_STEP


class ApiPace:
    """The pace of one API, as plain arithmetic: times go in, waits come out; nothing here awaits.

    A request is held first (it is being got ready, and nobody else may have its place), then it starts.
    """

    def __init__(self, *, learn: bool = True, share: int = 1) -> None:
        self.held = 0
        self.in_flight = 0
        self.quotas: dict[tuple[str, float], Quota] = {}
        self._learn = learn
        self._is_moving = True  # whether something was answered since the last one that was held in vain
        self._share = share  # so many processes use the quota alike
        self._answers: list[float] = []
        self._answered = 0
        self._blocked_until = -math.inf
        self._refused_at = -math.inf
        self._pause = 0.0
        self._rate: float | None = None  # requests a second, AIMD only
        self._part: dict[tuple[str, float], float] = {}  # of a quota that strangers use too: requests a window, AIMD
        self._head_start = HeadStart()
        self._began_at = math.inf
        self._started_at = -math.inf

    def wait(self, now: float) -> float:
        """Seconds until one more may start, after those that are held: `inf` not before something is answered."""
        return self._wait(now, ahead=self.held)

    def wait_held(self, now: float) -> float:
        """Seconds until one of those that are held may start."""
        return self._wait(now, ahead=0)

    def wait_to_prepare(self, now: float) -> float:
        """Seconds until one more may start; 0.0 where that hangs on an answer, while nothing is known.

        So few are in flight then that the next ones had better be ready.
        """
        wait = self.wait(now)
        is_near = wait == math.inf and not self.quotas and self._is_moving and self.held < PREPARED
        return 0.0 if is_near else wait

    def hold(self) -> None:
        """One request is being got ready."""
        self.held += 1

    def let_go(self) -> None:
        """One that was held does not start after all."""
        self.held -= 1
        self._is_moving = False

    def start_held(self, now: float) -> float:
        """One that was held leaves; as `started`."""
        self.held -= 1
        return self.started(now)

    def started(self, now: float) -> float:
        """One request leaves. Returns its time: after that of any refusal before it, even within the same instant."""
        self.in_flight += 1
        self._began_at = min(self._began_at, now)
        self._started_at = now
        return max(now, math.nextafter(self._refused_at, math.inf))

    def is_outdated(self, started_at: float) -> bool:
        """Whether a refusal has come since leave was given at `started_at`: what was counted on then is no more."""
        return started_at <= self._refused_at

    def cancelled(self) -> None:
        """A request that was started did not leave after all."""
        self.in_flight -= 1

    def answered(self, now: float, started_at: float) -> None:
        """One request was answered, well or badly, or given up: it may have been counted."""
        self.in_flight -= 1
        self._answered += 1
        self._is_moving = True
        self._head_start.took(now - started_at)
        self._answers.append(now)
        if len(self._answers) > 2 * MAX_LOG:
            del self._answers[:MAX_LOG]
        if started_at > self._refused_at:
            self._pause = 0.0
        if self._rate is not None:
            self._rate += GROWTH / self._rate
        for key, part in self._part.items():
            self._part[key] = part + max(1.0, self.quotas[key].limit * REGAIN) / part

    def refused(self, now: float, started_at: float) -> bool:
        """One request was refused. False if it left before the last refusal came, and tells the same story."""
        self.in_flight -= 1
        if self.is_outdated(started_at):  # else those in flight would take turns in being old news: no pause, ever
            return False
        self._refused_at = now
        return True

    def heed(self, failure: Failure, now: float, *, is_new: bool) -> Quota | None:
        """Slow down as a refusal says. Returns the quota if it is news."""
        if failure.retry_after is not None:
            self._block(now + min(failure.retry_after, MAX_WINDOW))
        quota = self.believable(failure.quota)
        if quota is None:
            if is_new:
                self._slow_down(now, wait=failure.retry_after is None)
            return None
        news = self.quotas.get((quota.policy, quota.seconds)) != quota
        self.quotas[quota.policy, quota.seconds] = quota
        self._rate = None
        if is_new and not news and self._head_start_in(quota) > 0.0:
            self._head_start.refuted()  # perhaps it was too early; if it was strangers, the next refusal tells
        elif is_new and self.has_room(quota, now) and failure.retry_after is None:
            self._pause = min(max(2 * self._pause, quota.seconds / 4), quota.seconds)
            self._block(now + self._pause)
            self._yield_to_strangers(quota, now)
        return quota if news else None

    def has_room(self, quota: Quota, now: float) -> bool:
        """Whether what was sent here leaves room in `quota`."""
        return self._wait_for(quota, now, ahead=0) == 0.0

    def learn(self, quota: Quota) -> None:
        """Start with a quota known from elsewhere: configured, or learned by an earlier run."""
        if believed := self.believable(quota):
            self.quotas[believed.policy, believed.seconds] = believed

    def suppose(self, quota: Quota) -> None:
        """Start with a quota that strangers may use, too: it is spread as beside them, until it is won back."""
        self.learn(quota)
        self._part[quota.policy, quota.seconds] = max(1.0, SUPPOSED * self._limit(quota))

    def forget(self, quota: Quota) -> None:
        """It is no quota of this pace after all."""
        del self.quotas[quota.policy, quota.seconds]
        del self._part[quota.policy, quota.seconds]

    def recall(self, answers: Iterable[tuple[float, int]], now: float) -> None:
        """Count what an attempt before spent: `(seconds ago, requests)`."""
        spent = [now - age for age, number in answers for _ in range(number)]
        self._answers = sorted([*self._answers, *spent])[-MAX_LOG:]

    @property
    def has_answers(self) -> bool:
        """Whether any request was answered that still counts."""
        return bool(self._answers)

    def capacity(self, seconds: float) -> float:
        """How many requests the known quotas allow at most in the next `seconds`; `inf` where none is known."""
        if not self.quotas:
            return math.inf
        allowed = (self._limit(q) * (1 + seconds // q.seconds) for q in self.quotas.values())
        return min(allowed)

    @property
    def lasting_rate(self) -> float:
        """Requests a second that the known quotas allow in the long run; `inf` where none is known."""
        return min((self._limit(q) / q.seconds for q in self.quotas.values()), default=math.inf)

    def _limit(self, quota: Quota) -> int:
        return max(1, min(quota.limit // self._share, MAX_LOG))

    def _our_part(self, quota: Quota) -> int:
        return int(min(self._limit(quota), self._part.get((quota.policy, quota.seconds), math.inf)))

    def _recent(self, now: float, seconds: float) -> int:
        return len(self._answers) - bisect_right(self._answers, now - seconds)

    def _yield_to_strangers(self, quota: Quota, now: float) -> None:
        """What we got of the window was more than is ours: between a quarter and half of our part is given up."""
        got, part = self._recent(now, quota.seconds), self._our_part(quota)
        self._part[quota.policy, quota.seconds] = max(1.0, min(got, KEPT * part), part / 2)

    def _wait(self, now: float, *, ahead: int) -> float:
        if now < self._blocked_until:
            return self._blocked_until - now
        if self.quotas:
            return max(
                max(self._wait_for(quota, now, ahead=ahead), self._turn(quota, now, ahead=ahead))
                for quota in self.quotas.values()
            )
        if self._rate is not None:
            return max(0.0, self._started_at + (1 + ahead) / self._rate - now)
        return 0.0 if self.in_flight + ahead < width(self._answered) else math.inf

    def _head_start_in(self, quota: Quota) -> float:
        """Seconds; none beside strangers, who come in between."""
        return self._head_start.of(quota.seconds) if self._our_part(quota) == self._limit(quota) else 0.0

    def _wait_for(self, quota: Quota, now: float, *, ahead: int) -> float:
        window = quota.seconds * (1 + DRIFT) + MARGIN - self._head_start_in(quota)
        recent = self._recent(now, window)
        excess = self.in_flight + ahead + recent - self._our_part(quota) + 1  # answers that must grow old first
        if excess <= 0:
            return 0.0
        if excess > recent:
            return math.inf
        return max(self._answers[-recent + excess - 1] + window - now, TICK)

    def _turn(self, quota: Quota, now: float, *, ahead: int) -> float:
        """Seconds until it is our turn beside strangers: who is quick when a window opens leaves them nothing."""
        part = self._our_part(quota)
        if part == self._limit(quota):
            return 0.0
        return max(0.0, self._started_at + (1 + ahead) * SPREAD * quota.seconds / part - now)

    def believable(self, quota: Quota | None) -> Quota | None:
        """The quota that a refusal names, if it is one and may be learned."""
        if quota is None or not self._learn or quota.limit < 1 or not 0 < quota.seconds <= MAX_WINDOW:
            return None
        return quota

    def _slow_down(self, now: float, *, wait: bool) -> None:
        recent = self._recent(now, RATE_WINDOW)
        current = (
            self._rate if self._rate is not None else max(recent, 1) / min(RATE_WINDOW, max(1.0, now - self._began_at))
        )
        self._rate = max(current / 2, SLOWEST)
        if wait:
            self._pause = min(max(2 * self._pause, BLIND_PAUSE), MAX_BLIND_PAUSE)
            self._block(now + self._pause)

    def _block(self, until: float) -> None:
        self._blocked_until = max(self._blocked_until, until)
