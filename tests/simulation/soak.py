"""The soak: one run of many tasks that takes days of virtual time; its memory must stay flat."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from orchestrator.engine import events as ev
from orchestrator.engine.options import LimitOptions, PollOptions, RunOptions
from orchestrator.simulator.options import Churn, Quota, SimulatorOptions, Spread
from tests.simulation.apart import Apart
from tests.simulation.scenario import Disturbance, Scenario
from tests.simulation.story import START
from tests.simulation.world import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.simulator.core import Service

TASKS = (2_000, 8_000, 32_000, 128_000)
HOUR, DAY = 3600.0, 86_400.0
FLAT = 1.1  # times the memory of its first hours that a life may come to hold, at most
SETTLING = 4  # hours until as many tasks stop as are being stopped: until then what is under way grows
NOISE = 8.0  # megabytes that come and go with the allocator


class Memory:
    """What this process holds, in MB, at each virtual hour of each life."""

    def __init__(self) -> None:
        self.lives: list[list[float]] = []
        self._next = 0.0

    def note(self, event: ev.Event) -> None:
        """Take a sample when an hour has passed."""
        if isinstance(event, ev.RunStarted):
            self.lives.append([])
            self._next = event.at + HOUR
        elif event.at >= self._next:
            self.lives[-1].append(resident())
            self._next += HOUR

    def is_flat(self) -> bool:
        """Whether no life came to hold more than it held once it had settled."""
        settled = [life[SETTLING - 1 :] for life in self.lives]
        return all(max(life) <= life[0] * FLAT + NOISE for life in settled if life)

    def told(self) -> str:
        """Of each life the hours, and what it held at the first, when it had settled, at most and at its end."""
        return "; ".join(
            f"life {number}, {len(life)} h: {life[0]:.0f}, {life[min(SETTLING, len(life)) - 1]:.0f}, "
            f"{max(life):.0f}, {life[-1]:.0f}"
            for number, life in enumerate(self.lives, start=1)
            if life
        )


def resident() -> float:
    """Megabytes that this process holds now; where the system does not say so, the most that it ever held."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


def scenario(tasks: int, days: float) -> Scenario:
    """So many days of virtual time: a tight quota, slow stops, a drain and a death on the way."""
    stops = Quota(limit=1, seconds=max(1.0, round(days * DAY / (tasks / 50))), policy="user")
    return Scenario(
        seed=tasks,
        quiet=True,
        service=SimulatorOptions(
            keep_books="counts",
            tasks=tasks,
            seed=tasks,
            stop_seconds=Spread(median=3600, sigma=0.5),
            churn=Churn(created=0.001, deleted=0.001),
            latency=Spread(median=0.05, sigma=0.5),
            quotas={"stop": stops},
        ),
        options=RunOptions(
            poll=PollOptions(interval=60.0, max_interval=600.0, reissue_after=8 * HOUR),
            limits=LimitOptions(deadline=10 * days * DAY, max_tasks=10_000_000, max_failures=1.0),
        ),
        disturbances=(
            Disturbance(disaster="drain", point="time", at=days * DAY / 4, downtime=600.0),
            Disturbance(disaster="death", point="time", at=days * DAY / 4, downtime=600.0),
        ),
    )


def soak(say: Callable[[str], None], sizes: tuple[int, ...] = TASKS, *, days: float = 1.0) -> int:
    """Run ever larger soaks; returns 1 if one does not end well, or if its memory grows while it runs.

    The service is in a process of its own: what is measured is the run, the wire between them, and the loop.
    """
    broken = 0
    for tasks in sizes:
        began, memory, drawn = time.monotonic(), Memory(), scenario(tasks, days)
        with Apart(drawn.service) as service:
            # It stands for a `Service` as far as a quiet run asks.
            story = play(drawn, service=cast("Service", service), note=memory.note)
        report = story.last.report
        is_over = report is not None and report.exit_code == 0
        broken += not is_over or not memory.is_flat()
        lasted = (story.last.ended_at - START) / DAY
        verdict = "every task is over" if is_over else f"BROKEN: {story.last.end} {story.last.error}"
        say(
            f"{tasks:,} tasks, {lasted:.1f} days in {time.monotonic() - began:.0f} s, {story.requests:,} requests: "
            f"{verdict}; memory {'flat' if memory.is_flat() else 'GROWING'} "
            f"(MB after the first hour, settled, at most, at the end) {memory.told()}"
        )
    return 1 if broken else 0
