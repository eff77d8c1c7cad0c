"""Promises of the curve: what was seen of how long it takes, as shares and ages, within its resolution."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.curve import RATIO, SHORTEST, Curve

SECONDS = st.lists(st.floats(0.0, 1e5), min_size=1, max_size=60)


def of(seconds: list[float]) -> Curve:
    curve = Curve()
    for value in seconds:
        curve.add(value)
    return curve


class TestCurve:
    def test_nothing_is_known_at_first(self) -> None:
        curve = Curve()
        assert (curve.share(100.0), curve.age_at(0.5), curve.age_at(0.0), curve.longest) == (0.0, None, None, 0.0)

    @given(SECONDS, st.floats(0.01, 1.0))
    def test_at_the_age_for_a_share_that_share_is_there(self, seconds: list[float], share: float) -> None:
        curve = of(seconds)
        age = curve.age_at(share)
        assert age is not None
        assert sum(value <= age * (1 + 1e-9) for value in seconds) >= share * len(seconds) - 1e-9
        assert curve.share(age) >= share - 1e-9

    @given(SECONDS)
    def test_it_is_never_more_than_one_step_too_late(self, seconds: list[float]) -> None:
        age = of(seconds).age_at(1.0)
        assert age is not None
        assert max(*seconds, SHORTEST) <= age * (1 + 1e-9)
        assert age <= max(*seconds, SHORTEST) * RATIO * (1 + 1e-9)

    @given(SECONDS, st.floats(0.0, 1e6), st.floats(0.0, 1e6))
    def test_shares_grow_with_age(self, seconds: list[float], one: float, other: float) -> None:
        curve = of(seconds)
        assert curve.share(min(one, other)) <= curve.share(max(one, other))

    def test_those_that_are_not_there_yet_count_as_longer_still(self) -> None:
        curve = of([1.0, 2.0])
        curve.pending = 2
        assert curve.share(1e9) == 0.5
        assert curve.age_at(0.9) is None
        assert curve.age_at(0.5) is not None

    @given(SECONDS, st.floats(0.01, 1.0))
    def test_what_was_learned_is_restored(self, seconds: list[float], share: float) -> None:
        curve, again = of(seconds), Curve()
        again.restore(curve.buckets)
        assert again.age_at(share) == curve.age_at(share)
        assert (again.seen, again.buckets) == (curve.seen, curve.buckets)
        assert again.longest >= curve.longest * (1 - 1e-9)

    def test_restoring_nothing_is_starting_anew(self) -> None:
        curve = Curve()
        curve.restore([])
        assert (curve.seen, curve.age_at(0.5)) == (0, None)
