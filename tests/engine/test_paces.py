"""Promises about quotas that the service counts over all APIs together."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine.model import Failure, Quota, Verdict
from orchestrator.engine.options import PaceOptions
from orchestrator.engine.pace import ApiPace
from orchestrator.engine.paces import TRIAL, Paces, Together
from orchestrator.engine.pacing import Pacing
from orchestrator.testing import FakeTask
from tests.engine.gateways import Gated, Gateway, admitted
from tests.engine.stage import Stage, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

QUOTA = Quota(policy="user", limit=4, seconds=10.0)
REFUSAL = Failure(verdict=Verdict.THROTTLED, status=429, quota=QUOTA)


def several(number: int) -> Sequence[Paces]:
    """The paces of so many APIs of one identity."""
    together = Together(ApiPace())
    return [Paces(ApiPace(), together) for _ in range(number)]


def ask(pace: Paces, at: float, failure: Failure | None = None) -> Quota | None:
    """One request leaves and is answered at once. Returns the quota if one was learned."""
    pace.hold()
    started_at = pace.start_held(at)
    if failure is None:
        pace.answered(at, started_at)
        return None
    return pace.throttled(at, started_at, failure)


def supposed() -> Sequence[Paces]:
    """Those of two APIs, of which it is supposed since 1.0 that one quota counts both."""
    stop, listing = several(2)
    for pace in (stop, stop, listing, listing):
        ask(pace, 0.0)
    ask(stop, 1.0, REFUSAL)
    return stop, listing


class TestOneQuotaOfAllApis:
    def test_is_found_where_only_all_of_them_together_explain_a_refusal(self) -> None:
        stop, listing, show = several(3)
        for pace in (stop, stop, listing, show):
            ask(pace, 0.0)
        assert ask(stop, 1.0, REFUSAL) == QUOTA
        assert all(pace.wait(1.0) == pytest.approx(9.0, abs=0.01) for pace in (stop, listing, show))
        assert all(pace.wait_held(1.0) == pytest.approx(9.0, abs=0.01) for pace in (stop, listing, show))
        assert all(pace.wait_to_prepare(1.0) == pytest.approx(9.0, abs=0.01) for pace in (stop, listing, show))

    def test_is_not_supposed_where_one_api_explains_it(self) -> None:
        stop, listing = several(2)
        for pace in (stop, stop, stop, stop, listing):
            ask(pace, 0.0)
        assert ask(stop, 1.0, REFUSAL) == QUOTA
        assert stop.wait(1.0) == pytest.approx(9.0, abs=0.01)
        assert listing.wait(1.0) == 0.0

    def test_is_not_supposed_where_two_in_flight_are_refused_and_one_api_explains_the_first(self) -> None:
        stop, listing = several(2)
        for pace in (stop, stop, stop, listing):
            ask(pace, 0.0)
        out = []
        for _ in range(2):
            stop.hold()
            out.append(stop.start_held(1.0))
        for started_at in out:
            stop.throttled(1.5, started_at, REFUSAL)
        assert listing.wait(1.5) == 0.0

    def test_is_not_supposed_where_not_even_all_explain_it(self) -> None:
        """Then strangers use the quota, and that of another API is none of theirs."""
        stop, listing = several(2)
        ask(stop, 0.0)
        ask(listing, 0.0)
        ask(stop, 1.0, REFUSAL)
        assert stop.wait(1.0) == QUOTA.seconds / 4
        assert listing.wait(1.0) == 0.0

    def test_is_news_to_each_api_that_is_refused(self) -> None:
        stop, listing = several(2)
        for pace in (stop, stop, listing, listing):
            ask(pace, 0.0)
        assert [ask(pace, 1.0, REFUSAL) for pace in (stop, stop, listing)] == [QUOTA, None, QUOTA]

    def test_is_spread_until_nothing_has_refuted_it(self) -> None:
        stop, listing = supposed()
        ask(stop, 11.0)
        assert listing.wait(11.0) == pytest.approx(3.0)
        for number in range(10):
            ask(listing, 20.0 + 4.0 * number)
        for _ in range(3):
            ask(stop, 90.0)
        assert listing.wait(90.0) == 0.0

    def test_another_refusal_that_nothing_explains_refutes_it_for_good(self) -> None:
        stop, listing = supposed()
        ask(stop, 20.0, REFUSAL)
        assert stop.wait(20.0) == QUOTA.seconds / 4
        assert listing.wait(20.0) == 0.0
        for pace in (stop, stop, listing, listing):
            ask(pace, 40.0)
        ask(stop, 41.0, REFUSAL)
        assert listing.wait(41.0) == 0.0

    def test_later_it_is_strangers_whom_all_yield_to(self) -> None:
        stop, listing = supposed()
        later = 2.0 + TRIAL * QUOTA.seconds
        ask(listing, later, REFUSAL)
        assert stop.wait(later) == listing.wait(later) == QUOTA.seconds / 4

    def test_is_found_by_what_an_attempt_before_spent_too(self) -> None:
        stop, listing = several(2)
        stop.recall([(5.0, 1), (2.0, 1)], 0.0)
        listing.recall([(3.0, 2)], 0.0)
        ask(stop, 0.0, REFUSAL)
        assert stop.wait(0.0) == listing.wait(0.0) == pytest.approx(7.0, abs=0.01)

    def test_what_was_spent_before_is_counted_once(self) -> None:
        """Runs that share a client have seen it themselves."""
        stop, listing = several(2)
        for _ in range(2):
            stop.recall([(2.0, 3)], 0.0)
        ask(listing, 0.0, REFUSAL)
        assert listing.wait(0.0) == QUOTA.seconds / 4

    def test_a_request_that_does_not_leave_is_taken_from_both(self) -> None:
        stop, listing = supposed()
        for _ in range(3):
            stop.hold()
        assert listing.wait(11.0) == inf
        stop.let_go()
        assert listing.wait(11.0) < inf
        stop.start_held(11.0)
        listing.hold()
        assert listing.wait(11.0) == inf
        stop.cancelled()
        assert listing.wait(11.0) < inf

    async def test_who_waits_for_another_api_is_woken_by_it(self) -> None:
        """Leave comes with the answer that makes room, not at the end of some time."""
        pacing = Pacing(PaceOptions())
        for api in ("stop", "stop", "list", "list"):
            (await admitted(pacing, api)).succeeded()
        (await admitted(pacing, "stop")).failed(REFUSAL)
        await asyncio.sleep(11.0)
        out = [await admitted(pacing, "stop") for _ in range(3)]
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(admitted, pacing, "list")
            await asyncio.sleep(7.0)
            out[0].cancel()
        assert anyio.current_time() == began + 7.0

    async def test_who_waits_for_another_api_is_woken_when_it_turns_out_not_to_matter(self) -> None:
        """It waited for an answer to come, and that answer is none of its business any more."""
        pacing = Pacing(PaceOptions())
        for api in ("stop", "stop", "list", "list"):
            (await admitted(pacing, api)).succeeded()
        (await admitted(pacing, "stop")).failed(REFUSAL)
        await asyncio.sleep(11.0)
        out = [await admitted(pacing, "stop") for _ in range(3)]
        async with anyio.create_task_group() as tasks:
            with anyio.fail_after(60.0):
                tasks.start_soon(admitted, pacing, "list")
                await asyncio.sleep(20.0)
                assert pacing.in_flight()["list"] == 0
                out[0].failed(REFUSAL)
                await asyncio.sleep(0.0)
                await asyncio.sleep(0.0)
                assert pacing.in_flight()["list"] == 1

    async def test_what_is_left_of_it_is_what_can_be_had(self) -> None:
        pacing = Pacing(PaceOptions())
        for api in ("stop", "stop", "list", "list"):
            (await admitted(pacing, api)).succeeded()
        (await admitted(pacing, "stop")).failed(REFUSAL)
        for api in ("stop", "list"):
            assert pacing.capacity(api, 9.0) == QUOTA.limit
            assert pacing.lasting_rate(api) == QUOTA.limit / QUOTA.seconds


class TestWholeRuns:
    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    @pytest.mark.parametrize(("limit", "seconds"), [(30, 3.0), (20, 5.0), (60, 60.0), (10, 1.0)])
    async def test_at_most_two_are_refused_in_all(self, kind: str, limit: int, seconds: float) -> None:
        """It is the first refusal that tells; a later one, where a bucket gave one API more than its limit before."""
        gateway = Gateway(kind=kind, limit=limit, seconds=seconds, latency=0.05, phase=1 / 3, way=0.2, jitter=0.1)
        tasks = {f"t{number}": FakeTask(stops_after=5.0 + number % 50 / 10) for number in range(6000)}
        report = await Stage(Gated(tasks, dict.fromkeys(("stop", "list", "show"), gateway))).play()
        assert set(outcomes(report).values()) == {"stopped"}
        assert len(gateway.refused) <= (3 if kind == "bucket" else 2)

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    async def test_strangers_at_one_api_are_not_crowded_out(self, kind: str) -> None:
        """What the others do may explain a refusal by chance."""
        behind = {
            api: Gateway(kind=kind, limit=20, seconds=5.0, latency=0.05, phase=1 / 3, way=0.2, jitter=0.1)
            for api in ("stop", "list", "show")
        }
        asked: list[bool] = []

        async def stranger() -> None:
            while True:
                asked.append(behind["stop"].takes(anyio.current_time()))
                await anyio.sleep(0.6)

        tasks = {f"t{number}": FakeTask(stops_after=5.0 + number % 50 / 10) for number in range(6000)}
        async with anyio.create_task_group() as group:
            group.start_soon(stranger)
            report = await Stage(Gated(tasks, behind)).play()
            group.cancel_scope.cancel()
        assert set(outcomes(report).values()) == {"stopped"}
        assert sum(asked) > 0.85 * len(asked)
