"""A goal that must be seen several times: whoever folds the record later counts as the run did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.testing import FakeOperation
from tests.engine.stage import Stage, counted, new_record, options, outcomes, running

if TYPE_CHECKING:
    from pathlib import Path


class TestFoldedAgain:
    @pytest.mark.parametrize("deadline", [600.0, 7.0])
    async def test_without_its_options_the_record_tells_the_same(self, tmp_path: Path, deadline: float) -> None:
        """`report`, `verify`, `undo` and `merge` have the record alone: they ended with exit code 70."""
        operation = FakeOperation(running(4, stops_after=5.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        strict = options(poll={"confirmations": 3}, deadline=deadline)
        report = await Stage(operation, record=record, options=strict).play()
        assert set(counted(report)) == {"stopped" if deadline > 60.0 else "timed_out"}
        assert outcomes(Stage(operation, record=record).set_up().report()) == outcomes(report)
        record.close()

    @pytest.mark.parametrize(("first", "then"), [(3, 1), (1, 3)])
    async def test_a_run_is_taken_up_again_with_other_confirmations(
        self, tmp_path: Path, first: int, then: int
    ) -> None:
        operation = FakeOperation(
            {**running(3, stops_after=5.0), "z": next(iter(running(1, stops_after=40.0).values()))}
        )
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        with anyio.move_on_after(20.0):
            await Stage(operation, record=record, options=options(poll={"confirmations": first})).play()
        stage = Stage(operation, record=record, options=options(poll={"confirmations": then}))
        assert counted(await stage.play()) == {"stopped": 4}
        record.close()
