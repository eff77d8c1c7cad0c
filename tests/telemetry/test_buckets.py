from hypothesis import given
from hypothesis import strategies as st

from orchestrator.telemetry.buckets import Buckets


class TestBuckets:
    def test_a_value_on_a_bound_belongs_to_it(self) -> None:
        """`le` is "less or equal": https://prometheus.io/docs/concepts/metric_types/#histogram."""
        buckets = Buckets((1, 2.5))
        for value in (0.5, 1, 2, 2.5, 99):
            buckets.add(value)
        assert buckets.cumulative() == [("1.0", 2.0), ("2.5", 4.0), ("+Inf", 5.0)]
        assert buckets.total == 105.0

    @given(st.lists(st.floats(0, 100)))
    def test_each_bucket_has_all_that_is_not_above_its_bound(self, values: list[float]) -> None:
        bounds = (0.5, 1.0, 10.0)
        buckets = Buckets(bounds)
        for value in values:
            buckets.add(value)
        expected = [float(sum(value <= bound for value in values)) for bound in (*bounds, float("inf"))]
        assert [count for _, count in buckets.cumulative()] == expected
