"""How much sooner than a whole window after an answer the next request may leave, because it too takes its time.

A service counts a request somewhere between its start and its answer, and nobody says where. But it does so at the
same point of the way each time: mostly as the request arrives, perhaps as the answer leaves. Then of two requests, the
later of which leaves M seconds after the answer to the earlier, less the time L that any of them takes at least, the
later is counted M seconds after the earlier: if both are counted as they leave here, the earlier left L before its
answer; if as they are answered, the later is not answered before L; and so for each point between.

That is a guess, though a good one, so no more of it is used than is needed: of a window that is long against an answer
nothing is lost by waiting for certain. Nor is much made of an L that others stay far above: then a still shorter one
will come. A refusal shows that the guess was wrong; from then on nothing is guessed.
"""

from __future__ import annotations

import math

SAMPLES = 20  # requests by which it is known what one takes at least
LOST = 0.001  # of a window may be lost by waiting: so much is kept for what varies on the way,
DOUBT = 0.25  # and so much of what an answer takes longer on average


class HeadStart:
    """The shortest answer so far and the usual one, in seconds, and what may be made of them."""

    def __init__(self) -> None:
        self._seen = 0
        self._total = 0.0
        self._shortest = math.inf
        self._is_wrong = False

    def took(self, seconds: float) -> None:
        """A request was answered after so many `seconds`."""
        self._seen += 1
        self._total += seconds
        self._shortest = min(self._shortest, seconds)

    def of(self, window: float) -> float:
        """The head start where a quota's window has so many seconds."""
        if self._is_wrong or self._seen < SAMPLES:
            return 0.0
        longer = self._total / self._seen - self._shortest
        return max(0.0, self._shortest - DOUBT * longer - LOST * window)

    def refuted(self) -> None:
        """A request that had one was refused."""
        self._is_wrong = True
