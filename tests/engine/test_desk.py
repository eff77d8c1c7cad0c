"""Promises of the desk: every request passes here once, is counted, and is tried again only where that may help."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine.clock import Clock
from orchestrator.engine.desk import Desk
from orchestrator.engine.events import QuotaLearned, RequestEnded
from orchestrator.engine.model import Failure, Quota, Verdict
from orchestrator.engine.options import PaceOptions, RetryOptions
from orchestrator.engine.pacing import Pacing
from orchestrator.engine.slots import Lane, Slots
from orchestrator.errors import RunRefusedError, ServiceError
from tests.engine.gateways import admitted
from tests.engine.stage import LOST, NEVER, REFUSED, THROTTLED, UNAUTHENTICATED, UNREACHED

if TYPE_CHECKING:
    from orchestrator.engine.events import Event


class Counter:
    """A desk, what it said, and a call that fails as told and then succeeds."""

    def __init__(self, *failures: Failure, attempts: int = 3, workers: int = 2) -> None:
        self.events: list[Event] = []
        self.failures = list(failures)
        self.starts: list[float] = []
        self.desk = Desk(
            pacing=Pacing(PaceOptions()),
            slots=Slots(workers),
            retry=RetryOptions(attempts=attempts),
            emit=self.events.append,
            clock=Clock(lambda: 0.0),
            random=Random(1),
        )

    async def call(self) -> str:
        self.starts.append(anyio.current_time())
        await anyio.sleep(1.0)
        if self.failures:
            raise ServiceError(self.failures.pop(0))
        return "good"

    async def ask(self) -> str:
        return await self.desk.ask("list", Lane.SURVEY, self.call)

    @property
    def results(self) -> list[str]:
        return [event.result for event in self.events if isinstance(event, RequestEnded)]


class TestAsking:
    @pytest.mark.parametrize(
        ("failures", "results"),
        [
            ((), ["ok"]),
            ((LOST, UNREACHED), ["retried", "retried", "ok"]),
            ((THROTTLED, THROTTLED, THROTTLED, THROTTLED), ["throttled"] * 4 + ["ok"]),
            ((UNAUTHENTICATED,), ["retried", "ok"]),
        ],
    )
    async def test_what_may_help_is_tried_again(self, failures: tuple[Failure, ...], results: list[str]) -> None:
        counter = Counter(*failures)
        assert await counter.ask() == "good"
        assert counter.results == results
        tally = counter.desk.tally()
        assert tally is not None
        assert sum(tally.requests["list"].values()) == len(results)
        assert counter.desk.tally() is None

    @pytest.mark.parametrize(
        ("failures", "results"),
        [
            ((NEVER,), ["failed"]),
            ((LOST, LOST, LOST), ["retried", "retried", "failed"]),
        ],
    )
    async def test_what_does_not_help_is_raised(self, failures: tuple[Failure, ...], results: list[str]) -> None:
        counter = Counter(*failures)
        with pytest.raises(ServiceError) as caught:
            await counter.ask()
        assert caught.value.failure is failures[-1]
        assert counter.results == results

    @pytest.mark.parametrize("failures", [(REFUSED,), (UNAUTHENTICATED, UNAUTHENTICATED)])
    async def test_what_refuses_the_run_closes_the_desk(self, failures: tuple[Failure, ...]) -> None:
        counter = Counter(*failures)
        with pytest.raises(RunRefusedError):
            await counter.ask()
        assert counter.desk.is_closed

    async def test_a_pause_of_its_own_is_at_least_what_the_service_asks_for(self) -> None:
        counter = Counter(Failure(verdict=Verdict.UNREACHED, retry_after=40.0))
        await counter.ask()
        assert counter.starts == [0.0, 41.0]

    async def test_a_learned_quota_is_told_after_the_request_that_taught_it(self) -> None:
        quota = Quota(policy="api", limit=5, seconds=2.0)
        counter = Counter(Failure(verdict=Verdict.THROTTLED, quota=quota))
        await counter.ask()
        assert [type(event) for event in counter.events[:2]] == [RequestEnded, QuotaLearned]


class TestWatch:
    async def test_since_when_nothing_good_came(self) -> None:
        counter = Counter(UNREACHED, LOST)
        assert counter.desk.failing_since is None
        with anyio.move_on_after(1.0):
            await counter.ask()
        counter.failures = [UNREACHED, LOST, UNREACHED]
        with pytest.raises(ServiceError):
            await counter.ask()
        assert counter.desk.failing_since is not None
        began = counter.desk.failing_since
        await anyio.sleep(100.0)
        counter.failures = [NEVER]
        assert counter.desk.failing_since == began
        with pytest.raises(ServiceError):
            await counter.ask()
        assert counter.desk.failing_since is None  # an answer, if not a kind one


class TestClosing:
    async def test_nothing_new_leaves_and_what_is_in_flight_comes_back(self) -> None:
        counter, came = Counter(workers=1), []

        async def ask() -> None:
            came.append(await counter.ask())

        with anyio.move_on_after(50.0):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                tasks.start_soon(ask)
                await anyio.sleep(0.5)
                counter.desk.close()
        assert came == ["good"]
        assert counter.starts == [0.0]
        assert counter.desk.slots.in_use == 0
        assert counter.desk.pacing.in_flight() == {"list": 0}

    async def test_one_given_up_in_flight_is_counted_as_failed(self) -> None:
        counter = Counter()
        with anyio.move_on_after(0.5):
            await counter.ask()
        assert counter.results == ["failed"]
        assert counter.desk.failing_since is None


class TestPlaces:
    async def test_what_is_not_first_in_line_keeps_no_place_from_others(self) -> None:
        """Two stops are out and many are ready; a survey's page need not wait for any of them."""
        counter = Counter(workers=4)
        await counter.ask()  # the gate is open from then on

        async def stop() -> None:
            with await counter.desk.admit("stop", Lane.SUBMIT, prepares=True) as ticket:
                if await ticket.due():
                    await ticket.send(lambda: anyio.sleep(10.0))

        with anyio.move_on_after(5.0):
            async with anyio.create_task_group() as tasks:
                for _ in range(12):
                    tasks.start_soon(stop)
                await anyio.sleep(0.5)
                asked_at = anyio.current_time()
                await counter.ask()
        assert counter.starts[1:] == [asked_at]


class TestTicket:
    async def test_it_is_good_for_one_request(self) -> None:
        counter = Counter()
        with await counter.desk.admit("list", Lane.LOOK) as ticket:
            await ticket.send(counter.call)
            with pytest.raises(RuntimeError, match="good for one request"):
                await ticket.send(counter.call)

    async def test_leave_that_is_older_than_a_refusal_is_asked_for_again(self) -> None:
        """Who waited for a place when the quota was found to be used up does not leave to be refused as well."""
        quota = Quota(policy="", limit=1, seconds=10.0)
        counter = Counter(Failure(verdict=Verdict.THROTTLED, quota=quota), workers=1)
        counter.desk.pacing.learn("list", Quota(policy="", limit=9, seconds=10.0))
        (await admitted(counter.desk.pacing, "list")).succeeded()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(counter.ask)
            tasks.start_soon(counter.ask)
        assert counter.results == ["throttled", "ok", "ok"]
        assert counter.starts[1] - counter.starts[0] >= quota.seconds

    async def test_one_that_was_not_used_is_given_back(self) -> None:
        counter = Counter()
        with await counter.desk.admit("list", Lane.LOOK):
            pass
        assert counter.desk.pacing.in_flight() == {"list": 0}
        assert counter.results == []
