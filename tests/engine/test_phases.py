"""What a status means may change between two attempts; what an attempt before did by it stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Phase
from orchestrator.testing import PHASES, FakeOperation, FakeTask
from tests.engine.stage import Stage, counted, new_record, outcomes, running

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.engine.record import Record


class Choosy(FakeOperation):
    """Stops only what stands in one of these statuses."""

    stops: frozenset[str] = frozenset(PHASES)

    def phase(self, status: str) -> Phase:
        found = super().phase(status)
        return Phase.ALIEN if found is Phase.ACTIONABLE and status not in self.stops else found


def choosy(tasks: dict[str, FakeTask], *stops: str) -> Choosy:
    operation = Choosy(tasks)
    operation.tasks = tasks  # the same service, whoever asks it
    operation.stops = frozenset(stops)
    return operation


async def begun(record: Record, tasks: dict[str, FakeTask]) -> None:
    with anyio.move_on_after(2.0):
        await Stage(choosy(tasks, "RUNS"), record=record).play()


class TestPhases:
    async def test_a_run_is_taken_up_again_that_may_stop_less(self, tmp_path: Path) -> None:
        """It ended with exit code 70: what was sent before could not have been."""
        tasks = running(3, stops_after=30.0)
        record = new_record(tmp_path / "run.db", list(tasks))
        await begun(record, tasks)
        assert counted(await Stage(choosy(tasks), record=record).play()) == {"stopped": 3}
        record.close()

    async def test_the_account_of_a_finished_run_stays_what_it_was(self, tmp_path: Path) -> None:
        """Whoever adds a state to `stop_states`, as the advice says, is not told another account of what was done."""
        tasks = running(3)
        record = new_record(tmp_path / "run.db", list(tasks))
        before = await Stage(choosy(tasks), record=record).play()
        assert counted(before) == {"skipped": 3}
        after = Stage(choosy(tasks, "RUNS"), record=record)
        assert outcomes(after.set_up().report()) == outcomes(before)
        retried = await after.play(retry=after.run.not_over())
        assert counted(retried) == {"stopped": 3}
        record.close()

    @pytest.mark.parametrize("stops", [(), ("RUNS",)])
    async def test_each_attempt_tells_each_word_once(self, tmp_path: Path, stops: tuple[str, ...]) -> None:
        tasks = running(3, stops_after=30.0)
        record = new_record(tmp_path / "run.db", list(tasks))
        await begun(record, tasks)
        stage = Stage(choosy(tasks, *stops), record=record)
        await stage.play()
        told = [word for seen in stage.of(ev.Seen) for word in seen.phases or ()]
        assert len(told) == len(set(told)) >= 1
        record.close()
