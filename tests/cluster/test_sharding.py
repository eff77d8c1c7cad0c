"""Tests of cluster/sharding.py: whether more shards can be faster."""

from __future__ import annotations

import pytest

from orchestrator.cluster.sharding import shard_advice
from orchestrator.engine.model import Quota


class TestAdvice:
    """Honest about the bound."""

    @pytest.mark.parametrize(
        ("limit", "seconds", "told"), [(10, 60.0, "500 tasks a minute"), (1, 3600.0, "0.83 tasks a minute")]
    )
    def test_a_quota_that_one_pod_uses_up_is_the_bound(self, limit: int, seconds: float, told: str) -> None:
        quota = Quota(policy="user", limit=limit, seconds=seconds)
        text = shard_advice(quota=quota, ceiling=None, batch_size=50)
        assert text.startswith("More shards would not be faster: the quota")
        assert told in text

    def test_a_ceiling_of_ones_own_may_be_the_bound(self) -> None:
        quota = Quota(policy="user", limit=200, seconds=1.0)
        assert "your ceiling (pace.requests_per_second: 2) is" in shard_advice(quota=quota, ceiling=2, batch_size=50)

    def test_a_generous_quota_is_not(self) -> None:
        quota = Quota(policy="api", limit=2_000, seconds=1.0)
        assert shard_advice(quota=quota, ceiling=None, batch_size=50).startswith("More shards may be faster")

    def test_nothing_is_claimed_where_nothing_is_known(self) -> None:
        assert shard_advice(quota=None, ceiling=None, batch_size=50).startswith("No quota is known yet")
