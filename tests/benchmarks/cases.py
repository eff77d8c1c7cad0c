"""The cases: what the service is like in each, and the bounds that its numbers set to everybody."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = 50  # ids a stop request
PAGE = 1000  # rows a list page
WORKERS = 8  # requests in flight at most, the same for every peer: the product's default
LATENCY = 0.01  # seconds an answer takes, median
STOP_SECONDS = 5.0  # from an accepted stop to TERMINATED, median; the slowest of 100,000 takes about half a minute
STOP_SIGMA = 0.45
INTERVAL = 2.0  # seconds between two looks, the same for every peer: the product's default

ALONE = ("ours",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A quota of one API: `limit` requests in `seconds`, as a `bucket` or a `sliding` window."""

    limit: int
    seconds: float
    kind: str

    def least_seconds(self, requests: int) -> float:
        """The shortest time from the first to the last of so many requests that this quota lets through."""
        if requests <= self.limit:
            return 0.0
        if self.kind == "bucket":
            return (requests - self.limit) * self.seconds / self.limit
        return (math.ceil(requests / self.limit) - 1) * self.seconds

    @property
    def rate(self) -> float:
        """Requests a second in the long run."""
        return self.limit / self.seconds

    def __str__(self) -> str:
        return f"{self.limit} in {self.seconds:g} s ({self.kind})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One situation that every peer is put into."""

    name: str
    title: str
    tasks: int
    listed: float = 1.0
    """How many times as many tasks the project's list has."""
    quotas: Mapping[str, Window] = field(default_factory=dict)
    peers: tuple[str, ...] | None = None
    """The only peers that take part; None: all."""
    stop_seconds: float = STOP_SECONDS
    latency: float = LATENCY
    interval: float = INTERVAL
    seed: int = 1

    @property
    def in_list(self) -> int:
        """How many tasks the list has, strangers included."""
        return round(self.tasks * self.listed)

    def simulator(self) -> dict[str, Any]:
        """The simulator's options."""
        return {
            "tasks": self.tasks,
            "strangers": self.in_list - self.tasks,
            "seed": self.seed,
            "states": {"MIGRATING": 60, "INCRMIGEATING": 30, "FULLMIGRATING": 10},
            "stop_seconds": {"median": self.stop_seconds, "sigma": STOP_SIGMA},
            "latency": {"median": self.latency, "sigma": 0.3},
            "quotas": {
                api: {"limit": window.limit, "seconds": window.seconds, "kind": window.kind}
                for api, window in self.quotas.items()
            },
            "keep_books": "counts",
        }

    def least_requests(self) -> dict[str, int]:
        """The fewest requests that stop every task and see each of them down once."""
        pages = math.ceil(self.in_list / PAGE)
        by_list = pages <= self.tasks
        return {
            "stop": math.ceil(self.tasks / BATCH),
            "list": pages if by_list else 0,
            "show": 0 if by_list else self.tasks,
        }

    def least_submit_seconds(self) -> float:
        """The shortest time from the first to the last accepted stop request."""
        quota = self.quotas.get("stop")
        return 0.0 if quota is None else quota.least_seconds(self.least_requests()["stop"])

    def seconds_by_looks(self, looks_per_second: float) -> float:
        """About how long single looks need until every task was seen down, at this speed of one peer."""
        quota = self.quotas.get("show")
        rate = looks_per_second if quota is None else min(looks_per_second, quota.rate)
        sweep = self.tasks / rate
        # Slow sweeps find nearly everything down at once; quick ones are repeated until the slowest task is down.
        return max(1.3 * sweep, 5 * self.stop_seconds) + self.least_submit_seconds()


def _window(limit: int, seconds: float, kind: str) -> Window:
    return Window(limit=limit, seconds=seconds, kind=kind)


_CASES = (
    Case(name="free", title="no quota", tasks=10_000),
    Case(
        name="buckets",
        title="buckets of 10 stops, 10 lists and 50 looks a second",
        tasks=10_000,
        quotas={
            "stop": _window(10, 1, "bucket"),
            "list": _window(10, 1, "bucket"),
            "show": _window(50, 1, "bucket"),
        },
    ),
    Case(
        name="windows",
        title="sliding windows of 20 stops and 20 lists in 5 seconds",
        tasks=6_000,
        quotas={"stop": _window(20, 5, "sliding"), "list": _window(20, 5, "sliding")},
    ),
    Case(name="sparse", title="2,000 of the 100,000 tasks in the list", tasks=2_000, listed=50),
    Case(name="large", title="100,000 tasks, no quota", tasks=100_000),
    Case(name="million", title="1,000,000 tasks, no quota", tasks=1_000_000, peers=ALONE),
)
CASES: Mapping[str, Case] = {case.name: case for case in _CASES}
