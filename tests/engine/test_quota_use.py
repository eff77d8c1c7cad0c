"""Promises about quotas, kept against the simulator's own: how much of one is used, and how often it is overdrawn.

The most that can be had for certain is N requests in M seconds and one latency. Whoever sends sooner than M seconds
after an answer, relies on where between start and answer a service counts; see the first class.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.engine.headstart import SAMPLES
from orchestrator.engine.model import Quota
from orchestrator.engine.options import PaceOptions
from orchestrator.engine.pace import DRIFT, MARGIN, NARROW_ANSWERS, TICK, ApiPace
from orchestrator.engine.pacing import Pacing
from orchestrator.simulator import quotas
from orchestrator.simulator.parts import Quota as Counted
from orchestrator.testing import FakeTask, VirtualTimeLoop
from tests.engine.gateways import API, Gated, Gateway, drive
from tests.engine.stage import Slow, Stage, new_record, outcomes

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.uncounted  # the same pacing against some hundred gateways
KINDS = ["fixed", "sliding", "bucket"]


def gateways(least: int, most: int, **plain: Any) -> st.SearchStrategy[Gateway]:
    """Gateways with quotas of any kind, size and phase, near and far, each counting at a point of its own."""
    drawn = {
        "kind": st.sampled_from(KINDS),
        "limit": st.integers(least, most),
        "seconds": st.floats(1.0, 300.0),
        "latency": st.floats(0.005, 0.2),
        "phase": st.floats(0.0, 1.0),
        "way": st.floats(0.0, 1.0),
        "jitter": st.floats(0.0, 0.1),
        "seed": st.integers(0, 99),
    }
    return st.builds(Gateway, **(drawn | plain))


EDGE = 1e-6  # of a second


def in_virtual_time(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(story)


def knowing(gateway: Gateway) -> Pacing:
    """A pacing that was told this gateway's quota."""
    pacing = Pacing(PaceOptions())
    pacing.learn(API, Quota(policy="user", limit=gateway.limit, seconds=gateway.seconds))
    return pacing


class TestTheBound:
    """M / (M + latency) of a window is what can be used without guessing; so it begins."""

    @given(limit=st.integers(1, 200), seconds=st.floats(1.0, 300.0), latency=st.floats(0.005, 0.2))
    def test_sooner_than_a_window_after_an_answer_a_service_may_refuse(
        self, limit: int, seconds: float, latency: float
    ) -> None:
        """This one counts the first requests as their answers leave, and the next one as it arrives."""
        for offset, is_taken in ((-EDGE, False), (EDGE, True)):
            window = quotas.window(Counted(limit=limit, seconds=seconds, kind="sliding"))
            assert all(window.admit(latency) for _ in range(limit))
            assert window.admit(latency + seconds + offset) is is_taken

    @given(limit=st.integers(1, SAMPLES - 1), seconds=st.floats(1.0, 300.0), latency=st.floats(0.005, 0.2))
    def test_and_then_we_send_but_for_the_clocks(self, limit: int, seconds: float, latency: float) -> None:
        pace = ApiPace()
        pace.learn(Quota(policy="user", limit=limit, seconds=seconds))
        for _ in range(limit):
            pace.started(0.0)
        for _ in range(limit):
            pace.answered(latency, 0.0)
        assert pace.wait(latency) == pytest.approx(seconds * (1 + DRIFT) + MARGIN)

    @pytest.mark.parametrize(("seconds", "latency", "most"), [(1.0, 0.05, 0.953), (1.0, 0.2, 0.834), (5.0, 0.2, 0.962)])
    def test_so_of_short_windows_far_away_98_percent_cannot_be_had(
        self, seconds: float, latency: float, most: float
    ) -> None:
        assert seconds / (seconds + latency) < most < 0.98


