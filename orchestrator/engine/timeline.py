"""The run's timeline: requests and quotas over the time spent running, in a bounded number of bins."""

from __future__ import annotations

from bisect import bisect_right
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.engine.events import QuotaLearned, Tallied
    from orchestrator.engine.model import Quota

MAX_BINS = 512  # then two become one, and the width doubles
FIRST_WIDTH = 1.0  # seconds; a tally comes about once a second
MAX_CHANGES = 200  # quotas learned that are kept with their time


class Timeline:
    """Time spent running is what counts: the pauses between the attempts of a resumed run are not in it.

    Fed by the history, which folds the events. Times are seconds of running since the first start, where not called
    stamps.
    """

    def __init__(self) -> None:
        self.width = FIRST_WIDTH  # seconds a bin
        self.quotas: list[tuple[float, str, Quota]] = []  # (when it was learned, API, quota)
        self._answers: dict[str, dict[str, list[int]]] = {}
        self._starts: list[float] = []  # stamps
        self._offsets: list[float] = []  # the time spent running at each start
        self._paused_at: float | None = None  # stamp

    @property
    def starts(self) -> Sequence[float]:
        """When each attempt began."""
        return self._offsets

    @property
    def answers(self) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """Of each API and result, how many requests came back in each bin; bins that nobody reached are not there."""
        return self._answers

    def paused(self, at: float) -> None:
        """What is said after the stamp `at`, until the next start, is said of a run that does not run."""
        self._paused_at = at

    def started(self, at: float, *, last_at: float) -> None:
        """An attempt began at the stamp `at`; the one before it gave its last sign of life at `last_at`."""
        if self._paused_at is not None:
            last_at, self._paused_at = self._paused_at, None
        spent = self._offsets[-1] + max(0.0, last_at - self._starts[-1]) if self._starts else 0.0
        self._starts.append(at)
        self._offsets.append(spent)

    def attempt(self, at: float) -> int:
        """In which attempt the stamp lies, the first one being 0."""
        return max(0, bisect_right(self._starts, at) - 1)

    def attempts(self, stamps: Iterable[float]) -> list[int]:
        """`attempt` of each stamp."""
        return [max(place, 1) - 1 for place in map(bisect_right, repeat(self._starts), stamps)]

    def offset(self, at: float) -> float:
        """The time spent running at the stamp `at`; 0 while nothing has begun."""
        if not self._starts:
            return 0.0
        attempt = self.attempt(at)
        return self._offsets[attempt] + max(0.0, at - self._starts[attempt])

    def stamp(self, offset: float) -> float:
        """The stamp at which so much time had been spent running; the run must have begun."""
        attempt = max(0, bisect_right(self._offsets, offset) - 1)
        return self._starts[attempt] + offset - self._offsets[attempt]

    def tallied(self, event: Tallied) -> None:
        """Fold a tally."""
        place = self._place(self.offset(event.at))
        for api, results in event.requests.items():
            lists = self._answers.setdefault(api, {})
            for result, number in results.items():
                bins = lists.setdefault(result, [])
                bins.extend([0] * (place + 1 - len(bins)))
                bins[place] += number

    def learned(self, event: QuotaLearned) -> None:
        """Fold a quota that the service stated."""
        if len(self.quotas) < MAX_CHANGES:
            self.quotas.append((self.offset(event.at), event.api, event.quota))

    def _place(self, offset: float) -> int:
        """The bin of `offset`, the bins made wide enough for it to be one of `MAX_BINS`."""
        while offset >= self.width * MAX_BINS:
            self.width *= 2
            for lists in self._answers.values():
                for result, bins in lists.items():
                    lists[result] = [sum(bins[place : place + 2]) for place in range(0, len(bins), 2)]
        return int(offset / self.width)
