"""Promises of the agenda: who is looked at when, as plain stamps."""

from __future__ import annotations

from array import array
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.agenda import MAX_SCOUTS, Agenda, Shelf
from orchestrator.engine.curve import Curve
from orchestrator.engine.options import PollOptions
from orchestrator.engine.places import Places


def agenda(count: int = 10_000, *, listed: bool = True, **poll: float) -> Agenda:
    places = Places(count, 100)
    if listed:
        places.note(range(count), range(count))
    return Agenda(places, Curve(), PollOptions(**poll))  # type: ignore[arg-type]


class TestSingles:
    def test_in_the_order_of_their_time(self) -> None:
        one = agenda()
        one.look_at(1, 30.0)
        one.look_at(2, 10.0, singly=True)
        one.look_at(3, 20.0)
        assert one.next_due() == 10.0
        assert one.pop_singles(9.9) == []
        assert one.pop_singles(20.0) == [(2, True), (3, False)]
        assert one.next_due() == 30.0

    def test_who_is_nowhere_in_the_list_is_looked_at_singly(self) -> None:
        one = agenda(listed=False, first_after=3.0)
        one.track([5], [100.0])
        assert one.pop_singles(103.0) == [(5, True)]

    def test_one_that_was_seen_is_left_alone_for_an_interval(self) -> None:
        one = agenda(listed=False, first_after=3.0, interval=7.0)
        one.track([5], [100.0], seen_at=110.0)
        assert one.next_due() == 117.0

    def test_of_many_such_each_waits_for_half_of_its_age_again(self) -> None:
        one = agenda(listed=False, interval=2.0, max_interval=60.0)
        for item in range(9):
            one.look_at(item, 1e9)
        one.track([20], [100.0], seen_at=140.0)
        assert one.next_due() == 160.0
        one.track([21], [0.0], seen_at=1000.0)
        one.pop_singles(160.0)
        assert one.next_due() == 1060.0

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.booleans()), min_size=1, max_size=30))
    def test_an_item_is_in_line_once_at_the_earliest_time_it_was_asked_for(
        self, asked: list[tuple[int, int, bool]]
    ) -> None:
        one = agenda()
        for item, due, singly in asked:
            one.look_at(item, float(due), singly=singly)
        taken = {item: now for now in range(51) for item, _ in one.pop_singles(float(now))}
        assert taken == {item: min(due for other, due, _ in asked if other == item) for item, _, _ in asked}
        assert one.next_due() == inf

    def test_what_must_be_looked_at_singly_stays_so(self) -> None:
        one = agenda()
        one.look_at(1, 20.0, singly=True)
        one.look_at(1, 10.0)
        assert one.pop_singles(10.0) == [(1, True)]
        assert one.pop_singles(20.0) == []

    async def test_who_waits_is_woken_by_what_is_due_first_only(self) -> None:
        one = agenda()
        before = one.changed.event
        one.look_at(1, 10.0)
        assert before.is_set()
        before, one.awaited = one.changed.event, one.next_due()
        one.look_at(2, 20.0)
        assert not before.is_set()


class TestShelves:
    async def test_who_waits_is_woken_only_by_one_that_is_due_sooner(self) -> None:
        one = agenda(first_after=2.0)
        one.track([5], [50.0])
        one.awaited, event = one.next_due(), one.changed.event
        one.track([105], [51.0])  # later
        one.track([6], [49.0])  # the same shelf, which has its time
        assert not event.is_set()
        one.track([205], [49.0])
        assert event.is_set()

    def test_those_of_one_stretch_are_looked_at_together(self) -> None:
        one = agenda(first_after=2.0)
        for item in (5, 7, 105):
            one.track([item], [50.0])
        assert {number: list(shelf.items) for number, shelf in one.shelves.items()} == {0: [5, 7], 1: [105]}
        assert one.next_due() == 52.0
        assert one.pop_shelves(51.0) == []
        assert len(one.pop_shelves(52.0)) == 2

    @given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 999), max_size=5))))
    def test_counts_the_shelves_that_hold_somebody(self, steps: list[tuple[bool, list[int]]]) -> None:
        one = agenda()
        for comes, items in steps:
            if comes:
                one.track(items, [50.0] * len(items))
            else:
                for shelf in one.shelves.values():
                    one.keep(shelf, [item for item in shelf.items if item not in items])
            assert one.pages_left == sum(1 for shelf in one.shelves.values() if shelf.items)

    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)) | st.integers(0, 50)))
    def test_each_is_given_out_once_for_each_time_that_it_is_scheduled(
        self, steps: list[tuple[int, int] | int]
    ) -> None:
        one, wanted = agenda(), dict[int, float]()
        one.shelves.update((number, Shelf(number)) for number in range(10))
        for step in steps:
            if isinstance(step, tuple):
                number, due = step
                one.schedule(one.shelves[number], float(due))
                wanted[number] = due
            else:
                due_now = {number for number, due in wanted.items() if due <= step}
                assert sorted(shelf.number for shelf in one.pop_shelves(float(step))) == sorted(due_now)
                wanted = {number: due for number, due in wanted.items() if number not in due_now}
            assert one.next_due() == min(wanted.values(), default=inf)

    def test_the_first_few_are_scouts(self) -> None:
        one = agenda()
        for item in range(0, 1000, 100):
            one.track([item], [0.0])
        assert [shelf.is_scout for shelf in one.shelves.values()] == [True] * MAX_SCOUTS + [False] * (10 - MAX_SCOUTS)
        assert one.scouts_among([0, 900, 5000]) == [0]

    def test_one_full_scout_is_enough(self) -> None:
        one = agenda()
        for item in range(300):
            one.track([item], [0.0])
        assert [shelf.is_scout for shelf in one.shelves.values()] == [True, False, False]

    def test_the_last_look_at_an_item_is_that_at_its_shelf(self) -> None:
        one = agenda(listed=True)
        one.track([5, 105], [50.0, 50.0])
        one.shelves[0].looked_at = 70.0
        assert [one.last_look(item) for item in (7, 105, 205)] == [70.0, -inf, -inf]

    def test_where_pages_are_scarce_the_next_look_waits(self) -> None:
        one = agenda(interval=2.0)
        shelf = Shelf(0, items=array("I", [5]), newest=50.0, looked_at=60.0)
        assert one.worth_at(shelf, 61.0, crowded=False) == 62.0
        one.spacing = 10.0
        assert one.worth_at(shelf, 61.0, crowded=False) == 70.0

    def test_when_few_are_left_nobody_is_put_off_any_longer(self) -> None:
        one = agenda(interval=2.0)
        one.quiet_cost = 2
        for item in (5, 105, 205, 305):
            one.track([item], [50.0])
        last = one.shelves[3]
        one.pop_shelves(52.0)
        assert last.due > 52.0
        for number, is_over in enumerate((False, True)):
            one.keep(one.shelves[number], ())
            one.shelves[number].due = inf
            one.emptied(52.5)
            assert (last.due == 52.5) is is_over

    def test_a_shelf_that_is_being_read_is_not_due(self) -> None:
        one = agenda()
        one.shelves[0] = Shelf(0, readers=1)
        one.track([5], [50.0])
        assert one.next_due() == inf

    def test_one_that_is_not_worth_a_look_yet_is_put_off(self) -> None:
        one = agenda()
        one.quiet_cost = 0
        shelf = one.shelves[0] = Shelf(0, newest=5.0)
        one.keep(shelf, [1])
        one.schedule(shelf, 10.0)
        assert one.pop_shelves(10.0) == []
        assert shelf.due == 12.0


