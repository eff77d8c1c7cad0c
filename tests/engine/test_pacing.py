"""Promises of the pacing: the quota is used whole and never stormed, whatever its shape and phase."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from itertools import pairwise
from random import Random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.ceiling import LATE, Ceiling
from orchestrator.engine.headstart import SAMPLES
from orchestrator.engine.model import Failure, Quota, Verdict
from orchestrator.engine.options import PaceOptions
from orchestrator.engine.pace import MAX_LOG, MAX_WINDOW, ApiPace
from orchestrator.engine.pacing import Pacing
from orchestrator.testing import VirtualTimeLoop
from tests.engine.gateways import admitted
from tests.engine.stage import LOST, NEVER, THROTTLED, UNAUTHENTICATED, UNREACHED

QUOTA = Quota(policy="user", limit=4, seconds=10.0)


def refusal(quota: Quota | None = QUOTA, retry_after: float | None = None) -> Failure:
    return Failure(verdict=Verdict.THROTTLED, status=429, quota=quota, retry_after=retry_after)


def throttled(pace: ApiPace, now: float, started_at: float, failure: Failure) -> Quota | None:
    """One request was refused for a quota. Returns the quota if it is news."""
    return pace.heed(failure, now, is_new=pace.refused(now, started_at))


class Service:
    """Counts requests as services do: in fixed windows of some phase, in sliding ones, or by a bucket."""

    def __init__(self, kind: str, limit: int, seconds: float, phase: float = 0.0) -> None:
        self.kind, self.limit, self.seconds, self.phase = kind, limit, seconds, phase
        self.arrivals: list[float] = []  # counted ones
        self.refused = 0
        self._tokens, self._at = float(limit), 0.0
        self._window = -math.inf
        self._used = 0

    def takes(self, now: float) -> bool:
        """Whether a request that arrives now is let through."""
        taken = getattr(self, f"_{self.kind}")(now)
        if taken:
            self.arrivals.append(now)
        else:
            self.refused += 1
        return bool(taken)

    def _fixed(self, now: float) -> bool:
        window = (now + self.phase) // self.seconds
        self._used = self._used + 1 if window == self._window else 1
        self._window = window
        return self._used <= self.limit

    def _sliding(self, now: float) -> bool:
        return sum(at > now - self.seconds for at in self.arrivals) < self.limit

    def _bucket(self, now: float) -> bool:
        self._tokens = min(self.limit, self._tokens + (now - self._at) * self.limit / self.seconds)
        self._at = now
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True


async def at_once() -> bool:
    """A place that is free."""
    return True


async def drive(
    pacing: Pacing,
    service: Service,
    requests: int,
    *,
    workers: int,
    latency: float,
    seed: int = 0,
    named: bool = True,
    steady: bool = True,
    waves: list[tuple[float, float]] | None = None,
) -> tuple[float, int]:
    """Send so many requests until each was taken. Returns the virtual seconds that it took, and the refusals.

    Each is counted somewhere on its way, `steady` always at the same point.
    """
    random, left = Random(seed), deque(range(requests))
    point = random.random()
    quota = Quota(policy="user", limit=service.limit, seconds=service.seconds)
    began, refused = anyio.current_time(), 0

    async def work() -> None:
        nonlocal refused
        while left:
            left.popleft()
            while True:
                permit = await admitted(pacing, "stop")
                way = latency * (point if steady else random.random())
                await anyio.sleep(way)
                taken = service.takes(anyio.current_time())
                await anyio.sleep(latency - way)
                if taken:
                    permit.succeeded()
                    break
                refused += 1
                if waves is not None:
                    waves.append((permit.started_at, anyio.current_time()))
                permit.failed(refusal(quota if named else None))

    async with anyio.create_task_group() as tasks:
        for _ in range(workers):
            tasks.start_soon(work)
    return anyio.current_time() - began, refused


class TestKnownQuota:
    """A quota that is known is never exceeded, whatever its shape and phase, and however answers are delayed."""

    @staticmethod
    def arrivals(latencies: list[float], split: float, limit: int, seconds: float) -> list[float]:
        """When each request is counted at the service, if each is sent as soon as it may."""
        pace = ApiPace()
        pace.learn(Quota(policy="", limit=limit, seconds=seconds))
        now, arrivals, in_flight = 0.0, [], deque[tuple[float, float]]()
        for latency in latencies:
            while (wait := pace.wait(now)) > 0:
                until = now + wait
                if in_flight and min(in_flight)[0] <= until:  # an answer comes first
                    end, started = min(in_flight)
                    in_flight.remove((end, started))
                    now = max(now, end)
                    pace.answered(now, started)
                else:
                    assert until < math.inf
                    now = until
            pace.started(now)
            arrivals.append(now + latency * split)
            in_flight.append((now + latency, now))
        return sorted(arrivals)

    @staticmethod
    def least(arrivals: list[float], limit: int) -> float:
        """Seconds between a request and the one that is `limit` later, at least."""
        return min((last - first for first, last in zip(arrivals, arrivals[limit:], strict=False)), default=math.inf)

    @settings(max_examples=150)
    @given(
        latencies=st.lists(st.floats(0.001, 30.0), min_size=1, max_size=SAMPLES),
        split=st.floats(0.0, 1.0),
        limit=st.integers(1, 9),
        seconds=st.floats(0.5, 20.0),
    )
    def test_no_window_of_any_phase_ever_holds_more(
        self, latencies: list[float], split: float, limit: int, seconds: float
    ) -> None:
        assert self.least(self.arrivals(latencies, split, limit, seconds), limit) >= seconds

    @settings(max_examples=150)
    @given(
        shortest=st.floats(0.001, 2.0),
        excess=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60),
        split=st.floats(0.0, 1.0),
        limit=st.integers(1, 9),
        seconds=st.floats(0.5, 20.0),
    )
    def test_nor_where_it_is_guessed_that_no_answer_is_quicker_than_any_before(
        self, shortest: float, excess: list[float], split: float, limit: int, seconds: float
    ) -> None:
        latencies = [shortest] * SAMPLES + [shortest + more for more in excess]
        assert self.least(self.arrivals(latencies, split, limit, seconds), limit) >= seconds - 1e-9

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    @pytest.mark.parametrize("phase", [0.0, 1.7, 4.999])
    async def test_a_service_of_any_kind_is_never_provoked(self, kind: str, phase: float) -> None:
        for seed in range(5):
            service = Service(kind, 20, 5.0, phase)
            pacing = Pacing(PaceOptions())
            pacing.learn("stop", Quota(policy="user", limit=20, seconds=5.0))
            await drive(pacing, service, 200, workers=8, latency=0.3, seed=seed)
            assert service.refused == 0

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    async def test_one_that_counts_now_here_now_there_is_provoked_once(self, kind: str) -> None:
        """Once it was hoped that it does not; a story is what had left before its first refusal came."""
        stories = 0
        for seed in range(5):
            waves: list[tuple[float, float]] = []
            pacing = Pacing(PaceOptions())
            pacing.learn("stop", Quota(policy="user", limit=20, seconds=5.0))
            service = Service(kind, 20, 5.0)
            await drive(pacing, service, 400, workers=8, latency=0.3, seed=seed, steady=False, waves=waves)
            first = min((answered for _, answered in waves), default=0.0)
            assert all(left <= first for left, _ in waves)
            stories += bool(waves)
        assert stories > 0 or kind != "sliding"

    async def test_the_quota_is_used_whole(self) -> None:
        """Two hundred requests at twenty in five seconds take nine windows and what the first ones take."""
        pacing = Pacing(PaceOptions())
        pacing.learn("stop", Quota(policy="user", limit=20, seconds=5.0))
        took, _ = await drive(pacing, Service("sliding", 20, 5.0), 200, workers=8, latency=0.05)
        assert took <= 9 * 5.0 * 1.02 + 20 * 0.05

    async def test_a_share_of_the_quota_is_what_one_of_several_processes_takes(self) -> None:
        pacing = Pacing(PaceOptions(), share=4)
        pacing.learn("stop", Quota(policy="user", limit=20, seconds=5.0))
        service = Service("sliding", 5, 5.0)
        await drive(pacing, service, 40, workers=8, latency=0.1)
        assert service.refused == 0
        assert pacing.capacity("stop", 9.9) == 10.0

    def test_a_share_of_less_than_one_is_one(self) -> None:
        pace = ApiPace(share=9)
        pace.learn(QUOTA)
        assert pace.capacity(9.9) == 1.0

    def test_the_tightest_of_several_quotas_counts(self) -> None:
        pace = ApiPace()
        pace.learn(Quota(policy="user", limit=100, seconds=60.0))
        pace.learn(Quota(policy="api", limit=2, seconds=1.0))
        pace.started(0.0)
        pace.started(0.0)
        assert pace.wait(0.0) == math.inf
        pace.answered(0.1, 0.0)
        assert 1.0 < pace.wait(0.1) < 1.01
        assert pace.capacity(59.9) == 100.0
        assert pace.capacity(29.5) == 60.0

    def test_a_quota_beyond_what_is_remembered_is_cut(self) -> None:
        pace = ApiPace()
        pace.learn(Quota(policy="", limit=10**9, seconds=1000.0))
        for number in range(2 * MAX_LOG + 10):
            pace.started(number / 1e3)
            pace.answered(number / 1e3, number / 1e3)
        assert pace.wait(2 * MAX_LOG / 1e3) > 0
        assert pace.capacity(999.0) == MAX_LOG

    @pytest.mark.parametrize(
        "quota",
        [
            Quota(policy="", limit=0, seconds=1.0),
            Quota(policy="", limit=1, seconds=0.0),
            Quota(policy="", limit=1, seconds=-1.0),
            Quota(policy="", limit=1, seconds=MAX_WINDOW + 1),
            Quota(policy="", limit=1, seconds=math.nan),
        ],
    )
    def test_nonsense_is_not_believed(self, quota: Quota) -> None:
        pace = ApiPace()
        pace.learn(quota)
        assert not pace.quotas
        pace.started(0.0)
        assert throttled(pace, 0.1, 0.0, refusal(quota)) is None

    def test_nothing_is_learned_where_that_was_forbidden(self) -> None:
        pace = ApiPace(learn=False)
        pace.started(0.0)
        assert throttled(pace, 0.1, 0.0, refusal()) is None
        assert not pace.quotas


class TestUnknownQuota:
    """Until something is known the start is slow: at most two refusals."""

    @pytest.mark.parametrize(
        ("kind", "limit", "seconds"),
        [("fixed", 20, 5.0), ("sliding", 20, 5.0), ("bucket", 10, 1.0), ("fixed", 5, 60.0), ("fixed", 1, 1.0)],
    )
    @pytest.mark.parametrize("latency", [0.02, 0.1, 0.2])
    async def test_at_most_two_refusals_and_then_none(
        self, kind: str, limit: int, seconds: float, latency: float
    ) -> None:
        for seed in range(4):
            service = Service(kind, limit, seconds, phase=seed)
            await drive(Pacing(PaceOptions()), service, 8 * limit, workers=8, latency=latency, seed=seed)
            assert service.refused <= 2

    @settings(max_examples=60)
    @given(
        kind=st.sampled_from(["fixed", "sliding", "bucket"]),
        limit=st.integers(1, 200),
        seconds=st.floats(0.5, 30.0),
        phase=st.floats(0.0, 30.0),
        latency=st.floats(0.01, 1.0),
    )
    def test_of_any_quota_no_more_are_refused_than_were_in_flight_then(
        self, kind: str, limit: int, seconds: float, phase: float, latency: float
    ) -> None:
        """One wave: what had left before the first refusal came. Nothing is refused after that."""
        service = Service(kind, limit, seconds, phase)
        waves: list[tuple[float, float]] = []  # refused: (left at, answered at)

        async def main() -> None:
            pacing = Pacing(PaceOptions())
            await drive(pacing, service, 3 * limit + 20, workers=8, latency=latency, waves=waves)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(main())
        first = min((answered for _, answered in waves), default=0.0)
        assert all(left <= first for left, _ in waves)

    @pytest.mark.parametrize(
        ("answers", "wide"), [(0, 1), (1, 2), (249, 2), (299, 2), (300, 3), (349, 3), (350, 4), (1000, 17)]
    )
    def test_the_first_goes_alone_then_two_then_by_and_by_more(self, answers: int, wide: int) -> None:
        pace = ApiPace()
        for number in range(answers):
            pace.started(number)
            pace.answered(number, number)
        for _ in range(wide):
            assert pace.wait(1e4) == 0.0
            pace.started(1e4)
        assert pace.wait(1e4) == math.inf
        pace.cancelled()
        assert pace.wait(1e4) == 0.0


class TestRefusals:
    """A refusal says when to come back, in one way or another."""

    def test_retry_after_is_sat_out(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        throttled(pace, 1.0, 0.0, refusal(QUOTA, retry_after=7.0))
        assert pace.wait(1.0) == 7.0
        assert pace.wait(1.0) == 7.0
        assert pace.wait(8.0) == 0.0

    def test_an_endless_retry_after_ends(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        throttled(pace, 1.0, 0.0, refusal(None, retry_after=1e18))
        assert pace.wait(1.0) == MAX_WINDOW

    def test_a_quota_is_news_once(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        assert throttled(pace, 1.0, 0.0, refusal()) == QUOTA
        pace.started(20.0)
        assert throttled(pace, 21.0, 20.0, refusal()) is None
        tighter = Quota(policy="user", limit=2, seconds=10.0)
        pace.started(40.0)
        assert throttled(pace, 41.0, 40.0, refusal(tighter)) == tighter
        assert pace.capacity(9.9) == 2.0

    def test_a_refusal_within_our_own_count_means_strangers_and_doubles_the_pause(self) -> None:
        pace, now, pauses = ApiPace(), 0.0, []
        for _ in range(5):
            pace.started(now)
            throttled(pace, now + 0.1, now, refusal())
            pauses.append(pace.wait(now + 0.1))
            now += 0.1 + pauses[-1]
        assert pauses == pytest.approx([2.5, 5.0, 10.0, 10.0, 10.0])

    def test_a_good_answer_ends_the_doubling(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        throttled(pace, 0.1, 0.0, refusal())
        pace.started(2.6)
        pace.answered(2.7, 2.6)
        pace.started(3.0)
        throttled(pace, 3.1, 3.0, refusal())
        assert pace.wait(3.1) == pytest.approx(2.5)

    def test_a_good_answer_from_before_the_refusal_does_not(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        pace.started(0.0)
        throttled(pace, 0.1, 0.0, refusal())
        pace.answered(0.2, 0.0)
        pace.started(3.0)
        throttled(pace, 3.1, 3.0, refusal())
        assert pace.wait(3.1) == pytest.approx(5.0)

    def test_those_that_left_before_the_refusal_tell_the_same_story(self) -> None:
        pace = ApiPace()
        for _ in range(3):
            pace.started(0.0)
        for at in (0.1, 0.2, 0.3):
            throttled(pace, at, 0.0, refusal())
        assert pace.wait(0.3) == pytest.approx(2.3)

    @pytest.mark.parametrize("latency", [0.0, 0.1])
    @pytest.mark.parametrize("quota", [QUOTA, None])
    def test_those_in_flight_do_not_take_turns_in_being_old_news(self, quota: Quota | None, latency: float) -> None:
        """Each left before the refusal of the other came: there was no pause, and no end of requests."""
        pace, now, asked = ApiPace(), 0.0, 0
        out = deque([(0.0, pace.started(0.0)), (latency / 2, pace.started(latency / 2))])
        while now < 60.0 and asked < 1000:
            arrived, started_at = out.popleft()
            now = max(now, arrived + latency)
            throttled(pace, now, started_at, refusal(quota))
            while len(out) < 2:
                now += pace.wait(now)
                out.append((now, pace.started(now)))
                asked += 1
        assert asked < 30

    def test_a_refusal_at_the_end_of_our_own_window_is_our_own_doing(self) -> None:
        pace = ApiPace()
        for _ in range(4):
            pace.started(0.0)
            pace.answered(0.1, 0.0)
        pace.started(0.2)
        throttled(pace, 0.3, 0.2, refusal())
        assert pace.wait(0.3) == pytest.approx(9.8, abs=0.01)


class TestStrangers:
    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    async def test_somebody_else_on_the_same_quota_is_yielded_to(self, kind: str) -> None:
        """They take half of it; we get through in the time that is left to us, and are seldom refused."""
        service, pacing = Service(kind, 20, 5.0), Pacing(PaceOptions())
        pacing.learn("stop", Quota(policy="user", limit=20, seconds=5.0))

        async def stranger() -> None:
            while True:
                service.takes(anyio.current_time())
                await anyio.sleep(0.5)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stranger)
            took, refused = await drive(pacing, service, 200, workers=8, latency=0.1)
            tasks.cancel_scope.cancel()
        assert took < 1.2 * 200 * 5.0 / 10
        assert refused <= 30

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    @pytest.mark.parametrize(("limit", "seconds", "gap"), [(20, 4.0, 0.5), (100, 60.0, 2.0), (200, 300.0, 3.0)])
    async def test_who_asks_for_a_part_of_it_gets_that(self, kind: str, limit: int, seconds: float, gap: float) -> None:
        """They ask evenly, for a third to a half; they never learn that we are there, nor is the quota left unused."""
        service, pacing = Service(kind, limit, seconds), Pacing(PaceOptions())
        pacing.learn("stop", Quota(policy="user", limit=limit, seconds=seconds))
        asked: list[bool] = []

        async def stranger() -> None:
            while True:
                asked.append(service.takes(anyio.current_time()))
                await anyio.sleep(gap)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stranger)
            took, refused = await drive(pacing, service, 20 * limit, workers=8, latency=0.05)
            tasks.cancel_scope.cancel()
        assert sum(asked) >= 0.9 * len(asked)
        assert len(service.arrivals) >= 0.88 * limit * took / seconds
        assert refused <= 25

    async def test_what_they_leave_is_won_back_when_they_are_gone(self) -> None:
        service, pacing = Service("sliding", 20, 5.0), Pacing(PaceOptions())
        pacing.learn("stop", Quota(policy="user", limit=20, seconds=5.0))

        async def stranger() -> None:
            while True:
                service.takes(anyio.current_time())
                await anyio.sleep(0.3)

        with anyio.move_on_after(60.0):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stranger)
                await drive(pacing, service, 10_000, workers=8, latency=0.1)
        await drive(pacing, service, 400, workers=8, latency=0.1)
        took, refused = await drive(pacing, service, 200, workers=8, latency=0.1)
        assert refused == 0
        assert took <= 10 * (5.0 * 1.001 + 0.005 + 0.1)


class TestWithoutNumbers:
    """AIMD: halve the rate at a refusal, win it back by and by."""

    def test_the_rate_is_halved_and_grows_again(self) -> None:
        pace = ApiPace()
        for number in range(20):
            pace.started(number / 2)
            pace.answered(number / 2 + 0.25, number / 2)
        pace.started(10.0)
        throttled(pace, 10.0, 10.0, refusal(None))  # twenty in ten seconds: two a second, now one
        assert pace.wait(10.0) == 1.0
        pace.started(11.0)
        assert pace.wait(11.0) == pytest.approx(1.0)
        pace.answered(11.5, 11.0)
        assert pace.wait(11.5) == pytest.approx(1 / 1.5 - 0.5)

    def test_pauses_double_up_to_a_minute_and_the_rate_has_a_floor(self) -> None:
        pace, now, pauses = ApiPace(), 0.0, []
        for _ in range(9):
            pace.started(now)
            throttled(pace, now, now, refusal(None))
            pauses.append(pace.wait(now))
            now += 1000.0
        assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
        pace.started(now)
        assert pace.wait(now) == pytest.approx(10.0)

    def test_with_a_time_to_wait_no_pause_of_ours_is_added(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        throttled(pace, 1.0, 0.0, refusal(None, retry_after=0.25))
        assert pace.wait(1.0) == 0.25

    def test_one_story_is_halved_once(self) -> None:
        pace = ApiPace()
        pace.started(0.0)
        pace.started(0.0)
        throttled(pace, 1.0, 0.0, refusal(None))
        throttled(pace, 1.1, 0.0, refusal(None))
        assert pace.wait(1.1) == pytest.approx(0.9)

    async def test_a_service_without_words_is_worn_neither_out_nor_down(self) -> None:
        service = Service("bucket", 5, 1.0)
        took, refused = await drive(Pacing(PaceOptions()), service, 300, workers=8, latency=0.05, named=False)
        assert took < 3 * 300 / 5
        assert refused < 30


class TestCeiling:
    """The user's own: GCRA, exact."""

    @settings(max_examples=60)
    @given(rate=st.floats(0.2, 50.0), burst=st.integers(1, 20), gaps=st.lists(st.floats(0.0, 5.0), max_size=60))
    def test_never_more_than_burst_plus_rate(self, rate: float, burst: int, gaps: list[float]) -> None:
        ceiling, now, starts = Ceiling(rate, burst), 0.0, []
        for gap in gaps:
            now += gap
            now += ceiling.wait(now)
            ceiling.started(now)
            starts.append(now)
        for i, first in enumerate(starts):
            for j in range(i, len(starts)):
                assert j - i + 1 <= burst + rate * (starts[j] - first) + 1e-6

    @pytest.mark.parametrize(("rate", "burst", "at_once"), [(5.0, None, 1), (0.5, None, 1), (5.0, 2, 2), (5.0, 0, 1)])
    def test_so_many_may_leave_at_once(self, rate: float, burst: int | None, at_once: int) -> None:
        ceiling, sent = Ceiling(rate, burst), 0
        while ceiling.wait(100.0) < 1e-9:
            ceiling.started(100.0)
            sent += 1
        assert sent == at_once

    @settings(max_examples=60)
    @given(rate=st.floats(0.2, 500.0), lateness=st.lists(st.floats(0.0, LATE * 0.99), min_size=2, max_size=60))
    def test_without_a_burst_it_is_spread_and_late_timers_are_made_up_for(
        self, rate: float, lateness: list[float]
    ) -> None:
        ceiling, now = Ceiling(rate, None), 0.0
        starts: list[float] = []
        for late in lateness:
            now += ceiling.wait(now)
            now = max(now, len(starts) / rate + late)
            ceiling.started(now)
            starts.append(now)
        assert starts[-1] <= lateness[0] + (len(starts) - 1) / rate + LATE
        for i, first in enumerate(starts):
            for j in range(i, len(starts)):
                assert j - i <= rate * (starts[j] - first + LATE) + 1e-6

    def test_after_a_rest_nothing_is_made_up_for(self) -> None:
        ceiling = Ceiling(10.0, None)
        ceiling.started(0.0)
        ceiling.started(5.0)
        assert ceiling.wait(5.0) == pytest.approx(0.1)

    async def test_it_holds_over_all_apis_and_is_shared_by_processes(self) -> None:
        pacing = Pacing(PaceOptions(requests_per_second=4.0, burst=1), share=2)
        starts = []
        for api in ("list", "show", "stop") * 4:
            permit = await admitted(pacing, api)
            starts.append(anyio.current_time())
            permit.succeeded()
        assert [b - a for a, b in pairwise(starts)] == pytest.approx([0.5] * 11)
        assert pacing.capacity("show", 10.0) == 20.0


