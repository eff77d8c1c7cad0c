"""Examines a seed: draws it, plays it, plays it undisturbed where that must come to the same, and asks the referee."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.simulation.draws import draw
from tests.simulation.referee import judge
from tests.simulation.story import START
from tests.simulation.world import play

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario
    from tests.simulation.story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one seed."""

    seed: int
    violations: tuple[str, ...]
    virtual_seconds: float
    lives: int
    requests: int


def examine(scenario: Scenario) -> tuple[Finding, Story | None]:
    """Play one scenario and judge it. Whatever breaks in the playing is a violation, too."""
    try:
        with warnings.catch_warnings():
            # The coroutines of a process that died are closed unawaited.
            warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
            story = _played(scenario)
    except Exception as error:  # noqa: BLE001  a referee takes no offence
        broken = f"played: {type(error).__name__}: {error}"
        return Finding(seed=scenario.seed, violations=(broken,), virtual_seconds=0.0, lives=0, requests=0), None
    finding = Finding(
        seed=scenario.seed,
        violations=tuple(judge(story)),
        virtual_seconds=story.last.ended_at - START,
        lives=len(story.lives),
        requests=len(story.exchanges),
    )
    return finding, story


def examine_seed(seed: int) -> Finding:
    """The same for a drawn one."""
    return examine(draw(seed))[0]


def _played(scenario: Scenario) -> Story:
    story = play(scenario)
    if scenario.family == "gentle" and scenario.disturbances:
        story.undisturbed = play(replace(scenario, disturbances=()))
    return story
