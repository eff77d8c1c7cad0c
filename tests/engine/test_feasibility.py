"""Whole runs whose deadline may be out of reach: judged before the first stop, and again as quotas are learned."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.engine.model import Ending, Quota
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import THROTTLED, Stage, counted, options, running

QUOTA = Quota(policy="", limit=2, seconds=100.0)


class TestFeasibility:
    async def test_out_of_reach_of_a_known_quota_ends_the_run_before_anything_is_sent(self) -> None:
        operation = FakeOperation(running(500))
        operation.pacing.learn("stop", QUOTA)
        report = await Stage(operation, options=options(deadline=50.0)).play()
        assert (report.ending, counted(report)) == (Ending.ABORTED, {"not_attempted": 500})
        assert "500 tasks are left to send, 10 requests" in report.ending_reason
        assert "nothing was sent: raise limits.deadline" in report.ending_reason
        assert operation.calls("stop") == []

    async def test_many_that_are_over_bring_it_within_reach_again(self) -> None:
        """The survey tells how many there are to send: until then there is doubt, and nothing is sent."""
        tasks = {f"a{number}": FakeTask(status="STOPPED") for number in range(400)} | running(100)
        operation = FakeOperation(tasks, page_limit=100)
        operation.pacing.learn("stop", replace(QUOTA, limit=4))
        report = await Stage(operation, options=options(deadline=50.0)).play()
        assert counted(report) == {"already_stopped": 400, "stopped": 100}

    async def test_a_quota_learned_under_way_that_puts_it_out_of_reach_is_noted_once_and_ends_nothing(self) -> None:
        operation = FakeOperation(running(500, stops_after=1.0))

        def refuse_the_third(service: FakeOperation) -> None:
            if len(service.calls("stop")) == 3:
                service.faults["stop"] = [replace(THROTTLED, quota=QUOTA)]

        operation.hooks["stop"] = refuse_the_third
        stage = Stage(operation, options=options(deadline=250.0))
        report = await stage.play()
        assert report.ending is Ending.DEADLINE
        assert counted(report)["stopped"] == 300
        (name, text), *more = report.notes
        assert (name, more) == ("deadline.out_of_reach", [])
        assert "400 tasks are left to send, 8 requests" in text

    async def test_no_guess_is_made_where_no_quota_is_known(self) -> None:
        operation = FakeOperation(running(500), latency=1.0)
        report = await Stage(operation, options=options(deadline=3.0)).play()
        assert report.ending is Ending.DEADLINE
        assert report.notes == ()
