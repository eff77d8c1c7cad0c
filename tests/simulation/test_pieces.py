"""The set pieces: each meets the row that it was made for, and breaks no rule."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.simulation.covered import Met, expected, watched
from tests.simulation.examine import examine
from tests.simulation.pieces import PIECES

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario


class TestPieces:
    @pytest.mark.parametrize(("row", "scenario"), PIECES)
    def test_meets_its_row(self, row: str, scenario: Scenario) -> None:
        met: Met = Counter()
        with watched(met):
            finding, _ = examine(scenario)
        assert finding.violations == ()
        assert met[row]

    def test_each_is_made_for_a_row_of_the_tables(self) -> None:
        assert {row for row, _ in PIECES} <= set(expected())
