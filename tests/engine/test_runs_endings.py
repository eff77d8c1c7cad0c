"""Whole runs that are ended from outside: drained, cancelled, and what a finished one still answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Outcome
from orchestrator.errors import IllegalTransitionError, RecordError
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import BUSY, NEVER, Slow, Stage, counted, new_record, options, outcomes, reopened, running

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.engine.account import Report


async def drained(stage: Stage, *, after: float) -> tuple[Report, float]:
    """Play, and ask for an end after so many seconds. Returns the account, and how long the end took."""
    took = 0.0
    report = None

    async def play() -> None:
        nonlocal report, took
        report = await stage.run.execute()
        took = anyio.current_time() - began - after

    stage.set_up()
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(play)
        await anyio.sleep(after)
        stage.run.drain("SIGTERM")
        stage.run.drain("a second wish changes nothing")
    assert report is not None
    report.check()
    return report, took


class TestDrain:
    """Nothing new leaves, what is in flight gets a short grace, and then there is an account."""

    async def test_what_is_in_flight_is_answered_and_recorded(self) -> None:
        operation = FakeOperation(running(500), latency=0.5)
        stage = Stage(operation)
        report, took = await drained(stage, after=0.7)  # the page came at 0.5, the first batch is in flight
        assert counted(report) == {"unconfirmed": 50, "not_attempted": 450}
        assert (report.ending, report.exit_code, report.ending_reason) == (Ending.INTERRUPTED, 75, "SIGTERM")
        assert took == pytest.approx(0.3)
        assert len(stage.batches) == 1
        assert all(row.accepted_at is not None for row in report.rows() if row.outcome == "unconfirmed")

    @pytest.mark.parametrize("after", [0.0, 0.01, 0.3, 1.0, 2.0, 4.0, 7.0])
    @pytest.mark.parametrize("workers", [1, 3])
    async def test_no_request_leaves_after_it_and_it_ends_with_the_last_answer(
        self, after: float, workers: int
    ) -> None:
        tasks = {f"t{number}": FakeTask(stops_after=60.0, listed=number % 2 > 0) for number in range(3000)}
        operation = FakeOperation(tasks, page_limit=100, latency=0.25)
        stage = Stage(operation, options=options(submit={"workers": workers, "batch_size": 5}))
        report, took = await drained(stage, after=after)
        assert report.exit_code == 75
        assert all(at <= after for at, _, _ in operation.asked)
        assert took <= 0.25 + 1e-9

    async def test_a_service_that_hangs_delays_it_by_the_grace_only(self) -> None:
        operation = FakeOperation(running(500), latency=9999.0)
        report, took = await drained(Stage(operation), after=5.0)
        assert counted(report) == {"not_attempted": 500}
        assert took <= 4.0

    async def test_an_end_wished_for_before_the_first_batch_is_not_lost(self) -> None:
        operation = FakeOperation(running(5))
        stage = Stage(operation)
        stage.set_up()
        stage.run.drain("SIGINT")
        report = await stage.run.execute()
        assert (report.exit_code, counted(report)) == (75, {"not_attempted": 5})
        assert operation.calls("stop") == []

    async def test_a_slow_disk_sends_nothing_after_it(self, tmp_path: Path) -> None:
        """The end was wished for while the intent was being written: its batch stays here."""
        operation = FakeOperation(running(50))
        record = new_record(tmp_path / "run.db", list(operation.tasks), offload=Slow(0.5))
        stage = Stage(operation, record=record)
        report, _ = await drained(stage, after=0.8)
        assert stage.of(ev.BatchIntended)
        assert stage.batches == []
        assert report.exit_code == 75
        record.close()

    async def test_an_end_wished_for_while_the_run_begins_asks_for_nothing(self, tmp_path: Path) -> None:
        """The beginning was still being written: a page was read all the same."""
        operation = FakeOperation(running(50))
        record = new_record(tmp_path / "run.db", list(operation.tasks), offload=Slow(0.5))
        report, _ = await drained(Stage(operation, record=record), after=0.2)
        assert operation.asked == []
        assert (report.exit_code, report.ending_reason) == (75, "SIGTERM")
        record.close()

    async def test_a_slow_disk_keeps_the_last_words_all_the_same(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(500))
        record = new_record(tmp_path / "run.db", list(operation.tasks), offload=Slow(0.2))
        stage = Stage(operation, record=record)
        await drained(stage, after=1.5)
        kept = [event for event in stage.events if not isinstance(event, ev.RequestEnded)]
        assert list(record.events()) == kept
        assert isinstance(kept[-1], ev.RunEnded)
        record.close()


class TestCancellation:
    """Leaving early closes the record in good order, and the cancellation goes on."""

    @pytest.mark.parametrize("after", [0.0, 0.02, 0.08, 0.3, 2.0, 5.0])
    async def test_it_is_raised_again_and_leaves_a_record_that_can_be_taken_up(
        self, after: float, tmp_path: Path
    ) -> None:
        operation = FakeOperation(running(300))
        record = new_record(tmp_path / "run.db", list(operation.tasks), offload=Slow(0.02))
        stage = Stage(operation, record=record)
        with anyio.move_on_after(after) as scope:
            await stage.play()
        assert scope.cancelled_caught
        record.close()
        with_all = reopened(tmp_path / "run.db")
        kept = [event for event in stage.events if not isinstance(event, ev.RequestEnded)]
        assert list(with_all.events()) == kept
        if kept:
            assert isinstance(last := kept[-1], ev.RunEnded)
            assert (last.ending, last.reason) == (Ending.INTERRUPTED, "cancelled")
        again = Stage(operation, record=with_all)
        assert counted(await again.play()) == {"stopped": 300}
        assert set(operation.accepted.values()) == {1}
        with_all.close()

    async def test_without_a_record_it_is_raised_again_too(self) -> None:
        with anyio.move_on_after(1.0) as scope:
            await Stage(FakeOperation(running(30))).play()
        assert scope.cancelled_caught
        assert anyio.current_time() == pytest.approx(1.0)


class TestErrors:
    """What is no way to end is raised."""

    async def test_a_bug_of_the_operation_is_raised_as_it_is(self) -> None:
        operation = FakeOperation(running(5))

        def stumble(_: FakeOperation) -> None:
            raise ZeroDivisionError

        operation.hooks["stop"] = stumble
        with pytest.raises(ZeroDivisionError):
            await Stage(operation).play()

    async def test_an_observer_that_fails_ends_the_run(self) -> None:
        def observer(event: ev.Event) -> None:
            if isinstance(event, ev.BatchAnswered):
                raise IllegalTransitionError("from an observer")

        stage = Stage(FakeOperation(running(5)))
        stage.set_up(observer)
        with pytest.raises(IllegalTransitionError):
            await stage.run.execute()

    async def test_a_record_that_cannot_be_written_is_raised(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(5))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        operation.hooks["list"] = lambda _: record._connection.close()
        with pytest.raises(RecordError, match="the record cannot be used"):
            await Stage(operation, record=record).play()
        assert operation.calls("stop") == []


class TestNumbers:
    """Where a run stands, for whoever shows progress."""

    async def test_they_add_up_at_every_event(self) -> None:
        tasks = {**running(100), "x": FakeTask(refusals=[NEVER]), "y": FakeTask(refusals=[BUSY]), "z": FakeTask("ODD")}
        stage = Stage(FakeOperation(tasks), [*tasks, "unknown"])
        seen = []

        def observer(_: ev.Event) -> None:
            n = stage.run.numbers()
            seen.append((n.to_send, n.waiting, n.over, n.failed))
            assert n.to_send + n.waiting + n.over + n.failed == n.total == 104

        stage.set_up(observer)
        await stage.run.execute()
        assert seen[0] == (104, 0, 0, 0)
        assert seen[-1] == (0, 0, 101, 3)


class TestFinished:
    """A finished run answers from its record; it is opened again on demand only."""

    async def test_it_is_answered_without_a_request(self, tmp_path: Path) -> None:
        operation = FakeOperation({**running(60), "no": FakeTask(refusals=[NEVER])})
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        first = await Stage(operation, record=record).play()
        asked = len(operation.asked)
        second = await Stage(operation, record=record).play()
        assert len(operation.asked) == asked
        assert list(second.rows()) == list(first.rows())
        assert second.timing == first.timing
        assert second.requests == first.requests
        assert (second.attempts, second.exit_code) == (1, 1)
        record.close()

    async def test_retry_reopens_the_chosen_and_leaves_what_is_over_alone(self, tmp_path: Path) -> None:
        tasks = {**running(60), "no": FakeTask(refusals=[NEVER]), "late": FakeTask(stops_after=50.0)}
        operation = FakeOperation(tasks)
        record = new_record(tmp_path / "run.db", list(tasks))
        first = await Stage(operation, record=record, options=options(deadline=20.0)).play()
        assert counted(first) == {"stopped": 60, "rejected": 1, "timed_out": 1}
        stage = Stage(operation, record=record, options=options(deadline=40.0))
        stage.set_up()
        chosen = stage.run.not_over()
        assert [stage.ids[item] for item in chosen] == ["no", "late"]
        second = await stage.run.execute(retry=chosen)
        assert counted(second) == {"stopped": 62}
        assert (second.exit_code, second.attempts) == (0, 2)
        assert set(operation.accepted.values()) == {1}
        record.close()

    async def test_retry_of_one_outcome_does_not_touch_the_others(self, tmp_path: Path) -> None:
        tasks = {**running(3, stops_after=500.0), "no": FakeTask(refusals=[NEVER])}
        operation = FakeOperation(tasks)
        record = new_record(tmp_path / "run.db", list(tasks))
        await Stage(operation, record=record, options=options(deadline=20.0)).play()
        stage = Stage(operation, record=record, options=options(deadline=20.0))
        stage.set_up()
        second = await stage.run.execute(retry=stage.run.not_over(["rejected"]))
        assert outcomes(second) == {"t0": "timed_out", "t1": "timed_out", "t2": "timed_out", "no": "stopped"}
        assert second.ending is Ending.FINISHED
        assert second.timing.elapsed_seconds < 20.0
        assert list(operation.calls("stop")[1:]) == [["no"]]
        record.close()

    @pytest.mark.parametrize("status", ["RUNS", "STOPPED", "MOVING", "BROKEN"])
    async def test_retry_of_one_that_ended_and_was_started_anew(self, status: str, tmp_path: Path) -> None:
        """It was asked once, so what came of it is looked at first; nothing is taken for granted."""
        operation = FakeOperation({"a": FakeTask(ends_as="BROKEN"), "b": FakeTask()})
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        await Stage(operation, record=record).play()
        operation.tasks["a"] = FakeTask(status=status)
        stage = Stage(operation, record=record, options=options(deadline=60.0))
        stage.set_up()
        report = await stage.run.execute(retry=stage.run.not_over(["ended"]))
        came_to = {"RUNS": "stopped", "STOPPED": "stopped", "MOVING": "timed_out", "BROKEN": "ended"}
        assert outcomes(report)["a"] == came_to[status]
        assert operation.accepted["a"] == (2 if status == "RUNS" else 1)
        record.close()

    async def test_retry_after_a_deadline_full_of_refusals_and_lost_answers(self, tmp_path: Path) -> None:
        tasks = {"busy": FakeTask(refusals=[BUSY] * 9), "b": FakeTask()}
        operation = FakeOperation(tasks)
        record = new_record(tmp_path / "run.db", list(tasks))
        first = await Stage(operation, record=record, options=options(deadline=1.0)).play()
        assert outcomes(first) == {"busy": "rejected", "b": "timed_out"}
        tasks["busy"].refusals.clear()
        stage = Stage(operation, record=record)
        stage.set_up()
        second = await stage.run.execute(retry=stage.run.not_over())
        assert counted(second) == {"stopped": 2}
        record.close()

    def test_the_outcomes_that_are_over_are_the_operations_own(self) -> None:
        stage = Stage(FakeOperation({"a": FakeTask()}))
        report = stage.set_up().report()
        assert report.over == {"stopped", "already_stopped", "ended"}
        assert set(report.outcomes) == {stage.operation.labels.get(outcome, outcome.value) for outcome in Outcome}
