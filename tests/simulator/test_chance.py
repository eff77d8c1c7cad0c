"""Draws repeat, differ by concern, and follow their distributions."""

from orchestrator.simulator import chance
from orchestrator.simulator.options import Spread


def test_a_stream_is_its_concerns_own() -> None:
    assert chance.stream(1, "a").random() == chance.stream(1, "a").random()
    assert len({chance.stream(s, c).random() for s in (1, 2) for c in "ab"}) == 4


def test_draws_by_number_are_spread_evenly_and_never_reach_the_ends() -> None:
    draws = [chance.uniform(chance.key(1, "x"), n) for n in range(10_000)]
    assert 0 < min(draws) < 0.001
    assert 0.999 < max(draws) < 1
    assert 0.49 < sum(draws) / len(draws) < 0.51
    assert all(900 < sum(d * 10 // 1 == tenth for d in draws) < 1100 for tenth in range(10))


def test_a_duration_without_spread_is_exact() -> None:
    assert chance.seconds(Spread(median=3), 0.99) == 3
    assert chance.seconds(Spread(median=0, sigma=1), 0.99) == 0
    assert chance.seconds(Spread(median=3, sigma=1), 0.5) == 3
