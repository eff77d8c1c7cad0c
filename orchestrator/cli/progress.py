"""Where a run stands: a tally folded from its events, the numbers to show, and the words for them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from orchestrator.engine import events
from orchestrator.engine.model import Phase, Quota, Verdict
from orchestrator.report.stamps import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.engine.model import Failure

RATE_WINDOW: Final = 30.0  # seconds over which the pace is measured
MIN_SPAN: Final = 2.0  # seconds of observation before a pace is worth saying
MAX_SAMPLES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Where a run stands. `total == over + waiting + failed + to_send`, unless an estimate says otherwise."""

    total: int
    over: int  # at an end that needs nobody's attention
    waiting: int  # sent or seen going, not seen over yet
    failed: int  # rejected, not there, skipped: final, and not over
    to_send: int  # not sent yet
    throttled_until: float | None = None  # seconds since the epoch: when the next quota opens; None: none is shut


class Gauge(Protocol):
    """Anything that can say where the run stands, cheaply, at any moment."""

    def numbers(self) -> Numbers:
        """The numbers now."""


class Tally:
    """An observer that counts what happens, without an object or a byte per task.

    Tasks, batches, requests, quotas and throttling are exact. `stopped` counts sightings, so a task that is seen
    at its goal twice counts twice, and a resumed run's earlier attempts are not in it: the ledger is the better
    gauge where there is one.
    """

    def __init__(self, phase: Callable[[str], Phase]) -> None:
        """Make a tally; `phase` says what a status means (the operation's own)."""
        self._phase = phase
        self.total = 0
        self.attempt = 0
        self.accepted = 0
        self.stopped = 0  # seen at the goal
        self.ended = 0  # seen over in another way
        self.failed = 0  # refused for good, or not there
        self.batches = 0
        self.requests: dict[str, dict[str, int]] = {}
        self.quotas: dict[str, Quota] = {}
        self.throttled_until: dict[str, float] = {}  # by API; seconds since the epoch
        self.ending: events.RunEnded | None = None
        self._folds: Mapping[type[events.Event], Callable[[Any], None]] = {
            events.RunStarted: self._run_started,
            events.Seen: self._seen,
            events.Gone: self._gone,
            events.BatchAnswered: self._batch_answered,
            events.Rejected: self._rejected,
            events.RequestEnded: self._request_ended,
            events.QuotaLearned: self._quota_learned,
            events.RunEnded: self._run_ended,
        }

    def __call__(self, event: events.Event, /) -> None:
        """Take note of `event`."""
        fold = self._folds.get(type(event))
        if fold is not None:
            fold(event)

    @property
    def waiting(self) -> int:
        """Accepted and not seen over: at most so many, for some of those seen over were never sent."""
        return max(0, min(self.accepted, self.total - self.failed - self.over))

    @property
    def over(self) -> int:
        """Seen over, in whatever way."""
        return min(self.stopped + self.ended, self.total - self.failed)

    def numbers(self) -> Numbers:
        """The tally as a gauge, an estimate."""
        return Numbers(
            total=self.total,
            over=self.over,
            waiting=self.waiting,
            failed=self.failed,
            to_send=max(0, self.total - self.over - self.waiting - self.failed),
            throttled_until=max(self.throttled_until.values(), default=None),
        )

    def throttled_now(self, at: float) -> dict[str, float]:
        """The APIs whose quota is used up at `at`, and for how many seconds more."""
        return {api: until - at for api, until in self.throttled_until.items() if until > at}

    def _run_started(self, event: events.RunStarted) -> None:
        self.total = event.items
        self.attempt = event.attempt

    def _seen(self, event: events.Seen) -> None:
        for status, items in event.statuses.items():
            phase = self._phase(status)
            if phase is Phase.GOAL:
                self.stopped += len(items)
            elif phase is Phase.ENDED:
                self.ended += len(items)

    def _gone(self, _: events.Gone) -> None:
        self.failed += 1

    def _batch_answered(self, event: events.BatchAnswered) -> None:
        self.batches += 1
        self.accepted += len(event.accepted)
        self.failed += len(event.rejected)

    def _rejected(self, event: events.Rejected) -> None:
        self.failed += len(event.items)

    def _request_ended(self, event: events.RequestEnded) -> None:
        counts = self.requests.setdefault(event.api, {})
        counts[event.result] = counts.get(event.result, 0) + 1
        if event.result == "throttled":
            self.throttled_until[event.api] = event.at + (event.delay or _stated_wait(event.failure))
        elif event.result == "ok":
            self.throttled_until.pop(event.api, None)

    def _quota_learned(self, event: events.QuotaLearned) -> None:
        self.quotas[event.api] = event.quota

    def _run_ended(self, event: events.RunEnded) -> None:
        self.ending = event


class Pace:
    """How many tasks come to their end in a second, over the last half minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=MAX_SAMPLES)

    def note(self, at: float, done: int) -> None:
        """At `at` (seconds, any clock), `done` tasks were final."""
        self._samples.append((at, done))
        while len(self._samples) > 1 and at - self._samples[1][0] >= RATE_WINDOW:
            self._samples.popleft()

    @property
    def per_second(self) -> float | None:
        """Tasks a second, or None while that cannot be said."""
        if len(self._samples) < 2:  # noqa: PLR2004 - a slope has two ends
            return None
        (start, before), (end, now) = self._samples[0], self._samples[-1]
        return (now - before) / (end - start) if end - start >= MIN_SPAN else None

    def seconds_left(self, left: int) -> float | None:
        """How long `left` tasks take at this pace, or None while that cannot be said."""
        rate = self.per_second
        return left / rate if rate else None


def where_it_stands(numbers: Numbers) -> list[str]:
    """`3,100 of 5,000 over`, `1,200 waiting` …: the numbers in words, the most telling first."""
    parts = [f"{numbers.over:,} of {numbers.total:,} over"]
    if numbers.waiting:
        parts.append(f"{numbers.waiting:,} waiting")
    if numbers.failed:
        parts.append(f"{numbers.failed:,} failed")
    if numbers.to_send:
        parts.append(f"{numbers.to_send:,} to send")
    return parts


def what_holds_it(numbers: Numbers, tally: Tally, pace: Pace, at: float) -> list[str]:
    """The pace, the quota that is shut and until when, and the time left with its reason."""
    parts = []
    rate = pace.per_second
    if rate:
        parts.append(f"{rate:,.1f}/s" if rate < 10 else f"{rate:,.0f}/s")  # noqa: PLR2004 - digits that matter
    shut = tally.throttled_now(at)
    if not shut and numbers.throttled_until is not None and numbers.throttled_until > at:
        shut = {"quota": numbers.throttled_until - at}
    for api, seconds in shut.items():
        quota = tally.quotas.get(api)
        stated = f" ({quota.limit:,} in {quota.seconds:g} s)" if quota else ""
        name = api if api == "quota" else f"{api} quota"
        parts.append(f"{name}{stated} opens in {duration(seconds)}")
    left = pace.seconds_left(numbers.waiting + numbers.to_send)
    if left:
        parts.append(f"about {duration(left)} left at this pace")
    return parts


def _stated_wait(failure: Failure | None) -> float:
    """The pause that a throttled answer itself names, in seconds."""
    if failure is None or failure.verdict is not Verdict.THROTTLED:
        return 0.0
    if failure.retry_after is not None:
        return failure.retry_after
    return failure.quota.seconds if failure.quota is not None else 0.0
