"""Promises of the queue: batches are full where that costs no time, and a spoiled one is taken apart once."""

from __future__ import annotations

from itertools import count, islice
from math import inf
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Phase
from orchestrator.engine.ready import LINGER, LINGER_FOR_LOOKS, Ready
from orchestrator.engine.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence


def queue(count: int, *, state: State = State.READY) -> tuple[Ready, Ledger]:
    ledger = Ledger(count, phase=lambda _: Phase.ALIEN)
    for item in range(count):
        ledger._set(item, State.UNSEEN, state)
    return Ready(ledger), ledger


def put(ready: Ready, items: Sequence[int]) -> None:
    before = ready.changed.event
    ready.put(items)
    assert before.is_set()


class TestPatience:
    def test_nothing_is_waited_for_without_end(self) -> None:
        ready, _ = queue(3)
        assert ready.patience(2) == inf

    def test_a_full_batch_goes_at_once(self) -> None:
        ready, _ = queue(3)
        put(ready, [0, 1])
        assert ready.patience(2) == 0.0

    def test_a_rest_waits_while_more_may_come(self) -> None:
        ready, ledger = queue(3)
        put(ready, [0])
        assert ready.patience(2) == LINGER
        ready.survey_is_over()
        assert ready.patience(2) == 0.0
        ledger._set(1, State.READY, State.MISSING)
        assert ready.patience(2) == LINGER
        ledger._set(1, State.MISSING, State.REFUSED)
        assert ready.patience(2) == LINGER_FOR_LOOKS


class TestTaking:
    def test_in_order_and_no_more_than_allowed(self) -> None:
        ready, _ = queue(5)
        put(ready, [3, 1, 4])
        assert ready.take(0) == ([], None)
        assert ready.take(2) == ([3, 1], None)
        ready.put_back([3, 1])
        assert ready.take(9) == ([3, 1, 4], None)
        assert ready.take(9) == ([], None)

    def test_who_is_not_ready_any_more_is_passed_over(self) -> None:
        ready, ledger = queue(3)
        put(ready, [0, 1, 2])
        ledger._set(1, State.READY, State.ALREADY)
        assert ready.take(9) == ([0, 2], None)

    def test_one_that_stands_there_twice_goes_once(self) -> None:
        ready, _ = queue(3)
        put(ready, [0, 1, 0])
        assert ready.take(9) == ([0, 1], None)

    def test_who_was_asked_for_before_passes_those_who_may_not_begin_yet(self) -> None:
        ready, ledger = queue(6)
        put(ready, [0, 1, 2, 3, 4, 5])
        ledger.sends[2] = ledger.sends[5] = 1
        assert ready.take(2, fresh=1) == ([0, 2], None)
        assert ready.take(9, fresh=0) == ([5], None)
        assert ready.take(9) == ([1, 3, 4], None)

    @given(st.lists(st.tuples(st.sampled_from(["put", "put_back", "take"]), st.integers(0, 9))))
    def test_it_is_one_line_however_it_was_put_in_it(self, steps: list[tuple[str, int]]) -> None:
        ready, _ = queue(1_000)
        line: list[int] = []
        numbers = count()
        for step, size in steps:
            if step == "take":
                assert ready.take(size) == (line[:size], None)
                del line[:size]
            else:
                items = list(islice(numbers, size))
                line = [*line, *items] if step == "put" else [*items, *line]
                getattr(ready, step)(items)
            assert (ready.patience(1) == 0.0) == bool(line)


class TestSpoiled:
    def test_its_parts_go_first_and_its_items_nowhere_else(self) -> None:
        ready, _ = queue(20)
        ready.spoiled(list(range(10)))
        put(ready, [5, 15])
        part, isolation = ready.take(50)
        assert isolation is not None
        assert part == list(range(8))
        ready.put_part_back(part, isolation)
        assert ready.take(50) == (part, isolation)
        ready.release(part)
        ready.step(isolation, spoiled=False)
        assert ready.patience(50) == 0.0
        assert ready.take(50)[0] == [8]
        assert ready.take(50) == ([15], None)

    def test_a_part_is_not_taken_while_nothing_may_go(self) -> None:
        ready, _ = queue(4)
        ready.spoiled([0, 1, 2, 3])
        assert ready.take(0) == ([], None)
        assert ready.take(50)[0] == [0, 1]

    def test_who_went_down_meanwhile_is_left_out_of_it(self) -> None:
        ready, ledger = queue(4)
        ready.spoiled([0, 1, 2, 3])
        ledger._set(0, State.READY, State.ALREADY)
        assert ready.take(50)[0] == [1]

    def test_where_all_of_a_part_went_down_the_next_part_is_taken(self) -> None:
        ready, ledger = queue(4)
        ready.spoiled([0, 1, 2, 3])
        for item in (0, 1):
            ledger._set(item, State.READY, State.ALREADY)
        assert ready.take(50)[0] == [2]

    def test_where_all_of_it_went_down_nothing_is_left(self) -> None:
        ready, ledger = queue(4)
        ready.spoiled([0, 1, 2, 3])
        for item in range(4):
            ledger._set(item, State.READY, State.ALREADY)
        assert ready.take(50) == ([], None)
        assert ready.patience(50) == inf


class TestPieces:
    """A part that is larger than the guards allow is sent piece by piece, and its isolation is told of the whole."""

    def taken_apart(self, count: int) -> Ready:
        ready, _ = queue(count)
        put(ready, range(count))
        ready.take(count)
        ready.spoiled(list(range(count)))
        return ready

    def test_all_pieces_clean_is_the_part_clean(self) -> None:
        ready = self.taken_apart(20)
        pieces = []
        for _ in range(3):
            piece, isolation = ready.take(3)
            assert isolation is not None
            pieces.append(piece)
            ready.release(piece)
            ready.step(isolation, spoiled=False)
        assert pieces == [[0, 1, 2], [3, 4, 5], [6, 7]]
        assert ready.take(3)[0] == [8, 9, 10]  # the next part

    def test_a_spoiled_piece_spoils_the_part(self) -> None:
        ready = self.taken_apart(20)
        _, isolation = ready.take(3)
        assert isolation is not None
        ready.step(isolation, spoiled=True)
        assert ready.take(9)[0] == [0, 1, 2, 3]  # a half of it

    def test_a_piece_that_did_not_leave_is_joined_to_the_rest(self) -> None:
        ready = self.taken_apart(20)
        piece, isolation = ready.take(3)
        assert isolation is not None
        ready.put_part_back(piece, isolation)
        assert ready.take(9) == ([0, 1, 2, 3, 4, 5, 6, 7], isolation)
