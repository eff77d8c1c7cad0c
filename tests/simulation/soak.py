"""The soak: one run of many tasks that takes days of virtual time; its memory must stay flat."""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING

from orchestrator.engine.options import LimitOptions, PollOptions, RunOptions
from orchestrator.simulator.options import Churn, Quota, SimulatorOptions, Spread
from tests.simulation.scenario import Disturbance, Scenario
from tests.simulation.story import START
from tests.simulation.world import play

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = (2_000, 8_000, 32_000, 128_000)
DAY = 86_400.0
FLAT = 1.5  # times as many kilobytes a task as the smallest run took, at most


def scenario(tasks: int) -> Scenario:
    """A day and more of virtual time: a tight quota, slow stops, a drain and a death on the way."""
    stops = Quota(limit=1, seconds=round(DAY / (tasks / 50)), policy="user")
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
            poll=PollOptions(interval=60.0, max_interval=600.0, reissue_after=8 * 3600.0),
            limits=LimitOptions(deadline=10 * DAY, max_tasks=1_000_000, max_failures=1.0),
        ),
        disturbances=(
            Disturbance(disaster="drain", point="time", at=DAY / 4, downtime=600.0),
            Disturbance(disaster="death", point="time", at=DAY / 4, downtime=600.0),
        ),
    )


def soak(say: Callable[[str], None], sizes: tuple[int, ...] = TASKS) -> int:
    """Run ever larger soaks in one process; returns 1 if a rule is broken, or memory grows faster than the tasks."""
    broken, first = 0, 0.0
    for tasks in sizes:
        story = play(scenario(tasks))
        report = story.last.report
        is_over = report is not None and report.exit_code == 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
        each = peak / tasks
        first = first or each
        broken += not is_over or each > first * FLAT
        days = (story.last.ended_at - START) / DAY
        verdict = "every task is over" if is_over else f"BROKEN: {story.last.end} {story.last.error}"
        say(f"{tasks} tasks, {days:.1f} days, {len(story.exchanges)} requests, peak {peak / 1024:.0f} MB: {verdict}")
    return 1 if broken else 0
