"""Promises of the places: where an item stands is known, and drift is followed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.ids import ABSENT
from orchestrator.engine.places import NOWHERE, Places


class TestPlaces:
    def test_nobody_is_anywhere_at_first(self) -> None:
        places = Places(3, 100)
        assert not places.is_known(1)
        assert places.shelves([1]) == [NOWHERE]

    def test_where_it_was_seen_is_where_it_is_expected(self) -> None:
        places = Places(3, 100)
        assert places.note([0, 2], [5, 250]) == 0
        assert (places.expected(0), places.expected(2)) == (5, 250)
        assert places.shelves([0, 1, 2]) == [0, NOWHERE, 2]

    def test_what_one_page_shows_of_the_drift_is_expected_of_all(self) -> None:
        places = Places(300, 100)
        places.note(range(300), range(300))
        assert places.note(range(100), range(7, 107)) == 7
        assert places.expected(250) == 257
        assert places.shelves([250]) == [2]  # it stays on its shelf: those of one shelf are looked at together

    def test_the_list_may_shrink_before_its_beginning(self) -> None:
        places = Places(10, 100)
        places.note(range(10), range(10))
        places.note([9], [2])
        assert places.drift == -7
        assert places.expected(3) == 0

    def test_of_many_only_those_are_expected_anywhere_that_were_seen(self) -> None:
        places = Places(5, 100)
        places.note([0, 1, 2, 3], [5, 7, 9, 1])
        places.forget(1)
        assert places.all_expected([3, 1, 0, 4]) == {3: 1, 0: 5}
        places.note([2], [5])
        assert places.drift == -4
        assert places.all_expected([3, 1, 0, 2, 4, 0]) == {3: 0, 0: 1, 2: 5}
        assert places.all_expected([]) == {}

    def test_a_newcomer_at_the_front_of_a_list_that_grew_is_found_where_it_was_seen(self) -> None:
        places = Places(10, 100)
        places.note(range(9), range(9))
        places.note([0], [500])
        places.note([9], [3])
        assert places.expected(9) == 3
        assert places.is_known(9)
        assert places.shelves([9]) != [NOWHERE]

    def test_a_few_that_moved_by_themselves_do_not_count_as_drift(self) -> None:
        places = Places(100, 100)
        places.note(range(100), range(100))
        moved = [number if number % 10 else number + 60 for number in range(100)]
        assert places.note(range(1, 100, 2), moved[1::2]) == 0

    def test_the_forgotten_is_nowhere(self) -> None:
        places = Places(2, 100)
        places.note([0], [5])
        places.forget(0)
        assert not places.is_known(0)
        assert places.shelves([0]) == [NOWHERE]
        assert places.note([], []) == 0

    def test_what_the_attempt_before_saw_is_a_first_guess(self) -> None:
        places = Places(2, 100)
        places.recall([1], 300)
        assert places.expected(1) == 350
        assert places.shelves([1]) == [3]

    def test_who_stood_around_an_item_is_remembered_through_any_drift(self) -> None:
        places = Places(5, 100)
        assert places.neighbours(3, 0, 1) == ()
        places.note([4, 3, 1], [200, 201, 203])
        places.remember([4, 3, ABSENT, 1], 200)
        assert list(places.neighbours(3, 1, 4)) == [4, 3, ABSENT, 1]
        assert list(places.neighbours(3, 3, 5)) == [ABSENT, ABSENT, 4, 3, ABSENT]
        places.note([4, 3, 1], [207, 208, 210])
        places.remember([4, 3, ABSENT, 1], 207)
        assert list(places.neighbours(1, 3, 4)) == [4, 3, ABSENT, 1]

    def test_nobody_knows_who_stands_beyond_what_was_read(self) -> None:
        places = Places(5, 100)
        places.note([1, 2], [0, 1])
        places.remember([1, 2], 0)
        assert list(places.neighbours(2, 1, 2)) == [1, 2]
        assert len(places.neighbours(2, 2, 2)) == 0  # a stranger is before them now
        assert len(places.neighbours(2, 0, 2)) == 0
        assert len(places.neighbours(0, 0, 2)) == 0

    def test_rows_before_what_was_the_beginning_are_not_remembered(self) -> None:
        places = Places(5, 100)
        places.note([1, 2], [0, 1])
        places.note([1, 2], [4, 5])
        places.remember([3, ABSENT, ABSENT, 0, 1, 2], 0)
        assert len(places.neighbours(1, 4, 6)) == 0

    @given(st.lists(st.integers(-50, 50), max_size=20))
    def test_any_drift_is_followed_page_by_page(self, shifts: list[int]) -> None:
        """Strangers come and go between two readings: afterwards everybody is expected where he is."""
        places, base = Places(50, 100), 2000
        places.note(range(50), range(base, base + 50))
        for shift in shifts:
            base += shift
            assert places.note(range(50), range(base, base + 50)) == shift
            assert [places.expected(item) for item in range(50)] == list(range(base, base + 50))
