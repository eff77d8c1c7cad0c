"""Whole runs against a service that throttles, refuses connections, or does not believe who we are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Quota, Verdict
from orchestrator.engine.ready import LINGER
from orchestrator.errors import ServiceError
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import (
    LOST,
    REFUSED,
    THROTTLED,
    UNAUTHENTICATED,
    UNREACHED,
    Stage,
    counted,
    new_record,
    options,
    running,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orchestrator.engine.model import Ack

WINDOW = Failure(
    verdict=Verdict.THROTTLED, message="limit:5,time:10", status=429, quota=Quota(policy="user", limit=5, seconds=10.0)
)


class Windowed(FakeOperation):
    """At most `limit` requests of each API in any fixed window of `seconds`."""

    limit = 5
    seconds = 10.0

    def __init__(self, tasks: Mapping[str, FakeTask]) -> None:
        super().__init__(tasks)
        self.served: dict[tuple[str, float], int] = {}

    async def _begin(self, api: str, what: object) -> Failure | None:
        after = await super()._begin(api, what)
        window = (api, anyio.current_time() // self.seconds)
        self.served[window] = self.served.get(window, 0) + 1
        if self.served[window] > self.limit:
            raise ServiceError(replace(WINDOW, quota=Quota(policy="user", limit=self.limit, seconds=self.seconds)))
        return after


class TestThrottling:
    """A 429 is waited out once for all; it costs no attempt and no batch."""

    async def test_a_window_that_names_its_numbers_is_learned_from_one_refusal(self) -> None:
        operation = Windowed(running(1000, stops_after=1.0))
        stage = Stage(operation, options=options(retry={"attempts": 1}))
        report = await stage.play()
        assert counted(report) == {"stopped": 1000}
        assert report.requests["stop"].throttled <= 2
        assert report.quotas["stop"] == Quota(policy="user", limit=5, seconds=10.0)
        assert set(operation.accepted.values()) == {1}
        assert len(stage.of(ev.QuotaLearned)) == len(report.quotas)

    async def test_a_refusal_without_numbers_slows_down(self) -> None:
        operation = FakeOperation(running(300))
        operation.faults["stop"] = [THROTTLED, THROTTLED]
        stage = Stage(operation, options=options(retry={"attempts": 1}))
        report = await stage.play()
        assert counted(report) == {"stopped": 300}
        assert report.requests["stop"].throttled == 2
        assert not report.quotas
        starts = [at for at, api, _ in operation.asked if api == "stop"]
        assert starts[1] - starts[0] >= 1.0
        assert starts[2] - starts[1] >= 2.0

    async def test_retry_after_is_kept_to_the_moment(self) -> None:
        operation = FakeOperation(running(60))
        operation.faults["stop"] = [replace(THROTTLED, retry_after=17.0)]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 60}
        starts = [at for at, api, _ in operation.asked if api == "stop"]
        answered = next(at for at, e in zip(stage.times, stage.events, strict=True) if isinstance(e, ev.BatchReturned))
        assert starts[1] == pytest.approx(answered + 17.0)

    async def test_throttled_looks_and_pages_wait_too_and_cost_no_attempt(self) -> None:
        operation = FakeOperation({**running(5), "hidden": FakeTask(listed=False)})
        operation.faults["list"] = [THROTTLED] * 3
        operation.faults["show"] = [THROTTLED] * 3
        stage = Stage(operation, options=options(retry={"attempts": 1}))
        report = await stage.play()
        assert counted(report) == {"stopped": 6}
        assert (report.requests["list"].throttled, report.requests["show"].throttled) == (3, 3)

    async def test_a_quota_that_was_learned_is_kept_by_the_next_run_of_the_same_client(self) -> None:
        operation = Windowed(running(500, stops_after=1.0))
        await Stage(operation).play()
        operation.tasks.update({f"u{number}": FakeTask(stops_after=1.0) for number in range(500)})
        report = await Stage(operation, [f"u{number}" for number in range(500)]).play()
        assert report.exit_code == 0
        assert report.requests["stop"].throttled == 0


class TestUnreachable:
    """Connections that fail are tried again for as long as `give_up_after` says."""

    async def test_the_service_comes_back_after_a_while(self) -> None:
        operation = FakeOperation(running(120))
        operation.faults["stop"] = [UNREACHED] * 6
        operation.faults["list"] = [UNREACHED] * 3
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 120}
        assert set(operation.accepted.values()) == {1}
        assert len(stage.of(ev.BatchReturned)) == 6

    async def test_unreachable_for_too_long_interrupts_the_run(self) -> None:
        operation = FakeOperation(running(30))
        for api in ("list", "stop", "show"):
            operation.faults[api] = [UNREACHED] * 9999
        stage = Stage(operation, options=options(give_up_after=60.0))
        report = await stage.play()
        assert (report.ending, report.exit_code, report.outcome) == (Ending.INTERRUPTED, 75, "interrupted")
        assert "limits.give_up_after" in report.ending_reason
        assert counted(report) == {"not_attempted": 30}
        assert 60.0 <= report.timing.elapsed_seconds <= 62.0

    async def test_unreachable_after_the_stops_left_them_unconfirmed(self) -> None:
        operation = FakeOperation(running(30, stops_after=500.0))

        def cut(service: FakeOperation) -> None:
            service.faults.update({api: [LOST] * 9999 for api in ("list", "stop", "show")})

        operation.hooks["stop"] = cut
        stage = Stage(operation, options=options(give_up_after=30.0))
        report = await stage.play()
        assert counted(report) == {"unconfirmed": 30}
        assert report.exit_code == 75

    async def test_answers_of_any_use_keep_the_run_alive(self) -> None:
        """One API is down and the others answer: that is trouble, not the end."""
        operation = FakeOperation(running(30, stops_after=1.0))
        operation.faults["stop"] = [UNREACHED] * 12
        stage = Stage(operation, options=options(give_up_after=900.0, poll={"interval": 2.0}))
        assert counted(await stage.play()) == {"stopped": 30}

    async def test_a_look_that_fails_as_often_as_is_allowed_is_made_again_later(self) -> None:
        operation = FakeOperation({"a": FakeTask(listed=False), "b": FakeTask()})
        operation.faults["show"] = [LOST] * 5
        stage = Stage(operation, options=options(retry={"attempts": 2}))
        report = await stage.play()
        assert counted(report) == {"stopped": 2}
        assert report.requests["show"].failed == 2
        assert report.requests["show"].retried == 3

    async def test_looks_that_fail_all_the_time_keep_no_task_waiting_that_was_seen(self) -> None:
        """Seed 700051: a batch that is not full waited anew after each look that failed."""
        operation = FakeOperation({"seen": FakeTask(), **running(40, listed=False)}, latency=2.0)

        def hide(service: FakeOperation) -> None:
            if service.calls("show")[-1] != "seen":
                service.faults["show"] = [UNREACHED]

        operation.hooks["show"] = hide
        one = options(submit={"workers": 1}, retry={"attempts": 1}, max_failures=1.0, deadline=300.0)
        stage = Stage(operation, options=one)
        report = await stage.play()
        assert counted(report) == {"stopped": 1, "not_attempted": 40}
        assert stage.batches == [["seen"]]
        looks, sent = ([at for at, api, _ in operation.asked if api == asked] for asked in ("show", "stop"))
        assert max(later - earlier for earlier, later in pairwise(looks)) < LINGER  # this kept it waiting
        assert sent[0] < 3 * LINGER

    async def test_a_spent_budget_ends_no_run(self) -> None:
        operation = FakeOperation(running(400), page_limit=0)

        def stumble(service: FakeOperation) -> None:
            if len(service.calls("show")) >= 20:
                service.faults.setdefault("show", [LOST] * 300)

        operation.hooks["show"] = stumble
        stage = Stage(operation, options=options(give_up_after=1e6))
        report = await stage.play()
        assert counted(report) == {"stopped": 400}
        assert sum(event.failure is LOST for event in stage.of(ev.RequestEnded)) == 300


class TestCredentials:
    """More than five failed authentications lock the key: the engine never comes near."""

    async def test_one_stumble_is_forgiven(self) -> None:
        operation = FakeOperation(running(120))
        operation.faults["list"] = [UNAUTHENTICATED]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 120}
        assert operation.pacing.gate.generation == 1

    @pytest.mark.parametrize("api", ["list", "stop", "show"])
    async def test_one_stumble_in_the_middle_is_forgiven(self, api: str) -> None:
        operation = FakeOperation({**running(120), "hidden": FakeTask(listed=False)})
        operation.faults[api] = [UNAUTHENTICATED]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 121}
        assert set(operation.accepted.values()) == {1}

    async def test_the_first_request_goes_alone(self) -> None:
        operation = FakeOperation(running(120))
        stage = Stage(operation)
        await stage.play()
        first, second = operation.asked[:2]
        assert second[0] >= first[0] + 0.05

    async def test_refused_from_the_start_ends_after_two_attempts(self) -> None:
        operation = FakeOperation(running(120))
        for api in ("list", "stop", "show"):
            operation.faults[api] = [UNAUTHENTICATED] * 99
        stage = Stage(operation)
        report = await stage.play()
        assert (report.ending, report.exit_code) == (Ending.REFUSED, 3)
        assert len(operation.asked) == 2
        assert counted(report) == {"not_attempted": 120}

    @pytest.mark.parametrize("workers", [1, 2, 8])
    @pytest.mark.parametrize("when", [0.3, 1.0, 6.0, 9.0])
    async def test_revoked_in_the_middle_costs_two_more_than_were_in_flight(self, workers: int, when: float) -> None:
        tasks = {f"t{number}": FakeTask(stops_after=3.0 + number % 9, listed=number % 2 > 0) for number in range(900)}
        operation = FakeOperation(tasks, page_limit=100)
        in_flight: list[int] = []

        def revoke(service: FakeOperation) -> None:
            if anyio.current_time() >= when and not in_flight:
                in_flight.append(service.in_flight + 1)
                service.faults.update({api: [UNAUTHENTICATED] * 999 for api in ("list", "stop", "show")})

        operation.hooks.update(dict.fromkeys(("list", "stop", "show"), revoke))
        stage = Stage(operation, options=options(submit={"workers": workers}))
        report = await stage.play()
        assert report.ending is Ending.REFUSED
        refused = [e for e in stage.of(ev.RequestEnded) if e.failure and e.failure.verdict is Verdict.UNAUTHENTICATED]
        assert len(refused) <= in_flight[0] + 2

    async def test_an_account_that_is_refused_ends_the_run(self) -> None:
        operation = FakeOperation(running(120))
        operation.faults["list"] = [REFUSED]
        report = await Stage(operation).play()
        assert (report.ending, report.exit_code) == (Ending.REFUSED, 3)
        assert "frozen" in report.ending_reason
        assert len(operation.asked) == 1

    async def test_an_identity_that_may_neither_list_nor_look_is_refused(self) -> None:
        operation = FakeOperation(running(9))
        operation.faults["list"] = [replace(REFUSED, verdict=Verdict.FORBIDDEN)] * 9
        operation.faults["show"] = [replace(REFUSED, verdict=Verdict.FORBIDDEN)] * 9
        report = await Stage(operation).play()
        assert report.ending is Ending.REFUSED


class TestWorkers:
    """Never more in flight than was allowed, all lanes together."""

    @pytest.mark.parametrize("workers", [1, 2, 5, 8])
    async def test_in_flight(self, workers: int) -> None:
        tasks = {f"t{number}": FakeTask(stops_after=3.0 + number % 9, listed=number % 3 > 0) for number in range(3000)}
        operation = FakeOperation(tasks, page_limit=100)
        stage = Stage(operation, options=options(submit={"workers": workers}))
        assert counted(await stage.play()) == {"stopped": 3000}
        assert operation.most_in_flight == workers

    @pytest.mark.parametrize("size", [1, 7, 50, 400])
    async def test_no_batch_is_larger_than_was_asked_for_or_than_the_service_takes(self, size: int) -> None:
        stage = Stage(FakeOperation(running(120)), options=options(submit={"batch_size": size}))
        assert counted(await stage.play()) == {"stopped": 120}
        assert max(len(batch) for batch in stage.batches) == min(size, 50)


class TestIntent:
    """What is about to leave is on the disk before it leaves."""

    async def test_every_batch_was_written_down_before_it_left(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(300))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        honest, written = operation.submit, list[bool]()

        async def submit(ids: Sequence[str]) -> Ack:
            stored = [event for event in record.events() if isinstance(event, ev.BatchIntended)]
            written.append(list(ids) in [[f"t{item}" for item in event.items] for event in stored])
            return await honest(ids)

        operation.submit = submit  # type: ignore[method-assign]
        stage = Stage(operation, options=options(submit={"workers": 1}), record=record)
        assert counted(await stage.play()) == {"stopped": 300}
        assert len(written) >= 6
        assert all(written)
        record.close()

    async def test_nothing_leaves_once_the_record_cannot_be_written(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(600))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        operation.pacing.learn("stop", Quota(policy="", limit=500, seconds=1.0))

        def fill_up(_: FakeOperation) -> None:
            pages = record._connection.execute("PRAGMA page_count").fetchone()[0]
            record._connection.execute(f"PRAGMA max_page_count={pages}")

        operation.hooks["list"] = fill_up
        stage = Stage(operation, record=record)
        with pytest.raises(Exception, match="the disk is full"):
            await stage.play()
        kept = [event for event in record.events() if isinstance(event, ev.BatchIntended)]
        assert len(stage.batches) <= len(kept)
