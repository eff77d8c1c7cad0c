"""The forecast: how long so many requests take under a quota that is known, bounded by the user, or assumed.

Plain functions over plain values. Where nobody knows the quota the answer is a range between two that were seen:
the gateway's documented default of 200 requests a second for each API, and the 200 in 5 minutes that services of the
same cloud were met with. A fresh window is taken for granted: a quota of N costs nothing before the N+1st request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchestrator.engine.model import Quota
from orchestrator.engine.pace import ANSWERS_PER_STEP, NARROW, NARROW_ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterable

GENEROUS: Final = Quota(policy="assumed", limit=200, seconds=1.0)
TIGHT: Final = Quota(policy="assumed", limit=200, seconds=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What requests of one API are sent with. `share` is how many processes alike use the quota."""

    workers: int
    latency: float  # seconds to an answer
    quotas: tuple[Quota, ...] = ()  # the known ones; all of them hold
    ceiling: float | None = None  # requests a second, the user's own
    burst: int = 1  # requests at once at most under that ceiling
    share: int = 1

    @property
    def is_known(self) -> bool:
        """Whether the service's quota is known."""
        return bool(self.quotas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """So many requests take from `low` to `high` seconds: equal where nothing has to be assumed, or nothing matters."""

    requests: int
    low: float
    high: float
    bound: str = ""  # what holds `high` back: "quota", "ceiling", "latency"; empty for no request

    @property
    def is_range(self) -> bool:
        """Whether the two differ by more than a tenth: by so much that a person should be told."""
        return self.high > 1.1 * self.low + 1.0


def estimate(requests: int, means: Means) -> Estimate:
    """How long `requests` take."""
    if requests <= 0:
        return Estimate(requests=0, low=0.0, high=0.0)
    if means.is_known:
        seconds, bound = _slowest(requests, means, means.quotas)
        return Estimate(requests=requests, low=seconds, high=seconds, bound=bound)
    low, _ = _slowest(requests, means, (GENEROUS,))
    high, bound = _slowest(requests, means, (TIGHT,))
    return Estimate(requests=requests, low=low, high=max(low, high), bound=bound)


def fitting(seconds: float, means: Means, *, cautious: bool) -> float:
    """How many requests fit into `seconds`; `inf` where nothing bounds them but their latency.

    Where the quota is not known: by the tight assumption if `cautious`, else by the generous one.
    """
    quotas = means.quotas or ((TIGHT if cautious else GENEROUS),)
    allowed = min(_limit(quota, means) * (1 + math.floor(seconds / quota.seconds)) for quota in quotas)
    if means.ceiling is not None:
        allowed = min(allowed, math.floor(means.burst + seconds * means.ceiling / means.share))
    return allowed


def _slowest(requests: int, means: Means, quotas: Iterable[Quota]) -> tuple[float, str]:
    """Seconds, and what makes it so many."""
    answers = _in_flight(requests, means) * means.latency
    found = [(answers, "latency")]
    if means.ceiling is not None:
        waiting = max(0, requests - means.burst) * means.share / means.ceiling
        found.append((waiting + means.latency, "ceiling"))
    for quota in quotas:
        limit = _limit(quota, means)
        windows = (requests - 1) // limit
        rest = requests - windows * limit
        tail = math.ceil(rest / means.workers) * means.latency
        found.append((windows * quota.seconds + tail, "quota") if windows else (answers, "latency"))
    return max(found, key=lambda each: each[0])


def _in_flight(requests: int, means: Means) -> int:
    """How many answers one waits for in turn: as many requests as there are workers are in flight at once.

    Where the quota is not known the pacing starts slowly: see `engine.pace`.
    """
    turns, left = 0, requests
    if not means.is_known:
        narrow = ((1, 1), (NARROW, NARROW_ANSWERS + ANSWERS_PER_STEP - 1))
        wider = ((width, ANSWERS_PER_STEP) for width in range(NARROW + 1, means.workers))
        for width, answers in (*narrow, *wider):
            part = min(left, answers) if width < means.workers else 0
            turns += math.ceil(part / width)
            left -= part
    return turns + math.ceil(left / means.workers)


def _limit(quota: Quota, means: Means) -> int:
    return max(1, quota.limit // means.share)