class TestWorth:
    """When a shelf is worth a look."""

    def worth(self, one: Agenda, shelf: Shelf, now: float, *, crowded: bool = True) -> float:
        return one.worth_at(shelf, now, crowded=crowded)

    def learned(self) -> Agenda:
        one = agenda(interval=2.0, max_interval=60.0)
        for _ in range(100):
            one._curve.add(10.0)
        return one

    def test_where_looks_are_cheap_every_interval(self) -> None:
        assert self.worth(agenda(interval=2.0), Shelf(0, newest=0.0, looked_at=10.0), 11.0, crowded=False) == 12.0

    def test_a_scout_every_interval(self) -> None:
        assert self.worth(self.learned(), Shelf(0, newest=0.0, looked_at=4.0, is_scout=True), 5.0) == 6.0

    def test_first_where_nearly_all_of_it_should_be_down(self) -> None:
        assert self.worth(self.learned(), Shelf(0, newest=100.0), 102.0) == pytest.approx(110.0, rel=0.08)

    def test_first_where_all_but_one_should_be_down_if_that_is_not_much_later(self) -> None:
        for tail, expected in ((14.0, 114.0), (100.0, 116.0)):  # a tail that is much longer is not waited for
            one = self.learned()
            for _ in range(900):
                one._curve.add(10.0)
            for _ in range(5):
                one._curve.add(tail)
            shelf = Shelf(0, newest=100.0)
            shelf.items.extend(range(1000))
            assert self.worth(one, shelf, 102.0) == pytest.approx(expected, abs=1.3)  # a bucket of the curve

    def test_shelves_of_one_tick_are_worth_a_look_together(self) -> None:
        one = self.learned()
        first, second, third = (self.worth(one, Shelf(0, newest=100.0 + late), 102.0) for late in (0.0, 0.001, 0.06))
        assert first == second < third
        assert third - first == pytest.approx(0.05)

    def test_then_where_most_of_the_rest_should_be(self) -> None:
        one = self.learned()
        for _ in range(25):
            one._curve.add(20.0)
        then = self.worth(one, Shelf(0, newest=100.0, looked_at=112.0), 112.0)
        assert then == pytest.approx(120.0, rel=0.08)

    def test_before_anything_is_known_after_an_interval(self) -> None:
        assert self.worth(agenda(interval=2.0), Shelf(0, newest=100.0), 102.0) == 104.0

    def test_an_overdue_one_after_a_part_of_its_age_and_at_the_latest_after_the_longest_interval(self) -> None:
        one = self.learned()
        assert self.worth(one, Shelf(0, newest=0.0, looked_at=79.0), 80.0) == 89.0
        assert self.worth(one, Shelf(0, newest=0.0, looked_at=8000.0), 8000.0) == 8060.0

    def test_an_overdue_one_sooner_where_few_are_left_and_the_account_waits_for_them(self) -> None:
        one = self.learned()
        assert self.worth(one, Shelf(0, newest=0.0, looked_at=79.0), 80.0, crowded=False) == 81.5

    def test_with_a_curve_that_does_not_reach_so_far_after_a_part_of_its_age(self) -> None:
        one = agenda(interval=2.0)
        one._curve.pending = 10
        assert self.worth(one, Shelf(0, newest=0.0, looked_at=24.0), 24.0) == 27.0
