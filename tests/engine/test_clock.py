"""The machine's clock is set, and no run ends early, late or before it began: stamps follow the time that passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.clock import Clock, loop_time, steady
from orchestrator.engine.model import Quota
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import EPOCH, INFO, Stage, counted, new_record, options, running

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.engine.account import Report
    from orchestrator.engine.record import Record
    from orchestrator.engine.runner import Run

HOUR = 3600.0


class Wall:
    """The machine's clock, which somebody sets."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return EPOCH + self.ahead + anyio.current_time()


async def play(stage: Stage, wall: Wall, *, retry: list[int] | None = None) -> Report:
    run = stage.set_up()
    run._now = wall
    report = await run.execute(retry=retry)
    report.check()
    return report


class TestLoopTime:
    async def test_it_is_that_which_sleepers_wake_by(self) -> None:
        for seconds in (0.0, 0.25, HOUR):
            await anyio.sleep(seconds)
            assert loop_time() == anyio.current_time()


class TestStamps:
    async def test_they_follow_the_loop_whatever_becomes_of_the_clock(self) -> None:
        wall = Wall()
        clock = Clock(wall)
        wall.ahead = -HOUR
        await anyio.sleep(5.0)
        assert clock.stamp() == EPOCH + 5.0

    @pytest.mark.parametrize(("last", "begins"), [(EPOCH + 60.0, EPOCH + 60.0), (EPOCH - 60.0, EPOCH)])
    async def test_they_begin_no_earlier_than_the_last_one_that_is_known(self, last: float, begins: float) -> None:
        assert Clock(Wall(), not_before=last).stamp() == begins

    def test_a_steady_clock_does_not_jump(self) -> None:
        wall, ticks = [EPOCH, EPOCH - HOUR], [7.0, 9.5]
        now = steady(lambda: wall.pop(0), ticks=lambda: ticks.pop(0))
        assert now() == EPOCH + 2.5


class TestSetBackBetweenAttempts:
    """By a time server, or because the run goes on at another machine."""

    async def interrupted(self, record: Record, operation: FakeOperation, wall: Wall) -> None:
        with anyio.move_on_after(30.0):
            await play(Stage(operation, record=record), wall)
        wall.ahead = -HOUR

    async def test_the_account_does_not_end_before_it_begins(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(3, stops_after=40.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        wall = Wall()
        await self.interrupted(record, operation, wall)
        report = await play(Stage(operation, record=record), wall)
        timing = report.timing
        assert timing.finished_at - timing.started_at == pytest.approx(anyio.current_time())
        assert timing.elapsed_seconds == pytest.approx(anyio.current_time(), abs=0.01)
        assert all(0.0 < (row.seconds_to_stop or 0.0) < 60.0 for row in report.rows())
        record.close()

    async def test_a_quota_spent_before_does_not_hold_up_for_so_long(self, tmp_path: Path) -> None:
        """Answers of the attempt before were dated an hour ahead, and counted as spent until then."""
        operation = FakeOperation(running(120))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        wall = Wall()
        record.append(ev.RunStarted(at=EPOCH, attempt=1, items=120))
        record.append(ev.QuotaLearned(at=EPOCH, api="stop", quota=Quota(policy="user", limit=1, seconds=5.0)))
        record.append(ev.Tallied(at=EPOCH + 1.0, requests={"stop": {"ok": 5}}))
        record.commit()
        wall.ahead = -HOUR
        report = await play(Stage(operation, record=record), wall)
        assert counted(report) == {"stopped": 120}
        assert anyio.current_time() < 60.0
        record.close()

    async def test_what_was_forgotten_is_sent_again_in_time(self, tmp_path: Path) -> None:
        """`reissue_after` counted from an acceptance that was dated an hour ahead."""
        operation = FakeOperation({"a": FakeTask(forgets=1)})
        record = new_record(tmp_path / "run.db", ["a"])
        wall = Wall()
        await self.interrupted(record, operation, wall)
        report = await play(Stage(operation, record=record, options=options(poll={"reissue_after": 60.0})), wall)
        assert counted(report) == {"stopped": 1}
        assert anyio.current_time() < 120.0
        record.close()

    async def test_a_finished_run_that_is_reopened_has_its_whole_deadline(self, tmp_path: Path) -> None:
        """The hour was taken for time that the reopened run had spent running."""
        operation = FakeOperation(running(2, stops_after=50.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        wall, limits = Wall(), options(deadline=20.0)
        assert counted(await play(Stage(operation, record=record, options=limits), wall)) == {"timed_out": 2}
        await anyio.sleep(20.0)
        wall.ahead = -HOUR
        again = await play(Stage(operation, record=record, options=limits), wall, retry=[0, 1])
        assert counted(again) == {"stopped": 2}
        assert again.timing.elapsed_seconds < 20.0
        record.close()


class TestSetForward:
    async def test_the_time_between_two_attempts_is_not_spent_running(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(3, stops_after=40.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        wall, limits = Wall(), options(deadline=100.0)
        with anyio.move_on_after(30.0):
            await play(Stage(operation, record=record, options=limits), wall)
        wall.ahead = HOUR
        report = await play(Stage(operation, record=record, options=limits), wall)
        assert counted(report) == {"stopped": 3}
        assert report.timing.elapsed_seconds == pytest.approx(anyio.current_time(), abs=0.01)
        record.close()

    async def test_a_clock_that_is_set_while_a_run_is_under_way_is_not_looked_at(self) -> None:
        wall = Wall()
        stage = Stage(FakeOperation(running(3, stops_after=40.0)), options=options(deadline=100.0))
        run: Run = stage.set_up(lambda _: setattr(wall, "ahead", wall.ahead + HOUR))
        run._now = wall
        report = await run.execute()
        assert counted(report) == {"stopped": 3}
        assert report.timing.elapsed_seconds == pytest.approx(anyio.current_time(), abs=0.01)
        assert report.info == INFO
