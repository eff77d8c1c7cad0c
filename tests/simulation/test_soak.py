"""The soak in small, and that it would see a memory that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.engine.ledger import Ledger
from tests.simulation.soak import FLAT, NOISE, SETTLING, Memory, soak

if TYPE_CHECKING:
    import pytest


class TestMemory:
    def test_a_life_that_holds_ever_more_is_no_flat_one(self) -> None:
        memory = Memory()
        memory.lives = [[50.0] * 9, [50.0, 70.0, 100.0, 100.0, 100.0, 100.0 * FLAT + NOISE]]
        assert memory.is_flat()
        memory.lives[1].append(100.0 * FLAT + NOISE + 0.1)
        assert not memory.is_flat()

    def test_what_grows_until_it_has_settled_is_not_held_against_it(self) -> None:
        memory = Memory()
        memory.lives = [[10.0 * hour for hour in range(1, SETTLING + 1)]]
        assert memory.is_flat()


class TestSoak:
    def test_a_small_one_ends_well_and_tells_what_it_held(self) -> None:
        told: list[str] = []
        assert soak(told.append, (300,), days=0.5) == 0
        assert told[0].startswith("300 tasks, ")
        assert "every task is over; memory flat" in told[0]
        assert "life 3" in told[0]

    def test_one_that_does_not_end_well_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Ledger, "apply", lambda *_: 1 / 0)
        told: list[str] = []
        assert soak(told.append, (300,), days=0.1) == 1
        assert "BROKEN" in told[0]
