"""Draws what befalls the machine, not the service: power that fails within a commit, a clock that is set, shards.

From a stream of its own: a seed that draws none of it means what it meant before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.dice import Dice
from tests.simulation.scenario import Disturbance

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario


def upheaved(scenario: Scenario) -> Scenario:
    """The scenario with what its seed does to the machine."""
    dice = Dice(f"upheavals/{scenario.seed}")
    if dice.one_in(7):
        scenario = with_torn_commit(dice, scenario)
    if dice.one_in(7):
        scenario = replace(scenario, wall=_jumps(dice))
    if dice.one_in(10) and scenario.family in {"gentle", "rough"}:
        scenario = replace(scenario, shards=dice.pick(2, 2, 3, 4))
    return scenario


def with_torn_commit(dice: Dice, scenario: Scenario) -> Scenario:
    """The power of one life fails within a commit."""
    torn = Disturbance(
        disaster="torn", point="commit.within", at=round(dice.scale(1, 25)), downtime=dice.scale(0.01, 600)
    )
    others = list(scenario.disturbances)
    others.insert(dice.randint(0, len(others)), torn)
    return replace(scenario, disturbances=tuple(others))


def _jumps(dice: Dice) -> tuple[tuple[float, float], ...]:
    """Steps of a time server, or somebody's hand: by fractions of a second, minutes or hours, either way."""
    return tuple(
        (
            0.0 if dice.one_in(4) else dice.scale(0.1, 600),
            dice.pick(-1, 1) * dice.pick(dice.scale(0.1, 10), dice.scale(10, 900), dice.scale(900, 20_000)),
        )
        for _ in range(dice.pick(1, 1, 2, 4))
    )