class TestPacing:
    """Lanes of their own, one gate for all."""

    async def test_a_waiting_lane_sleeps_until_the_very_moment(self) -> None:
        pacing = Pacing(PaceOptions())
        (await admitted(pacing, "stop")).failed(refusal(QUOTA, retry_after=3.0))
        assert pacing.opens_in("stop") == 3.0
        await admitted(pacing, "stop")
        assert anyio.current_time() == pytest.approx(3.0)

    async def test_lanes_do_not_wait_for_each_other(self) -> None:
        pacing = Pacing(PaceOptions())
        (await admitted(pacing, "stop")).failed(refusal(QUOTA, retry_after=3.0))
        (await admitted(pacing, "list")).succeeded()
        assert anyio.current_time() == 0.0
        assert pacing.quotas() == {"stop": [QUOTA]}

    async def test_a_cancelled_permit_gives_its_place_back(self) -> None:
        pacing = Pacing(PaceOptions())
        (await admitted(pacing, "stop")).succeeded()
        permit, _ = await admitted(pacing, "stop"), await admitted(pacing, "stop")
        order = []

        async def wait() -> None:
            (await admitted(pacing, "stop")).succeeded()
            order.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep(5.0)
            permit.cancel()
        assert order == [5.0]
        assert pacing.in_flight() == {"stop": 1}

    async def test_who_is_cancelled_while_waiting_takes_nothing_along(self) -> None:
        pacing = Pacing(PaceOptions())
        permit = await admitted(pacing, "stop")
        with anyio.move_on_after(1.0):
            await admitted(pacing, "stop")
        permit.succeeded()
        (await admitted(pacing, "stop")).succeeded()
        assert pacing.in_flight() == {"stop": 0}

    async def test_leave_given_before_a_refusal_came_is_good_no_more(self) -> None:
        pacing = Pacing(PaceOptions())
        pacing.learn("stop", QUOTA)
        (await admitted(pacing, "stop")).succeeded()
        early, late = await admitted(pacing, "stop"), await pacing.reserve("stop")
        early.failed(refusal(QUOTA))
        assert not await late.due(at_once)
        late.cancel()
        assert (await admitted(pacing, "stop")).is_current

    async def test_a_quota_that_is_learned_is_returned_once(self) -> None:
        pacing = Pacing(PaceOptions())
        assert (await admitted(pacing, "stop")).failed(refusal(QUOTA)) == QUOTA
        assert (await admitted(pacing, "stop")).failed(refusal(QUOTA)) is None
        assert (await admitted(pacing, "stop")).failed(NEVER) is None

    @pytest.mark.parametrize(
        ("failure", "proves"), [(NEVER, True), (LOST, False), (UNREACHED, False), (THROTTLED, False)]
    )
    async def test_the_first_goes_alone_until_an_answer_proves_who_we_are(
        self, failure: Failure, *, proves: bool
    ) -> None:
        pacing = Pacing(PaceOptions())
        first = await admitted(pacing, "list")
        with anyio.move_on_after(1.0) as scope:
            await admitted(pacing, "show")
        assert scope.cancelled_caught
        first.failed(failure)
        second = await admitted(pacing, "show")
        assert second.probe is not proves

    async def test_two_lanes_behind_the_gate_pass_it_one_by_one(self) -> None:
        pacing = Pacing(PaceOptions())
        out, most = 0, 0

        async def ask(api: str) -> None:
            nonlocal out, most
            permit = await admitted(pacing, api)
            out += 1
            most = max(most, out)
            await anyio.sleep(1.0)
            out -= 1
            permit.failed(UNREACHED)

        async with anyio.create_task_group() as tasks:
            for api in ("list", "show", "stop", "restart"):
                tasks.start_soon(ask, api)
        assert most == 1
        assert anyio.current_time() == pytest.approx(4.0)

    async def test_a_401_shuts_the_gate_for_all_lanes(self) -> None:
        pacing = Pacing(PaceOptions())
        (await admitted(pacing, "list")).succeeded()
        (await admitted(pacing, "list")).failed(UNAUTHENTICATED)
        probe = await admitted(pacing, "show")
        assert probe.probe
        with anyio.move_on_after(1.0) as scope:
            await admitted(pacing, "stop")
        assert scope.cancelled_caught
        probe.succeeded()
        assert not (await admitted(pacing, "stop")).probe