class TestHeadStart:
    """A service that counts at the same point of the way each time is used whole, however far away."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("way", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize(
        ("limit", "seconds", "latency"), [(10, 1.0, 0.02), (10, 1.0, 0.1), (50, 1.0, 0.1), (20, 5.0, 0.3)]
    )
    async def test_98_percent_of_short_windows_far_away(
        self, kind: str, way: float, limit: int, seconds: float, latency: float
    ) -> None:
        gateway = Gateway(kind=kind, limit=limit, seconds=seconds, latency=latency, phase=1 / 3, way=way, jitter=0.01)
        await drive(knowing(gateway), gateway, 40 * limit, workers=32)
        assert gateway.share_used >= 0.98
        assert not gateway.refused

    async def test_one_that_shows_that_it_does_not_is_waited_for_from_then_on(self) -> None:
        gateway = Gateway(kind="sliding", limit=10, seconds=1.0, latency=0.1)
        pacing = knowing(gateway)
        await drive(pacing, gateway, 400, workers=8)
        assert 1 <= len(gateway.refused) <= 2  # of those that were in flight together
        gateway.accepted.clear()
        await drive(pacing, gateway, 400, workers=8)
        assert len(gateway.refused) <= 2
        assert gateway.share_used < 0.92

    @pytest.mark.parametrize("way", [0.0, 1.0])
    async def test_little_is_hoped_for_where_answers_vary(self, way: float) -> None:
        """Some are three times as quick as others: there will be quicker ones yet."""
        gateway = Gateway(kind="sliding", limit=10, seconds=1.0, latency=0.1, way=way, jitter=0.5)
        await drive(knowing(gateway), gateway, 1000, workers=8)
        assert not gateway.refused


class TestKnown:
    """What can be had is had, and nothing is refused."""

    @settings(max_examples=80, deadline=None)
    @given(gateway=gateways(5, 60), workers=st.integers(1, 16))
    def test_windows_are_used_whole(self, gateway: Gateway, workers: int) -> None:
        """Each takes M seconds and an answer; to that comes the time that so many workers need for the first N."""
        limit, seconds = gateway.limit, gateway.seconds
        slowest = gateway.latency * (1 + gateway.jitter)
        assume(limit * slowest / workers < seconds / 2)  # else the workers are the bound
        windows = 5

        async def story() -> None:
            took = await drive(knowing(gateway), gateway, windows * limit, workers=workers)
            first = math.ceil(limit / workers) * slowest + slowest  # the very first goes alone
            assert took <= (windows - 1) * (seconds * (1 + DRIFT) + MARGIN + slowest + TICK) + first + EDGE
            assert not gateway.refused

        in_virtual_time(story())

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("workers", [1, 2, 8])
    @pytest.mark.parametrize(
        ("limit", "seconds", "latency"), [(20, 5.0, 0.01), (20, 5.0, 0.05), (10, 60.0, 0.05), (10, 60.0, 0.2)]
    )
    async def test_98_percent_of_the_quota_where_a_window_is_long_against_an_answer(
        self, kind: str, workers: int, limit: int, seconds: float, latency: float
    ) -> None:
        gateway = Gateway(kind=kind, limit=limit, seconds=seconds, latency=latency, phase=1 / 3, way=1 / 4)
        await drive(knowing(gateway), gateway, 20 * limit, workers=workers)
        assert gateway.share_used >= (0.98 if workers > 1 or latency < seconds / 200 else 0.97)
        assert not gateway.refused


class TestUnknown:
    """Two refusals at most until it is learned, and none after that."""

    @settings(max_examples=150, deadline=None)
    @given(gateway=gateways(5, 200), workers=st.integers(1, 16))
    def test_two_refusals_at_most_while_two_are_in_flight(self, gateway: Gateway, workers: int) -> None:
        """Of every quota that shows itself within the first answers. See the next one for the others."""
        limit = gateway.limit

        async def story() -> None:
            pacing = Pacing(PaceOptions())
            await drive(pacing, gateway, min(3 * limit, NARROW_ANSWERS), workers=workers)
            assert len(gateway.refused) <= 2
            first = min((answered for _, answered in gateway.refused), default=math.inf)
            assert all(left <= first for left, _ in gateway.refused)
            if gateway.refused:
                await drive(pacing, gateway, 2 * limit, workers=workers)
                assert len(gateway.refused) <= 2

        in_virtual_time(story())

    @settings(max_examples=40, deadline=None)
    @given(gateway=gateways(100, 1000, seconds=st.just(10.0)), workers=st.integers(1, 16))
    def test_later_no_more_than_are_in_flight(self, gateway: Gateway, workers: int) -> None:
        """No rule can do better, and let more than two be in flight: the window may be full for each of them."""

        async def story() -> None:
            await drive(Pacing(PaceOptions()), gateway, 2 * gateway.limit, workers=workers)
            first = min((answered for _, answered in gateway.refused), default=math.inf)
            assert all(left <= first for left, _ in gateway.refused)
            assert len(gateway.refused) <= workers

        in_virtual_time(story())

    @pytest.mark.parametrize("workers", [2, 8, 16])
    @pytest.mark.parametrize("latency", [0.005, 0.01, 0.02, 0.05, 0.2])
    @pytest.mark.parametrize(
        ("limit", "seconds"),
        [(10, 1.0), (50, 1.0), (5, 5.0), (20, 5.0), (10, 60.0), (60, 60.0), (100, 60.0), (200, 300.0), (5, 60.0)],
    )
    async def test_of_the_quotas_that_people_were_met_with(
        self, limit: int, seconds: float, latency: float, workers: int
    ) -> None:
        """Where two requests in flight are as quick as the quota, or quicker."""
        for kind in KINDS:
            gateway = Gateway(kind=kind, limit=limit, seconds=seconds, latency=latency, phase=1 / 3, way=1 / 4)
            await drive(Pacing(PaceOptions()), gateway, 500, workers=workers)
            if 2 / latency > 1.5 * limit / seconds:
                assert 1 <= len(gateway.refused) <= 2


class TestWholeRuns:
    """Neither batches, nor the disk, nor looks take anything of the quota away."""

    @pytest.mark.parametrize(
        ("latency", "flush", "goal"),
        [(0.01, 0.0, 0.98), (0.01, 0.005, 0.98), (0.01, 0.03, 0.97), (0.05, 0.0, 0.965), (0.05, 0.03, 0.965)],
    )
    @pytest.mark.parametrize("short", [True, False])
    async def test_a_quota_unknown_at_first_is_used_whole(
        self, tmp_path: Path, *, short: bool, latency: float, flush: float, goal: float
    ) -> None:
        """Also with answers of 50 ms, five percent of a window of a second; a disk of 30 ms delays the first N."""
        kind, limit, seconds, tasks = ("bucket", 10, 1.0, 20_000) if short else ("sliding", 20, 5.0, 6_000)
        behind = {
            api: Gateway(kind=kind, limit=limit, seconds=seconds, latency=latency, way=0.2, jitter=0.1)
            for api in ("stop", "list", "show")
        }
        operation = Gated(
            {f"t{number}": FakeTask(stops_after=5.0 + number % 50 / 10) for number in range(tasks)}, behind
        )
        record = new_record(tmp_path / "run.db", list(operation.tasks), offload=Slow(flush))
        report = await Stage(operation, record=record).play()
        record.close()
        assert set(outcomes(report).values()) == {"stopped"}
        assert behind["stop"].share_used >= goal
        assert all(number <= 2 for number in operation.throttled().values())
