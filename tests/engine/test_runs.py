"""Whole runs over the fake service: what every kind of task comes to."""

from __future__ import annotations

import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending
from orchestrator.errors import TasksNotOverError
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import (
    BUSY,
    EPOCH,
    FORBIDDEN,
    LOST,
    LOST_AFTER,
    NEVER,
    Stage,
    counted,
    options,
    outcomes,
    running,
)


class TestOutcomes:
    """Each kind of task comes to the outcome that the service's own books bear out."""

    async def test_running_tasks_are_stopped(self) -> None:
        stage = Stage(FakeOperation(running(120)))
        report = await stage.play()
        assert counted(report) == {"stopped": 120}
        assert (report.exit_code, report.ending, report.outcome) == (0, Ending.FINISHED, "succeeded")
        assert all(stage.operation.accepted[item] == 1 for item in stage.ids)
        assert sum(len(batch) for batch in stage.batches) == 120
        assert len(stage.batches) == 3
        report.raise_for_failures()

    async def test_every_outcome_of_a_finished_run(self) -> None:
        tasks = {
            "runs": FakeTask(),
            "stopped": FakeTask(status="STOPPED"),
            "stopping": FakeTask(stop_at=3.0),
            "finished": FakeTask(status="FINISHED"),
            "breaks": FakeTask(ends_as="BROKEN"),
            "alien": FakeTask(status="MOVING HOUSE"),
            "never": FakeTask(refusals=[NEVER]),
        }
        stage = Stage(FakeOperation(tasks), [*tasks, "unknown"])
        report = await stage.play()
        assert outcomes(report) == {
            "runs": "stopped",
            "stopped": "already_stopped",
            "stopping": "already_stopped",
            "finished": "ended",
            "breaks": "ended",
            "alien": "skipped",
            "never": "rejected",
            "unknown": "not_found",
        }
        assert (report.exit_code, report.outcome, report.not_over) == (1, "partial", 3)
        assert sorted(stage.operation.accepted) == ["breaks", "runs"]
        rows = {row.task_id: row for row in report.rows()}
        assert (rows["never"].error_code, rows["never"].error_message) == ("NEVER", "refused for good")
        assert (rows["unknown"].error_code, rows["unknown"].status, rows["unknown"].accepted_at) == ("GONE", "", None)
        assert (rows["alien"].status, rows["alien"].stop_requests) == ("MOVING HOUSE", 0)
        with pytest.raises(
            TasksNotOverError, match=r"3 of 8 tasks are not over: alien \(skipped\), never \(rejected\)"
        ):
            report.raise_for_failures()

    async def test_the_account_says_when_each_was_accepted_and_how_long_it_took(self) -> None:
        stage = Stage(FakeOperation({"a": FakeTask(stops_after=3.0)}, latency=0.25))
        (row,) = (await stage.play()).rows()
        # looked at (0.25), sent (0.5); looks start 2 s after acceptance and take 0.25 each: 2.5, 4.75
        assert row.accepted_at == pytest.approx(EPOCH + 0.5)
        assert row.finished_at == pytest.approx(EPOCH + 5.0)
        assert row.seconds_to_stop == pytest.approx(4.5)
        assert (row.first_status, row.status, row.stop_requests) == ("RUNS", "STOPPED", 1)

    async def test_an_empty_rest_asks_nothing_more(self) -> None:
        stage = Stage(FakeOperation(running(40, status="STOPPED")))
        assert counted(await stage.play()) == {"already_stopped": 40}
        assert [api for _, api, _ in stage.operation.asked] == ["list"]

    async def test_a_task_ended_by_itself_before_its_batch_left_is_not_sent(self) -> None:
        operation = FakeOperation(running(60), page_limit=50)

        def end(service: FakeOperation) -> None:
            service.tasks["t59"].status = "FINISHED"

        operation.hooks["list"] = end
        stage = Stage(operation)
        assert outcomes(await stage.play())["t59"] == "ended"
        assert all("t59" not in batch for batch in stage.batches)


class TestRefusals:
    """A refusal for its state is looked into and tried again; a final one is final."""

    async def test_refused_once_then_stopped(self) -> None:
        stage = Stage(FakeOperation({**running(9), "busy": FakeTask(refusals=[BUSY])}))
        assert counted(await stage.play()) == {"stopped": 10}
        assert [len(batch) for batch in stage.batches] == [10, 1]

    async def test_refused_always_is_rejected_after_the_last_attempt_with_its_code(self) -> None:
        stage = Stage(FakeOperation({"busy": FakeTask(refusals=[BUSY] * 9)}), options=options(retry={"attempts": 3}))
        (row,) = (await stage.play()).rows()
        assert (row.outcome, row.error_code, row.stop_requests) == ("rejected", "BUSY", 3)
        assert len(stage.batches) == 3

    async def test_refused_because_it_went_down_meanwhile_is_already_stopped(self) -> None:
        operation = FakeOperation({"a": FakeTask(refusals=[BUSY] * 9)})
        operation.hooks["stop"] = lambda service: setattr(service.tasks["a"], "status", "STOPPED")
        stage = Stage(operation)
        assert outcomes(await stage.play()) == {"a": "already_stopped"}
        assert len(stage.batches) == 1

    async def test_refused_and_alien_now_is_skipped(self) -> None:
        operation = FakeOperation({"a": FakeTask(refusals=[BUSY] * 9)})
        operation.hooks["stop"] = lambda service: setattr(service.tasks["a"], "status", "MOVING")
        assert outcomes(await Stage(operation).play()) == {"a": "skipped"}

    async def test_a_whole_batch_refused_for_good_is_taken_apart_first(self) -> None:
        """The refusal of a batch says nothing of which id it means."""
        operation = FakeOperation(running(4))
        operation.faults["stop"] = [NEVER, NEVER, NEVER]  # the batch, its first half or single …
        stage = Stage(operation)
        report = await stage.play()
        assert set(counted(report)) <= {"stopped", "rejected"}
        assert len(stage.batches[0]) == 4
        assert all(len(batch) < 4 for batch in stage.batches[1:])
        rejected = [row.task_id for row in report.rows() if row.outcome == "rejected"]
        assert all([item] in stage.batches for item in rejected)

    async def test_a_service_that_forbids_the_verb_refuses_the_run(self) -> None:
        operation = FakeOperation(running(80))
        operation.faults["stop"] = [FORBIDDEN]
        stage = Stage(operation)
        report = await stage.play()
        assert (report.ending, report.exit_code) == (Ending.REFUSED, 3)
        assert "no permission" in report.ending_reason
        assert len(stage.batches) == 1
        assert counted(report) == {"not_attempted": 80}


