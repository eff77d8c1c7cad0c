"""Promises of engine/forecast.py: never faster than the pacing allows, and honest about what is assumed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.forecast import GENEROUS, TIGHT, Means, estimate, fitting
from orchestrator.engine.model import Quota
from orchestrator.engine.pace import ANSWERS_PER_STEP, NARROW_ANSWERS

FIVE = Quota(policy="user", limit=5, seconds=10.0)


def means(*quotas: Quota, latency: float = 0.1, **plain: float) -> Means:
    return Means(workers=4, latency=latency, quotas=quotas, **plain)  # type: ignore[arg-type]


class TestEstimate:
    def test_of_nothing_is_nothing(self) -> None:
        assert estimate(0, means()) == estimate(-3, means(FIVE))
        assert (estimate(0, means()).high, estimate(0, means()).bound) == (0.0, "")

    @pytest.mark.parametrize(
        ("requests", "seconds", "bound"),
        [(1, 0.1, "latency"), (5, 0.2, "latency"), (6, 10.1, "quota"), (10, 10.2, "quota"), (11, 20.1, "quota")],
    )
    def test_under_a_known_quota_counts_its_windows(self, requests: int, seconds: float, bound: str) -> None:
        found = estimate(requests, means(FIVE))
        assert found.low == pytest.approx(seconds)
        assert found.high == found.low
        assert (found.bound, found.is_range) == (bound, False)

    def test_under_several_quotas_heeds_the_slowest(self) -> None:
        hour = Quota(policy="api", limit=10, seconds=3600.0)
        assert estimate(11, means(FIVE, hour)).high == pytest.approx(3600.1)

    def test_of_a_share_has_a_share_of_the_quota(self) -> None:
        assert estimate(5, means(FIVE, share=2)).high == pytest.approx(20.1)
        assert estimate(3, means(FIVE, share=99)).high == pytest.approx(20.1)  # one at least

    def test_without_a_known_quota_is_a_range_between_two_that_were_seen(self) -> None:
        found = estimate(1000, means(latency=0.0))
        assert (found.low, found.high) == (4.0, 1200.0)
        assert (found.is_range, found.bound) == (True, "quota")
        assert GENEROUS.limit / GENEROUS.seconds == 200.0
        assert TIGHT.limit / TIGHT.seconds == pytest.approx(2 / 3)

    def test_starts_slowly_while_nothing_is_known(self) -> None:
        narrow = 1 + NARROW_ANSWERS + ANSWERS_PER_STEP - 1  # the first goes alone, the others two at a time
        assert estimate(1, means()).low == pytest.approx(0.1)
        assert estimate(narrow, means()).low == pytest.approx(0.1 * (1 + math.ceil((narrow - 1) / 2)))
        later = estimate(narrow + ANSWERS_PER_STEP, means()).low - estimate(narrow, means()).low
        assert later == pytest.approx(0.1 * math.ceil(ANSWERS_PER_STEP / 3))  # then three
        assert estimate(4, means(FIVE)).low == pytest.approx(0.1)  # all workers at once

    def test_under_a_ceiling_waits_for_it(self) -> None:
        found = estimate(11, means(ceiling=2.0, burst=1, latency=0.0))
        assert (found.low, found.high, found.bound) == (5.0, 5.0, "ceiling")
        assert estimate(11, means(ceiling=2.0, burst=1, latency=0.0, share=2)).high == 10.0

    @given(st.integers(1, 5_000), st.integers(1, 300), st.floats(0.5, 400), st.floats(0, 5))
    def test_never_promises_more_than_the_quota(
        self, requests: int, limit: int, seconds: float, latency: float
    ) -> None:
        quota = Quota(policy="", limit=limit, seconds=seconds)
        found = estimate(requests, means(quota, latency=latency))
        assert found.low == found.high >= 0
        assert requests <= limit * (1 + math.floor(found.high / seconds + 1e-9))

    @given(st.integers(0, 5_000), st.floats(0, 5))
    def test_never_takes_less_for_more(self, requests: int, latency: float) -> None:
        one, more = estimate(requests, means(latency=latency)), estimate(requests + 1, means(latency=latency))
        assert one.low <= more.low
        assert one.high <= more.high
        assert one.low <= one.high


class TestFitting:
    def test_counts_what_the_windows_let_through(self) -> None:
        assert fitting(25.0, means(FIVE), cautious=True) == 15
        assert fitting(0.0, means(FIVE), cautious=True) == 5

    def test_assumes_the_worse_only_if_cautious(self) -> None:
        assert fitting(10.0, means(), cautious=True) == 200
        assert fitting(10.0, means(), cautious=False) == 2200

    def test_heeds_the_ceiling(self) -> None:
        assert fitting(10.0, means(ceiling=2.0, burst=3), cautious=False) == 23
