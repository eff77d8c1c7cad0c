"""Promises of the isolation: every bad id is asked alone once, no good one is called bad, within stated costs."""

from __future__ import annotations

from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.isolation import group_size, isolate

if TYPE_CHECKING:
    from collections.abc import Collection


def take_apart(count: int, bad: Collection[int]) -> list[tuple[list[int], bool]]:
    """Play it out: the parts that were asked, and whether each was spoiled."""
    isolation, asked = isolate(list(range(count))), []
    try:
        part = next(isolation)
        while True:
            spoiled = any(item in bad for item in part)
            asked.append((list(part), spoiled))
            part = isolation.send(spoiled)
    except StopIteration:
        return asked


def check(count: int, bad: Collection[int]) -> int:
    """Check all that is promised of one case. Returns what it cost."""
    asked = take_apart(count, bad)
    alone = [part[0] for part, spoiled in asked if spoiled and len(part) == 1]
    assert sorted(alone) == sorted(bad)
    clean = [item for part, spoiled in asked if not spoiled for item in part]
    assert sorted(clean) == sorted(set(range(count)) - set(bad))
    return len(asked)


class TestIsolation:
    @pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 20, 49, 50])
    def test_one_bad_id_costs_at_most_twelve_wherever_it_stands(self, count: int) -> None:
        assert max(check(count, {position}) for position in range(count)) <= 12

    def test_two_bad_ids_cost_at_most_twenty_wherever_they_stand(self) -> None:
        assert max(check(50, pair) for pair in combinations(range(50), 2)) <= 20

    def test_ten_bad_ids_cost_at_most_fifty_one(self) -> None:
        random = Random(1)
        assert max(check(50, random.sample(range(50), 10)) for _ in range(5000)) <= 51

    @pytest.mark.parametrize("stride", [1, 2, 3, 4, 5])
    @pytest.mark.parametrize("start", [0, 1, 3, 5])
    def test_ten_in_a_row_or_at_even_distances_cost_no_more(self, stride: int, start: int) -> None:
        bad = {start + stride * number for number in range(10) if start + stride * number < 50}
        assert check(50, bad) <= 51

    def test_the_worst_that_an_adversary_finds_costs_no_more(self) -> None:
        """Climb from random sets by moving one bad id at a time, for as long as that makes it dearer."""
        random = Random(2)
        for _ in range(12):
            bad = set(random.sample(range(50), 10))
            cost = check(50, bad)
            for _ in range(200):
                moved = (bad - {random.choice(sorted(bad))}) | {random.randrange(50)}
                if len(moved) == 10 and (dearer := check(50, moved)) >= cost:
                    bad, cost = moved, dearer
            assert cost <= 51

    def test_a_batch_that_is_all_bad_costs_little_more_than_singles(self) -> None:
        assert check(50, range(50)) <= 59

    @given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))))
    def test_any_set_of_bad_ids_in_any_batch(self, case: tuple[int, set[int]]) -> None:
        count, bad = case
        assert check(count, bad) <= 2 * count + 2

    @given(st.integers(1, 60), st.lists(st.booleans(), min_size=200, max_size=200))
    def test_it_ends_whatever_it_is_told_and_never_asks_twice_for_one_alone(
        self, count: int, answers: list[bool]
    ) -> None:
        """Items go down or are lost in the middle of it: the answers need not fit together."""
        isolation, replies, alone = isolate(list(range(count))), iter(answers), list[int]()
        try:
            part = next(isolation)
            while True:
                assert part
                alone += part if len(part) == 1 else []
                part = isolation.send(next(replies))
        except StopIteration:
            pass
        assert len(alone) == len(set(alone))

    def test_groups_shrink_as_bad_ids_turn_up_and_grow_again(self) -> None:
        assert [group_size(0, 0), group_size(2, 1), group_size(4, 4), group_size(5, 5), group_size(20, 5)] == [
            8,
            4,
            2,
            1,
            4,
        ]
        assert group_size(40, 1) == 8
