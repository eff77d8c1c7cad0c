"""Quotas admit exactly what they promise, and refuse in the gateway's words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.simulator.options import Quota
from orchestrator.simulator.quotas import Throttle, Throttles
from tests.simulator.asking import Caller, code, going, read

_GAPS = st.lists(st.floats(min_value=0, max_value=7), min_size=1, max_size=200)


def _admitted(quota: Quota, gaps: list[float]) -> list[float]:
    throttle, now, found = Throttle(quota), 100.0, []
    for gap in gaps:
        now += gap
        if throttle.admit(now):
            found.append(now)
    return found


class TestWindows:
    @given(gaps=_GAPS, limit=st.integers(1, 9), seconds=st.floats(0.5, 20), phase=st.floats(-30, 30))
    def test_a_fixed_window_never_admits_more_than_its_limit(
        self, gaps: list[float], limit: int, seconds: float, phase: float
    ) -> None:
        counts: dict[float, int] = {}
        for at in _admitted(Quota(limit=limit, seconds=seconds, phase=phase), gaps):
            counts[(at - phase) // seconds] = counts.get((at - phase) // seconds, 0) + 1
        assert max(counts.values()) <= limit

    @given(gaps=_GAPS, limit=st.integers(1, 9), seconds=st.floats(0.5, 20))
    def test_a_sliding_window_never_admits_more_than_its_limit_wherever_it_is_laid(
        self, gaps: list[float], limit: int, seconds: float
    ) -> None:
        admitted = _admitted(Quota(limit=limit, seconds=seconds, kind="sliding"), gaps)
        for first, beyond in zip(admitted, admitted[limit:], strict=False):
            assert first <= beyond - seconds

    @given(gaps=_GAPS, limit=st.integers(1, 9), seconds=st.floats(0.5, 20))
    def test_a_bucket_never_admits_more_than_it_holds_and_refills(
        self, gaps: list[float], limit: int, seconds: float
    ) -> None:
        admitted = _admitted(Quota(limit=limit, seconds=seconds, kind="bucket"), gaps)
        for first, start in enumerate(admitted):
            for last in range(first, len(admitted)):
                assert last - first + 1 <= limit + (admitted[last] - start) * limit / seconds + 1e-6

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    def test_refused_requests_do_not_count_and_the_forecast_is_right(self, kind: Any) -> None:
        throttle = Throttle(Quota(limit=3, seconds=6, kind=kind))
        assert [throttle.admit(12) for _ in range(5)] == [True, True, True, False, False]
        opens = throttle.opens(13)
        assert opens == (1 if kind == "bucket" else 5)
        assert not throttle.admit(13 + opens - 0.01)
        assert throttle.admit(13 + opens)

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    def test_an_open_window_is_open_now(self, kind: Any) -> None:
        throttle = Throttle(Quota(limit=3, seconds=6, kind=kind))
        throttle.admit(12)
        assert throttle.opens(12) == 0


class TestStrangers:
    def test_take_their_part_of_the_quota(self) -> None:
        throttle = Throttle(Quota(limit=10, seconds=10, strangers=0.5))
        assert 60 <= sum(throttle.admit(n) for n in range(100)) <= 72  # two thirds of what is asked for

    def test_are_not_counted_one_by_one_after_a_long_sleep(self) -> None:
        throttle = Throttle(Quota(limit=10, seconds=1, kind="sliding", strangers=1000))
        throttle.admit(0)
        throttle.admit(3e9)
        assert throttle.admit(6e9) is False


class TestRefusals:
    @pytest.mark.parametrize(
        ("quota", "expected", "text"),
        [
            (
                {"limit": 1, "seconds": 300},
                "APIGW.0308",
                "The throttling threshold has been reached: policy user over ratelimit,limit:1,time:5 minute",
            ),
            (
                {"limit": 1, "seconds": 5, "policy": "ip"},
                "APIGW.0308",
                "The throttling threshold has been reached: policy ip over ratelimit,limit:1,time:5 second",
            ),
            (
                {"limit": 1, "seconds": 5, "wording": "iam"},
                "IAM.0012",
                "The request is too frequent. Threshold: 1 times per 5 seconds",
            ),
            (
                {"limit": 1, "seconds": 5, "wording": "bare"},
                "APIGW.0308",
                "The throttling threshold has been reached",
            ),
        ],
    )
    def test_say_the_window_in_the_form_that_was_chosen(
        self, quota: dict[str, object], expected: str, text: str
    ) -> None:
        caller = Caller(going(quotas={"list": quota}))
        assert caller.list().status == 200
        reply = caller.list()
        assert code(reply) == (429, expected)
        assert read(reply)["error_msg"] == text
        assert "Retry-After" not in reply.headers

    def test_may_carry_retry_after(self) -> None:
        caller = Caller(going(quotas={"list": {"limit": 1, "seconds": 60, "retry_after": True}}))
        caller.now = 30.5
        caller.list()
        assert caller.list().headers["Retry-After"] == "30"

    def test_bear_the_older_prefix_where_asked(self) -> None:
        caller = Caller(going(gateway="APIG", quotas={"list": {"limit": 1, "seconds": 60}}))
        caller.list()
        assert code(caller.list()) == (429, "APIG.0308")

    def test_keep_a_throttled_stop_without_effect(self) -> None:
        caller = Caller(going(quotas={"stop": {"limit": 1, "seconds": 60}}))
        caller.stop(caller.ids[:1])
        assert caller.stop(caller.ids[1:2]).status == 429
        assert caller.status(caller.ids[1]) == "MIGRATING"
        assert caller.books.arrivals[-2].throttled

    def test_a_quota_for_all_counts_every_api(self) -> None:
        caller = Caller(going(quotas={"all": {"limit": 2, "seconds": 60}}))
        assert [caller.list().status, caller.stop(caller.ids[:1]).status] == [200, 200]
        assert caller.show(caller.ids[0]).status == 429

    def test_no_quota_never_refuses(self) -> None:
        assert Throttles({}, "APIGW").refuse("stop", 0) is None


def test_admissions_of_a_fixed_window_use_it_whole() -> None:
    """Twenty in five seconds, asked ten times a second, come to exactly twenty in each window."""
    admitted = _admitted(Quota(limit=20, seconds=5), [0.1] * 600)
    assert len(admitted) >= 20 * 11
