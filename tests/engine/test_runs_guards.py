"""Whole runs that a guard ends or holds back: size, failures, canary, deadline."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Quota, Verdict
from orchestrator.testing import FakeOperation, FakeTask, VirtualTimeLoop
from tests.engine.stage import (
    BUSY,
    LOST,
    LOST_AFTER,
    NEVER,
    THROTTLED,
    Slow,
    Stage,
    counted,
    new_record,
    options,
    outcomes,
    running,
)
from tests.engine.test_runs_bad_ids import poisoned

if TYPE_CHECKING:
    from pathlib import Path


class TestMaxTasks:
    async def test_a_list_that_is_too_long_is_refused_before_anything_is_sent(self) -> None:
        operation = FakeOperation(running(11))
        report = await Stage(operation, options=options(max_tasks=10)).play()
        assert (report.ending, report.exit_code, report.outcome) == (Ending.ABORTED, 4, "aborted")
        assert "limits.max_tasks" in report.ending_reason
        assert operation.asked == []
        assert counted(report) == {"not_attempted": 11}

    async def test_a_list_that_just_fits_is_run(self) -> None:
        assert counted(await Stage(FakeOperation(running(10)), options=options(max_tasks=10)).play()) == {"stopped": 10}


class TestMaxFailures:
    """Failures that may still come of what is in flight count as such."""

    @pytest.mark.parametrize("allowed", [0, 1, 7, 60])
    async def test_a_count_is_overshot_by_the_one_failure_that_trips_it(self, allowed: int) -> None:
        operation = FakeOperation({f"t{number}": FakeTask(refusals=[NEVER]) for number in range(500)})
        stage = Stage(operation, options=options(max_failures=allowed))
        report = await stage.play()
        assert (report.ending, report.exit_code) == (Ending.ABORTED, 4)
        assert f"limits.max_failures allows ({allowed})" in report.ending_reason
        assert report.outcomes["rejected"] == allowed + 1
        assert sum(len(batch) for batch in stage.batches) == allowed + 1

    async def test_failures_within_the_count_end_nothing(self) -> None:
        tasks = {f"t{number}": FakeTask(refusals=[NEVER] if number % 50 == 0 else []) for number in range(500)}
        report = await Stage(FakeOperation(tasks), options=options(max_failures=10)).play()
        assert counted(report) == {"stopped": 490, "rejected": 10}
        assert report.exit_code == 1

    async def test_a_share_is_judged_only_after_its_sample(self) -> None:
        operation = FakeOperation({f"t{number}": FakeTask(refusals=[NEVER]) for number in range(500)})
        stage = Stage(operation, options=options(max_failures=0.1, failure_sample=100))
        report = await stage.play()
        assert report.ending is Ending.ABORTED
        assert "10% of 500" in report.ending_reason
        assert report.outcomes["rejected"] == 100

    async def test_a_share_of_a_short_list_is_never_judged(self) -> None:
        operation = FakeOperation({f"t{number}": FakeTask(refusals=[NEVER]) for number in range(50)})
        report = await Stage(operation, options=options(max_failures=0.0, failure_sample=100)).play()
        assert (report.ending, counted(report)) == (Ending.FINISHED, {"rejected": 50})

    async def test_all_of_them_may_fail_where_the_guard_is_off(self) -> None:
        operation = FakeOperation({f"t{number}": FakeTask(refusals=[NEVER]) for number in range(300)})
        report = await Stage(operation, options=options(max_failures=1.0)).play()
        assert (report.ending, counted(report)) == (Ending.FINISHED, {"rejected": 300})

    async def test_unknown_ids_count(self) -> None:
        stage = Stage(
            FakeOperation(running(5)), [*running(5), *(f"x{n}" for n in range(9))], options=options(max_failures=3)
        )
        report = await stage.play()
        assert report.ending is Ending.ABORTED

    async def test_ids_in_lost_answers_hold_the_rest_back(self) -> None:
        operation = FakeOperation(running(500, stops_after=1.0))
        operation.faults["stop"] = [LOST]
        stage = Stage(operation, options=options(max_failures=60, poll={"first_after": 30.0}))
        report = await stage.play()
        assert report.exit_code == 0
        lost_at = stage.of(ev.BatchLost)[0].at
        seen_at = stage.of(ev.Resubmitted)[0].at
        between = [event for event in stage.of(ev.BatchIntended) if lost_at < event.at < seen_at]
        assert all(len(event.items) <= 11 for event in between)

    async def test_a_batch_taken_apart_stays_within_the_bound(self) -> None:
        """Its parts may fail like any other batch."""
        operation = poisoned(50, set())
        stage = Stage(operation, options=options(max_failures=4))
        operation.tasks.update({f"t{number}": FakeTask(refusals=[NEVER]) for number in range(50)})
        operation.poison = frozenset({"t0"})
        report = await stage.play()
        assert report.ending is Ending.ABORTED
        assert report.outcomes["rejected"] == 5

    @pytest.mark.parametrize("allowed", [0, 2, 5, 11])
    async def test_a_part_of_a_batch_taken_apart_is_no_larger_than_the_room(self, allowed: int) -> None:
        """The first is bad and spoils its batch; all the others are refused for good, one by one."""
        operation = poisoned(300, set())
        operation.tasks.update({f"t{number}": FakeTask(refusals=[NEVER] * 9) for number in range(300)})
        operation.poison = frozenset({"t0"})
        stage = Stage(operation, options=options(max_failures=allowed))
        report = await stage.play()
        assert report.ending is Ending.ABORTED
        assert report.outcomes["rejected"] == allowed + 1

    async def test_refused_for_now_may_be_for_good(self) -> None:
        """All are busy, and busy they stay: no more of them are under way at once than may fail."""
        tasks = {f"t{number}": FakeTask(refusals=[BUSY] * 99) for number in range(200)}
        stage = Stage(FakeOperation(tasks), options=options(max_failures=6, retry={"attempts": 3}))
        report = await stage.play()
        assert report.ending is Ending.ABORTED
        assert sum(row.finished_at is not None for row in report.rows()) == 7

    async def test_a_batch_that_would_be_cut_short_waits_for_the_answers_in_flight(self) -> None:
        """Sixty may be at risk; fifty are in flight: no batch of eleven leaves."""
        stage = Stage(FakeOperation(running(500)), options=options(max_failures=60))
        assert counted(await stage.play()) == {"stopped": 500}
        assert [len(batch) for batch in stage.batches] == [50] * 10

    @settings(max_examples=60, deadline=None)
    @given(
        fates=st.lists(st.sampled_from(["good", "never", "busy", "bad", "gone"]), min_size=1, max_size=150),
        allowed=st.one_of(st.integers(0, 30), st.sampled_from([0.0, 0.1, 0.5])),
        sample=st.sampled_from([1, 10, 100]),
        faults=st.lists(st.sampled_from([LOST, LOST_AFTER, THROTTLED]), max_size=3),
        submit=st.fixed_dictionaries({"workers": st.integers(1, 8), "batch_size": st.sampled_from([1, 7, 50])}),
    )
    def test_of_those_that_were_sent_no_more_fail_than_allowed_and_one(
        self, fates: list[str], allowed: float, sample: int, faults: list[Failure], submit: dict[str, int]
    ) -> None:
        """Whatever becomes of each, whoever spoils batches or vanishes, and whichever answers are lost."""

        async def story() -> None:
            refusals = {"never": [NEVER] * 99, "busy": [BUSY] * 99}
            operation = poisoned(0, set())
            operation.tasks.update(
                {f"t{number}": FakeTask(refusals=list(refusals.get(fate, []))) for number, fate in enumerate(fates)}
            )
            operation.poison = frozenset(f"t{number}" for number, fate in enumerate(fates) if fate == "bad")
            ids = list(operation.tasks)

            def vanish(service: FakeOperation) -> None:
                for number, fate in enumerate(fates):
                    if fate == "gone":
                        service.tasks.pop(f"t{number}", None)

            operation.hooks["stop"] = vanish
            operation.faults["stop"] = list(faults)
            limits = options(
                max_failures=allowed,
                failure_sample=sample,
                retry={"attempts": 2},
                submit=submit,
            )
            stage = Stage(operation, ids, options=limits)
            report = await stage.play()
            sent = {item for batch in stage.batches for item in batch}
            failed = {
                row.task_id
                for row in report.rows()
                if row.outcome in {"rejected", "not_found"} and row.finished_at is not None
            }
            most = allowed + 1 if isinstance(allowed, int) else max(math.floor(allowed * len(ids)) + 1, sample)
            assert len(failed & sent) <= most

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(story())

    async def test_the_sample_completed_by_looking_only_ends_the_run_too(self) -> None:
        """All that was sent failed; then the list shows hundreds that are over: the share can be judged, and is."""
        tasks = {f"a{number}": FakeTask(refusals=[NEVER]) for number in range(50)}
        tasks |= {f"b{number}": FakeTask(status="STOPPED") for number in range(400)}
        tasks |= {f"c{number}": FakeTask() for number in range(50)}
        operation = FakeOperation(tasks, page_limit=50)
        honest = operation.page

        async def later(offset: int, limit: int) -> object:
            if offset:
                await anyio.sleep(3.0)
            return await honest(offset, limit)

        operation.page = later  # type: ignore[method-assign, assignment]
        report = await Stage(operation, options=options(max_failures=0.05)).play()
        assert report.ending is Ending.ABORTED
        assert report.timing.elapsed_seconds < 60.0

    async def test_a_resumed_run_judges_its_guard_first(self, tmp_path: Path) -> None:
        operation = FakeOperation({f"t{number}": FakeTask(refusals=[NEVER]) for number in range(100)})
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        strict = options(max_failures=3)
        assert (await Stage(operation, record=record, options=strict).play()).ending is Ending.ABORTED
        sent = len(operation.calls("stop"))
        report = await Stage(operation, record=record, options=strict).play()
        assert report.ending is Ending.ABORTED
        assert report.timing.elapsed_seconds < 60.0
        assert len(operation.calls("stop")) == sent
        report = await Stage(operation, record=record, options=options(max_failures=1.0)).play()
        assert counted(report) == {"rejected": 100}
        record.close()


class TestCanary:
    """The first few are seen at their goal before the rest goes."""

    async def test_the_rest_waits_until_the_canary_was_seen_down(self) -> None:
        operation = FakeOperation(running(200, stops_after=9.0))
        stage = Stage(operation, options=options(canary=3))
        assert counted(await stage.play()) == {"stopped": 200}
        assert [len(batch) for batch in stage.batches[:2]] == [3, 50]
        seen = next(e.at for e in stage.of(ev.Seen) if "STOPPED" in e.statuses)
        assert stage.of(ev.BatchIntended)[1].at >= seen

    async def test_a_refused_canary_ends_the_run(self) -> None:
        operation = FakeOperation({"bad": FakeTask(refusals=[NEVER]), **running(50)})
        stage = Stage(operation, options=options(canary=2))
        report = await stage.play()
        assert (report.ending, report.exit_code) == (Ending.ABORTED, 4)
        assert "the canary failed: bad was refused (HTTP 400 NEVER: refused for good)" in report.ending_reason
        assert len(stage.batches) == 1
        assert counted(report)["not_attempted"] == 49

    async def test_one_that_ended_by_itself_proves_nothing_and_is_replaced(self) -> None:
        operation = FakeOperation({"a": FakeTask(ends_as="BROKEN"), **running(100)})
        stage = Stage(operation, options=options(canary=2))
        report = await stage.play()
        assert outcomes(report)["a"] == "ended"
        assert [len(batch) for batch in stage.batches[:3]] == [2, 1, 50]

    async def test_a_canary_that_was_busy_at_first_is_tried_again(self) -> None:
        operation = FakeOperation({"busy": FakeTask(refusals=[BUSY]), **running(100)})
        report = await Stage(operation, options=options(canary=2)).play()
        assert counted(report) == {"stopped": 101}

    async def test_a_canary_whose_answer_was_lost_is_tried_again(self) -> None:
        operation = FakeOperation(running(100))
        operation.faults["stop"] = [LOST]
        assert counted(await Stage(operation, options=options(canary=2)).play()) == {"stopped": 100}

    @pytest.mark.parametrize("trouble", ["forgotten", "busy", "lost"])
    async def test_nobody_else_goes_in_place_of_a_canary_that_is_asked_for_again(self, trouble: str) -> None:
        """It may be on its way all the same: two canaries would be out, not one."""
        operation = FakeOperation(running(100))
        operation.tasks["t0"].forgets = trouble == "forgotten"
        operation.tasks["t0"].refusals = [BUSY] if trouble == "busy" else []
        operation.faults["stop"] = [LOST] if trouble == "lost" else []
        stage = Stage(operation, options=options(canary=1, poll={"reissue_after": 20.0}))
        assert counted(await stage.play()) == {"stopped": 100}
        assert stage.batches[:2] == [["t0"], ["t0"]]

    async def test_a_canary_batch_with_a_bad_id_is_taken_apart(self) -> None:
        stage = Stage(poisoned(100, {1}), options=options(canary=5))
        report = await stage.play()
        assert report.ending is Ending.ABORTED
        assert "t1 was refused" in report.ending_reason

    async def test_a_slow_disk_lets_no_second_canary_out(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(200, stops_after=9.0))
        operation.pacing.learn("stop", Quota(policy="", limit=100, seconds=1.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks), offload=Slow(0.2))
        stage = Stage(operation, options=options(canary=3), record=record)
        assert counted(await stage.play()) == {"stopped": 200}
        assert [len(batch) for batch in stage.batches[:2]] == [3, 50]
        record.close()

    async def test_one_that_does_not_end_before_the_deadline_is_named(self) -> None:
        operation = FakeOperation({"slow": FakeTask(stops_after=900.0), **running(50)})
        report = await Stage(operation, options=options(canary=2, deadline=30.0)).play()
        assert (report.ending, report.exit_code) == (Ending.DEADLINE, 1)
        assert counted(report) == {"timed_out": 1, "stopped": 1, "not_attempted": 49}
        assert report.ending_reason == (
            "limits.deadline (30s) passed; "
            "limits.canary held the rest back: slow of the canary did not come to the goal"
        )

    @pytest.mark.parametrize("canary", [0, 1, 51])
    async def test_no_canary_is_named_that_held_nothing_back(self, canary: int) -> None:
        operation = FakeOperation({**running(50), "slow": FakeTask(stops_after=900.0)})
        report = await Stage(operation, options=options(canary=canary, deadline=60.0)).play()
        assert counted(report) == {"timed_out": 1, "stopped": 50}
        assert report.ending_reason == "limits.deadline (1m) passed"

    async def test_a_canary_larger_than_the_list_is_the_list(self) -> None:
        assert counted(await Stage(FakeOperation(running(5)), options=options(canary=50)).play()) == {"stopped": 5}


class TestDeadline:
    """When time is up every item has an outcome that says how far it came."""

    async def test_what_is_going_is_timed_out_and_what_was_not_sent_is_not_attempted(self) -> None:
        tasks = {"slow": FakeTask(stops_after=900.0), "quick": FakeTask(), "going": FakeTask(stop_at=900.0)}
        tasks |= {"busy": FakeTask(refusals=[BUSY] * 99)}
        stage = Stage(FakeOperation(tasks), options=options(deadline=30.0, retry={"attempts": 99}))
        report = await stage.play()
        assert outcomes(report) == {
            "slow": "timed_out",
            "quick": "stopped",
            "going": "timed_out",
            "busy": "rejected",
        }
        assert (report.ending, report.exit_code, report.outcome) == (Ending.DEADLINE, 1, "partial")
        assert "limits.deadline (30s) passed" in report.ending_reason
        assert report.timing.elapsed_seconds == 30.0

    async def test_a_request_in_flight_at_the_deadline_is_timed_out_and_counted(self) -> None:
        operation = FakeOperation(running(10), latency=10.0)
        report = await Stage(operation, options=options(deadline=15.0)).play()
        assert counted(report) == {"timed_out": 10}
        assert [row.stop_requests for row in report.rows()] == [1] * 10

    async def test_what_waits_for_a_quota_at_the_deadline_is_not_attempted(self) -> None:
        operation = FakeOperation(running(500, stops_after=1.0))

        def refuse_the_third(service: FakeOperation) -> None:
            if len(service.calls("stop")) == 3:
                quota = Quota(policy="", limit=2, seconds=100.0)
                service.faults["stop"] = [Failure(verdict=Verdict.THROTTLED, quota=quota)]

        operation.hooks["stop"] = refuse_the_third
        report = await Stage(operation, options=options(deadline=50.0)).play()
        assert counted(report) == {"stopped": 100, "not_attempted": 400}
