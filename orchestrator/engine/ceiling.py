"""The user's own ceiling over all APIs: plain arithmetic, times in and waits out."""

from __future__ import annotations

import math

LATE = 0.02  # seconds that timers may be late


class Ceiling:
    """The user's own ceiling over all APIs, as a GCRA in its virtual scheduling form.

    https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm

    Without a `burst` requests are spread evenly: no more than the rate in any second. Only what timers were late is
    made up for, or a high rate would not be reached.
    """

    def __init__(self, rate: float, burst: int | None) -> None:
        self._step = 1 / rate
        self._slack = (max(1, burst) - 1) * self._step if burst is not None else 0.0
        self._made_up = LATE if burst is None else 0.0
        self._due = -math.inf

    def wait(self, now: float, *, ahead: int = 0) -> float:
        """Seconds until one more may start, after `ahead` others."""
        return max(0.0, self._due + ahead * self._step - self._slack - now)

    def started(self, now: float) -> None:
        """One request leaves."""
        self._due = (self._due if self._due >= now - self._made_up else now) + self._step
