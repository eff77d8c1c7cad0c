"""The ledger's columns: flat arrays with a cell for each item, and what is done to the cells of many items at once.

No object per item: a million items are some thirty bytes each. The items of a batch or a page mostly stand alike, so
a table is asked once for each state among them, and the loops over items do nothing but store.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from orchestrator.engine.cells import cells
from orchestrator.engine.model import Phase
from orchestrator.engine.states import FIRST_FINAL, MOVES, Move, State
from orchestrator.errors import IllegalTransitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from orchestrator.engine.model import Failure

NAN = math.nan
MOST = 255  # counters of one byte stop here


class Columns:
    """Item `i` stands in `state[i]`; the other arrays say what is known of it. `totals` counts items by state."""

    def __init__(self, count: int, *, phase: Callable[[str], Phase]) -> None:
        self.count = count
        self.state = bytearray(count)
        self.claimed = bytearray(count)
        self.sends = bytearray(count)  # requests that reached the service, or may have
        self.tries = bytearray(count)  # of these, refused or lost since the last acceptance
        self.reissues = bytearray(count)
        self.status = array("H", bytes(2 * count))  # index into `words`
        self.first_status = array("H", bytes(2 * count))
        self.accepted_at = array("d", [NAN]) * count  # first acceptance
        self.finished_at = array("d", [NAN]) * count
        self.batch = array("I", bytes(4 * count))  # the last batch that named it, 0: none
        self.words = [""]
        self.request_ids: dict[int, str] = {}  # by batch
        self.failures: dict[int, Failure] = {}  # the last bad word on an item
        self.reaccepted_at: dict[int, float] = {}  # last acceptance, of items that were asked again
        self.totals = [0] * len(State)
        self.totals[State.UNSEEN] = count
        self._phase = phase
        self._phases: list[Phase] = [Phase.ALIEN]
        self._codes = {"": 0}

    @property
    def open(self) -> int:
        """How many items are not final."""
        return sum(self.totals[:FIRST_FINAL])

    @property
    def unanswered(self) -> int:
        """How many are in requests whose answer is not known."""
        return self.totals[State.SENDING] + self.totals[State.AMBIGUOUS]

    def code(self, status: str) -> int:
        """The number that stands for `status` in the arrays."""
        code = self._codes.get(status)
        if code is None:
            code = self._codes[status] = len(self.words)
            self.words.append(status)
            self._phases.append(self._phase(status))
        return code

    def phase_of(self, item: int) -> Phase:
        """What the item's last status means."""
        return self._phases[self.status[item]]

    def in_other_phase(self, items: Collection[int], phase: Phase) -> list[int]:
        """Those of `items` whose last status means something else than `phase`."""
        status, phases = self.status, self._phases
        others = {code for code in set(cells(status, items)) if phases[code] is not phase}
        return [item for item in items if status[item] in others] if others else []

    def accepted_last(self, item: int) -> float:
        """When a request for the item was last accepted; NaN if never."""
        return self.reaccepted_at.get(item, self.accepted_at[item])

    def accepted_lasts(self, items: Sequence[int]) -> Sequence[float]:
        """`accepted_last` of each of `items`."""
        if self.reaccepted_at:
            return list(map(self.accepted_last, items))
        return cells(self.accepted_at, items)

    def open_items(self) -> list[int]:
        """All items that are not final, in input order."""
        return [item for item, state in enumerate(self.state) if state < FIRST_FINAL]

    def by_state(self, items: Sequence[int]) -> Iterable[tuple[int, Sequence[int]]]:
        """`items` in groups of those in the same state: `(state, items)`."""
        state, states = self.state, set(cells(self.state, items))
        if len(states) == 1:
            return [(states.pop(), items)]
        groups: dict[int, list[int]] = {}
        for item in items:
            groups.setdefault(state[item], []).append(item)
        return groups.items()

    def alike(self, items: Sequence[int]) -> list[tuple[int, int, Sequence[int]]]:
        """`items` in groups of those that stand alike: `(state, claimed, items)`."""
        state, claimed = self.state, self.claimed
        states, claims = set(cells(state, items)), set(cells(claimed, items))
        if len(states) == len(claims) == 1:
            return [(states.pop(), claims.pop(), items)]
        groups: dict[tuple[int, int], list[int]] = {}
        for item in items:
            groups.setdefault((state[item], claimed[item]), []).append(item)
        return [(stands, is_claimed, group) for (stands, is_claimed), group in groups.items()]

    def _move(self, items: Collection[int], move: Move) -> None:
        """Move `items`, each named once; raises `IllegalTransitionError`, and changes nothing, if one cannot."""
        table, state = _MOVES[move], self.state
        befores = set(cells(state, items))
        for before in befores:
            if table[before] is None:
                item = next(item for item in items if state[item] == before)
                raise IllegalTransitionError(f"item {item} was {State(before).name}, which cannot {move.value}")
        if len(befores) == 1:
            before = befores.pop()
            self._place(items, before, table[before] or 0)
        else:
            for item in items:
                self._set(item, state[item], table[state[item]] or 0)

    def _place(self, items: Collection[int], before: int, after: int) -> None:
        """Let all of `items`, which stand in `before`, stand in `after`."""
        state = self.state
        for item in items:
            state[item] = after
        self.totals[before] -= len(items)
        self.totals[after] += len(items)

    def _set(self, item: int, before: int, after: int) -> None:
        self.state[item] = after
        self.totals[before] -= 1
        self.totals[after] += 1

    def _count_sends(self, items: Collection[int]) -> None:
        sends = self.sends
        for item in items:
            sends[item] = min(sends[item] + 1, MOST)

    def _count_tries(self, items: Iterable[int]) -> None:
        for item in items:
            self.tries[item] = min(self.tries[item] + 1, MOST)


_MOVES = {move: [table.get(state) for state in State] for move, table in MOVES.items()}
