"""The curve of how long it takes from acceptance to the goal, learned from what was seen.

Only scouts teach it: items that are looked at every interval from the start on. An item that is found at its goal at a
late first look was there for nobody knows how long; to learn from that would put the next look later still.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RATIO = 1.08  # neighbouring buckets differ by so much
SHORTEST = 0.05  # seconds
_LOG_RATIO = math.log(RATIO)


class Curve:
    """A histogram of durations on a logarithmic scale, with those that are known to take longer still."""

    def __init__(self) -> None:
        self.longest = 0.0  # seconds
        self.seen = 0
        self.pending = 0  # scouts that are not there yet
        self._buckets: list[int] = []

    def add(self, seconds: float) -> None:
        """One more reached its goal, `seconds` after it was accepted at most."""
        bucket = max(0, math.ceil(math.log(max(seconds, SHORTEST) / SHORTEST) / _LOG_RATIO))
        if bucket >= len(self._buckets):
            self._buckets.extend([0] * (bucket + 1 - len(self._buckets)))
        self._buckets[bucket] += 1
        self.seen += 1
        self.longest = max(self.longest, seconds)

    @property
    def buckets(self) -> list[int]:
        """What was learned, to be restored by a run that is taken up again."""
        return list(self._buckets)

    def restore(self, buckets: Sequence[int]) -> None:
        """Start from what was learned before."""
        self._buckets = list(buckets)
        self.seen = sum(buckets)
        self.longest = SHORTEST * RATIO ** max(0, len(buckets) - 1)

    def share(self, age: float) -> float:
        """The share of items that is at its goal at this age (seconds), of all that were looked at."""
        total = self.seen + self.pending
        if not total:
            return 0.0
        reached = 0
        for bucket, count in enumerate(self._buckets):
            if SHORTEST * RATIO**bucket > age:
                break
            reached += count
        return reached / total

    def age_at(self, share: float) -> float | None:
        """The age at which `share` of the items is at its goal; None while that is not known."""
        wanted = share * (self.seen + self.pending)
        reached = 0
        for bucket, count in enumerate(self._buckets):
            reached += count
            if reached and reached >= wanted:
                return SHORTEST * RATIO**bucket
        return None
