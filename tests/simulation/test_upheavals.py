"""What befalls the machine is drawn from a stream of its own, and the referee catches who does not stand it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine.clock import Clock
from orchestrator.engine.record import Record
from tests.simulation.draws import draw
from tests.simulation.mutations import Mutation
from tests.simulation.upheavals import upheaved

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.scenario import Scenario


def is_torn(scenario: Scenario) -> bool:
    return any(disturbance.disaster == "torn" for disturbance in scenario.disturbances)


def is_set_back(scenario: Scenario) -> bool:
    return bool(scenario.disturbances) and any(jump < -100 for _, jump in scenario.wall)


def _without_a_journal(self: Record, rows: list[tuple[int, float, str, str]]) -> None:
    self._connection.execute("PRAGMA journal_mode=MEMORY")
    _WRITE(self, rows)


def _from_the_machine_alone(self: Clock, now: Callable[[], float], **_: float) -> None:
    _CLOCK(self, now)


_WRITE = Record._write
_CLOCK = Clock.__init__

MISTAKES = (
    Mutation(name="keep no journal", patches=((Record, "_write", _without_a_journal),), fits=is_torn),
    Mutation(
        name="date by the machine alone",
        patches=((Clock, "__init__", _from_the_machine_alone),),
        fits=is_set_back,
    ),
)


class TestDrawing:
    def test_everything_is_drawn_now_and_then(self) -> None:
        drawn = [draw(seed) for seed in range(200)]
        assert 10 < sum(map(is_torn, drawn)) < 60
        assert 10 < sum(bool(scenario.wall) for scenario in drawn) < 60
        assert any(jump > 3600 for scenario in drawn for _, jump in scenario.wall)

    def test_most_seeds_mean_what_they_meant_before(self) -> None:
        plain = [scenario for seed in range(200) if not is_torn(scenario := draw(seed)) and not scenario.wall]
        assert len(plain) > 120
        assert all(upheaved(scenario) == scenario for scenario in plain)

    def test_a_seed_draws_the_same_each_time(self) -> None:
        assert [draw(seed) for seed in range(40)] == [draw(seed) for seed in range(40)]


class TestMistakes:
    @pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
    def test_is_caught(self, mistake: Mutation) -> None:
        assert replace(mistake, within=20).caught_by() is not None
