"""Examines a seed: draws it, plays it, plays it undisturbed where that must come to the same, and asks the referee."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.simulation.draws import draw
from tests.simulation.referee import judge
from tests.simulation.shards import judge_joint, play_shards
from tests.simulation.story import START
from tests.simulation.world import play

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    if scenario.shards > 1:
        return examine_shards(scenario)[0], None
    try:
        with _quiet_about_the_dead():
            story = _played(scenario)
    except Exception as error:  # noqa: BLE001  a referee takes no offence
        return _broken(scenario, error), None
    finding = Finding(
        seed=scenario.seed,
        violations=tuple(judge(story)),
        virtual_seconds=story.last.ended_at - START,
        lives=len(story.lives),
        requests=len(story.exchanges),
    )
    return finding, story


def examine_shards(scenario: Scenario) -> tuple[Finding, list[Story]]:
    """The same for a scenario of several shards: each is judged, and the whole."""
    try:
        with _quiet_about_the_dead():
            joint = play_shards(scenario)
    except Exception as error:  # noqa: BLE001  a referee takes no offence
        return _broken(scenario, error), []
    violations = [
        f"shard {number}: {violation}" for number, story in enumerate(joint.stories) for violation in judge(story)
    ]
    finding = Finding(
        seed=scenario.seed,
        violations=(*violations, *judge_joint(joint)),
        virtual_seconds=max(story.last.ended_at for story in joint.stories) - START,
        lives=sum(len(story.lives) for story in joint.stories),
        requests=sum(story.requests for story in joint.stories),
    )
    return finding, joint.stories


@contextmanager
def _quiet_about_the_dead() -> Iterator[None]:
    """The coroutines of a process that died are closed unawaited."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
        yield


def _broken(scenario: Scenario, error: Exception) -> Finding:
    violations = (f"played: {type(error).__name__}: {error}",)
    return Finding(seed=scenario.seed, violations=violations, virtual_seconds=0.0, lives=0, requests=0)


def examine_seed(seed: int) -> Finding:
    """The same for a drawn one."""
    return examine(draw(seed))[0]


def _played(scenario: Scenario) -> Story:
    story = play(scenario)
    if scenario.family == "gentle" and scenario.disturbances:
        story.undisturbed = play(replace(scenario, disturbances=()))
    return story
