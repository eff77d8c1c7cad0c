"""Tests of dcs/quotas.py: quotas and waits read out of throttled answers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs.quotas import MAX_RETRY_AFTER, quota_of, retry_after_of, timestamp_of
from orchestrator.engine.model import Quota

NUMBERS = st.integers(-1, 10**10).map(str) | st.text()  # and what stands where a number should


class TestQuota:
    """The window is in the text only, in many forms."""

    @pytest.mark.parametrize(
        ("text", "policy", "limit", "seconds"),
        [
            ("policy user over ratelimit,limit:60,time:1 minute", "user", 60, 60.0),
            ("policy api over ratelimit,limit:200,time:1 second", "api", 200, 1.0),
            ("policy ip over ratelimit, limit: 5, time: 5 second", "ip", 5, 5.0),
            ("policy app over ratelimit,limit:2000,time:2 hours.", "app", 2000, 7200.0),
            ("Policy User over rate limit , limit : 3 , time : 1 day", "user", 3, 86_400.0),
            ("reached: policy user over ratelimit,limit:200,time:5 minute (x)", "user", 200, 300.0),
            ("over ratelimit,limit:10,time:1minute", "", 10, 60.0),
            ("limit:9,time:30", "", 9, 30.0),
            ("Threshold: 10 times per 60 seconds", "", 10, 60.0),
            ("too many: threshold:1 time per minute", "", 1, 60.0),
        ],
    )
    def test_reads(self, text: str, policy: str, limit: int, seconds: float) -> None:
        assert quota_of(text) == Quota(policy=policy, limit=limit, seconds=seconds)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "slow down",
            "limit:0,time:1 second",
            "limit:5,time:0 second",
            "limit:5,time:9 fortnights",
            "limit:5,time:9ms",
        ],
    )
    def test_makes_nothing_up(self, text: str) -> None:
        assert quota_of(text) is None

    @given(NUMBERS, NUMBERS, st.sampled_from(["", "second", "minutes", "h", "days"]) | st.text())
    def test_whatever_is_said_is_a_quota_that_can_be_kept_or_none(self, limit: str, count: str, unit: str) -> None:
        for text in (limit, f"limit:{limit},time:{count} {unit}", f"Threshold: {limit} times per {count} {unit}"):
            quota = quota_of(text)
            assert quota is None or (quota.limit >= 1 and quota.seconds >= 1.0)


class TestRetryAfter:
    """Seconds or a date; nonsense is None."""

    NOW = 784887151.0  # Tue, 15 Nov 1994 08:12:31 GMT

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("7", 7.0),
            (" 1.5 ", 1.5),
            ("-3", 0.0),
            ("1e9", MAX_RETRY_AFTER),
            ("Tue, 15 Nov 1994 08:13:01 GMT", 30.0),
            ("Tue, 15 Nov 1994 08:13:01 -0000", 30.0),
            ("Tue, 15 Nov 1994 08:00:00 GMT", 0.0),
            ("soon", None),
            ("nan", None),
            ("", None),
        ],
    )
    def test_reads(self, value: str, seconds: float | None) -> None:
        assert retry_after_of(value, now=self.NOW) == seconds

    @given(NUMBERS | st.floats().map(str) | st.datetimes().map("{:%a, %d %b %Y %H:%M:%S GMT}".format))
    def test_whatever_is_said_is_a_wait_that_ends_or_none(self, value: str) -> None:
        seconds, stamp = retry_after_of(value, now=self.NOW), timestamp_of(value)
        assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER
        assert stamp is None or math.isfinite(stamp)
