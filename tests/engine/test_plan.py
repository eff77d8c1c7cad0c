"""Promises of the plan: everybody due is covered exactly once, at the least requests."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.plan import cover, is_listing_cheaper

DUE = st.lists(st.integers(0, 5000), max_size=60).map(lambda places: dict(enumerate(places)))
SIZE = st.integers(1, 1000)


def all_pages(places: list[int], size: int) -> int:
    """The fewest windows of `size` that hold all places."""
    count, end = 0, -1
    for place in sorted(places):
        if place > end:
            count, end = count + 1, place + size - 1
    return count


class TestCover:
    @given(DUE, SIZE, st.integers(0, 5))
    def test_every_due_item_is_covered_exactly_once(self, due: dict[int, int], size: int, few: int) -> None:
        plan = cover(due, size, few=few)
        covered = [*plan.singles, *(item for look in plan.pages for item in look.items)]
        assert sorted(covered) == sorted(due)

    @given(DUE, SIZE, st.integers(0, 5))
    def test_what_a_page_is_read_for_stands_on_it(self, due: dict[int, int], size: int, few: int) -> None:
        for look in cover(due, size, few=few).pages:
            assert look.offset >= 0
            assert len(look.items) > few
            assert all(look.offset <= due[item] < look.offset + size for item in look.items)

    @given(DUE, SIZE)
    def test_it_never_costs_more_than_the_better_of_all_pages_and_all_singles(
        self, due: dict[int, int], size: int
    ) -> None:
        assert cover(due, size, few=1).cost <= min(all_pages(list(due.values()), size), len(due))

    @given(DUE, SIZE)
    def test_a_few_more_single_looks_stay_within_their_bound(self, due: dict[int, int], size: int) -> None:
        plan = cover(due, size)
        assert len(plan.singles) <= 3 * (all_pages(list(due.values()), size) - len(plan.pages))

    def test_spare_room_is_shared_between_both_ends(self) -> None:
        (look,) = cover({0: 500, 1: 501, 2: 502, 3: 503}, 100).pages
        assert look.offset == 452

    def test_nobody_due_costs_nothing(self) -> None:
        assert cover({}, 100).cost == 0


class TestListing:
    """To read on in the list, or to look singly."""

    @pytest.mark.parametrize(
        ("unseen", "pages_left", "pages_read", "cheaper"),
        [
            (100, 99, 5, True),
            (100, 100, 5, False),
            (100, inf, 99, True),
            (100, inf, 100, False),
            (0, 1, 0, False),
        ],
    )
    def test_which_is_cheaper(self, unseen: int, pages_left: float, pages_read: int, *, cheaper: bool) -> None:
        assert is_listing_cheaper(unseen=unseen, pages_left=pages_left, pages_read=pages_read) is cheaper

    @pytest.mark.parametrize(("found_lately", "cheaper"), [(0.0, False), (1.0, False), (1.1, True)])
    def test_pages_that_show_more_than_one_each_are_read_on(self, found_lately: float, *, cheaper: bool) -> None:
        assert is_listing_cheaper(unseen=40, pages_left=inf, pages_read=98, found_lately=found_lately) is cheaper
        assert is_listing_cheaper(unseen=40, pages_left=50, pages_read=98, found_lately=found_lately) is False
