"""What a case came to: every peer's rounds, who was left out and why, and whether the product kept its goals."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.cases import Case
    from tests.benchmarks.measuring import Measured

OURS = "ours"
SCRIPT = "script-list"
FLAT = ("free", "large", "million")  # the cases that differ in nothing but the number of tasks, in its order

_ENOUGH_TASKS = 10_000  # below, the record's empty pages weigh more than what is in them
_MEGABYTE = 1e6


@dataclass(slots=True, kw_only=True)
class CaseResult:
    """One case, as far as it has been measured."""

    case: Case
    rounds: dict[str, list[Measured]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """Why a peer has no figures."""

    def add(self, measured: Measured) -> None:
        """Enter one measurement."""
        self.rounds.setdefault(measured.peer, []).append(measured)

    def of(self, peer: str) -> Measured | None:
        """Give the round of this peer that is the median by CPU; None if it has none."""
        rounds = self.rounds.get(peer)
        if not rounds:
            return None
        middle = statistics.median_low(measured.cpu_seconds for measured in rounds)
        return next(measured for measured in rounds if measured.cpu_seconds == middle)

    @property
    def longest_stop_seconds(self) -> float:
        """How long the slowest task takes to stop; the same for every peer."""
        return max((rounds[0].longest_stop_seconds for rounds in self.rounds.values()), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A promise of the product, and what was measured."""

    case: str
    name: str
    value: float
    bound: float
    at_least: bool = False
    """Whether the bound is the least that is good; otherwise it is the most."""

    @property
    def met(self) -> bool:
        """Whether the promise was kept."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def goals(results: Sequence[CaseResult], start_up: Mapping[str, float]) -> list[Goal]:
    """Judge the product by everything that was measured.

    Args:
        results: The cases.
        start_up: CPU seconds by peer that a run of next to no tasks takes.

    """
    return [goal for result in results for goal in _goals_of(result)] + _flatness(results, start_up)


def _goals_of(result: CaseResult) -> list[Goal]:
    case, ours, script = result.case, result.of(OURS), result.of(SCRIPT)
    if ours is None:
        return []

    def goal(name: str, value: float, bound: float, *, at_least: bool = False) -> Goal:
        return Goal(case=case.name, name=name, value=value, bound=bound, at_least=at_least)

    found = [goal(f"throttled answers of {api}", ours.throttled.get(api, 0), 2) for api in case.quotas]
    least = case.least_submit_seconds()
    if least and ours.submit_seconds:
        found.append(goal("share of the quota used while submitting", least / ours.submit_seconds, 0.98, at_least=True))
    found.append(goal("seconds from the last task's end to the report", ours.lag_seconds, 2 * case.interval))
    if ours.record_bytes is not None and case.tasks >= _ENOUGH_TASKS:
        found.append(goal("bytes of record a task", ours.record_bytes / case.tasks, 200))
    if case.name == "million":
        found.append(goal("peak memory in MB a million tasks", ours.peak_bytes / _MEGABYTE / (case.tasks / 1e6), 200))
    if script is not None and case.name == "sparse":
        found.append(goal("requests ÷ the script's", ours.total_requests / script.total_requests, 0.5))
    if script is not None and case.name == "large":
        found.append(goal("CPU ÷ the script's", ours.cpu_seconds / script.cpu_seconds, 0.35))
    return found


def _flatness(results: Sequence[CaseResult], start_up: Mapping[str, float]) -> list[Goal]:
    by_name = {result.case.name: result.of(OURS) for result in results}
    measured = {name: by_name.get(name) for name in FLAT}
    net = {name: net_micros(ours, start_up) for name, ours in measured.items() if ours is not None}
    first, *others = net or {"": 0.0}
    return [
        Goal(case=name, name=f"CPU a task beyond start-up ÷ that of {first}", value=net[name] / net[first], bound=1.1)
        for name in others
        if net[first] > 0
    ]


def net_micros(measured: Measured, start_up: Mapping[str, float]) -> float:
    """Microseconds of CPU a task beyond what the start of the process takes."""
    return max(0.0, measured.cpu_seconds - start_up.get(measured.peer, 0.0)) / measured.tasks * 1e6