class TestSilence:
    """What the service does not say is unknown, not done: it is looked at before anything is sent again."""

    async def test_an_unmentioned_item_is_looked_at_and_not_sent_again(self) -> None:
        operation = FakeOperation(running(5))
        operation.unmentioned = {"t2"}
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 5}
        assert len(stage.batches) == 1

    async def test_an_unmentioned_item_that_was_not_taken_is_sent_again(self) -> None:
        operation = FakeOperation(running(5))
        operation.tasks["t2"].forgets = 1
        operation.unmentioned = {"t2"}
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 5}
        assert [len(batch) for batch in stage.batches] == [5, 1]

    async def test_an_answer_lost_after_the_effect_is_not_sent_again(self) -> None:
        operation = FakeOperation(running(30))
        operation.faults["stop"] = [LOST_AFTER]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 30}
        assert len(stage.batches) == 1

    async def test_an_answer_lost_before_the_effect_is_sent_again_after_a_look(self) -> None:
        operation = FakeOperation(running(30))
        operation.faults["stop"] = [LOST]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 30}
        assert all(operation.accepted[item] == 1 for item in stage.ids)
        names = [type(event).__name__ for event in stage.events]
        assert names.index("BatchLost") < names.index("Resubmitted")
        seen = [event for event in stage.of(ev.Seen) if event.at > stage.of(ev.BatchLost)[0].at]
        assert seen
        assert seen[0].at <= stage.of(ev.Resubmitted)[0].at

    async def test_lost_always_is_neither_called_done_nor_refused(self) -> None:
        operation = FakeOperation(running(3))
        operation.faults["stop"] = [LOST] * 50
        stage = Stage(operation, options=options(retry={"attempts": 2}))
        report = await stage.play()
        assert counted(report) == {"timed_out": 3}
        assert len(operation.calls("stop")) == 2
        assert {row.error_message for row in report.rows()} == {"no answer"}

    async def test_answers_are_matched_by_id_and_strange_ids_in_them_are_passed_over(self) -> None:
        operation = FakeOperation(running(3))
        honest = operation.submit

        async def shuffled(ids: list[str]) -> object:
            ack = await honest(ids)
            object.__setattr__(ack, "accepted", ["stranger", *reversed(list(ack.accepted)), "t0"])
            object.__setattr__(ack, "refused", {"other": BUSY, "t1": BUSY})
            return ack

        operation.submit = shuffled  # type: ignore[method-assign, assignment]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 3}
        assert len(stage.batches) == 1


class TestForgotten:
    """An accepted task that does not leave its state is asked again once, after `reissue_after`."""

    @pytest.mark.parametrize("coarse", [False, True])
    async def test_a_forgotten_stop_is_asked_again(self, *, coarse: bool) -> None:
        operation = FakeOperation({**running(8), "lost": FakeTask(forgets=1)}, coarse=coarse)
        stage = Stage(operation, options=options(poll={"reissue_after": 20.0}))
        assert counted(await stage.play()) == {"stopped": 9}
        assert operation.accepted["lost"] == 2
        assert sum(operation.accepted.values()) == 10
        first, second = [at for at, api, _ in operation.asked if api == "stop"]
        assert second - first >= 20.0

    @pytest.mark.parametrize("forgets", [2, 5])
    async def test_forgotten_for_good_is_timed_out_and_asked_no_oftener_than_allowed(self, forgets: int) -> None:
        operation = FakeOperation({"lost": FakeTask(forgets=forgets)})
        stage = Stage(operation, options=options(poll={"reissue_after": 10.0, "max_reissues": 1}, deadline=500.0))
        report = await stage.play()
        assert outcomes(report) == {"lost": "timed_out"}
        assert operation.accepted["lost"] == 2
        assert report.ending is Ending.DEADLINE
        assert report.timing.elapsed_seconds == 500.0

    async def test_a_coarse_list_is_never_reason_enough_to_send_again(self) -> None:
        """It shows RUNS for what is stopping: only a single look tells."""
        operation = FakeOperation(running(40, stops_after=90.0), coarse=True)
        stage = Stage(operation, options=options(poll={"reissue_after": 10.0}))
        assert counted(await stage.play()) == {"stopped": 40}
        assert set(operation.accepted.values()) == {1}

    async def test_lost_answers_under_a_coarse_list_are_looked_at_singly(self) -> None:
        operation = FakeOperation(running(40, stops_after=30.0), coarse=True)
        operation.faults["stop"] = [LOST_AFTER]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 40}
        assert set(operation.accepted.values()) == {1}
