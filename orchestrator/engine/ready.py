"""The items that may be sent, in the order in which they were seen, and the parts of batches that were spoiled."""

from __future__ import annotations

import math
from array import array
from collections import deque
from typing import TYPE_CHECKING

from orchestrator.engine.cells import cells
from orchestrator.engine.isolation import isolate
from orchestrator.engine.signal import Signal
from orchestrator.engine.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.engine.isolation import Isolation
    from orchestrator.engine.ledger import Ledger

READY = int(State.READY)
_READY = {READY}
LINGER = 5.0  # seconds that a batch which is not full waits while items are seen for the first time
LINGER_FOR_LOOKS = 1.0  # and while refused or lost ones are looked into


class Ready:
    """A queue that batches are taken from. An item that is not `READY` any more is passed over."""

    def __init__(self, ledger: Ledger) -> None:
        self.changed = Signal()  # something changed for who takes from here
        self._surveying = True
        self._ledger = ledger
        self._items = _Queue()
        self._parts: deque[tuple[list[int], Isolation]] = deque()
        self._rests: dict[Isolation, list[int]] = {}  # of parts that were too large to be sent at once
        self._kept_apart: set[int] = set()  # items whose turn an isolation decides

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._items)

    def put(self, items: Sequence[int]) -> None:
        """These may be sent."""
        apart = self._kept_apart
        self._items.put([item for item in items if item not in apart] if apart else items)
        self.changed.give()

    def put_back(self, items: Sequence[int]) -> None:
        """These were taken, did not leave, and go first."""
        self._items.put_first(items)
        self.changed.give()

    def put_part_back(self, part: list[int], isolation: Isolation) -> None:
        """A part that did not leave."""
        self._parts.appendleft((part + self._rests.pop(isolation, []), isolation))
        self.changed.give()

    def spoiled(self, items: Sequence[int]) -> None:
        """A batch was refused for a bad id: take it apart."""
        self._kept_apart.update(items)
        self.step(isolate(items), spoiled=None)

    def step(self, isolation: Isolation, *, spoiled: bool | None) -> None:
        """Go on with an isolation after the answer to its part (`None`: at its beginning)."""
        rest = self._rests.pop(isolation, [])
        if rest and not spoiled:  # nothing is known of the part until the rest of it was tried
            self._parts.appendleft((rest, isolation))
            self.changed.give()
            return
        try:
            part = next(isolation) if spoiled is None else isolation.send(spoiled)
        except StopIteration:
            pass
        else:
            self._parts.append((list(part), isolation))
        self.changed.give()

    def release(self, items: Sequence[int]) -> None:
        """These are through with isolation."""
        self._kept_apart.difference_update(items)

    def survey_is_over(self) -> None:
        """Every item was looked for in the list; those that it does not show are looked at singly."""
        self._surveying = False
        self.changed.give()

    def patience(self, batch_size: int) -> float:
        """Seconds that a batch may wait to be filled; 0.0: take it now, `inf`: there is nothing to take."""
        if self._parts or len(self._items) >= batch_size:
            return 0.0
        if not self._items:
            return math.inf
        totals = self._ledger.totals
        if self._surveying or totals[State.UNSEEN] + totals[State.MISSING]:
            return LINGER
        if totals[State.REFUSED] + totals[State.AMBIGUOUS]:
            return LINGER_FOR_LOOKS
        return 0.0

    def take(self, size: int, *, fresh: float = math.inf) -> tuple[list[int], Isolation | None]:
        """The next batch, of `size` items at most: may be empty. With an isolation if it is of a part of one.

        A part that is larger is sent piece by piece: it is spoiled with the first piece that is. Else at most `fresh`
        of them are items that no request has reached yet; the others of these wait on.
        """
        state = self._ledger.state
        while self._parts and size > 0:
            part, isolation = self._parts.popleft()
            fit = [item for item in part if state[item] == State.READY]
            self.release([item for item in part if state[item] != State.READY])
            if fit:
                if len(fit) > size:
                    self._rests[isolation] = fit[size:]
                return fit[:size], isolation
            self.step(isolation, spoiled=False)  # all of them were seen over meanwhile
        if fresh == math.inf and not self._kept_apart:
            batch = self._items.take(size)
            if len(set(batch)) == len(batch) and set(cells(state, batch)) <= _READY:  # as nearly always
                return batch, None
            self._items.put_first(batch)
        return self._sift(size, fresh=fresh), None

    def _sift(self, size: int, *, fresh: float) -> list[int]:
        """The next `size` items of the queue that may go: each once."""
        state = self._ledger.state
        batch: dict[int, None] = {}  # an item seen in one actionable status after another stands in the queue twice
        waiting: list[int] = []
        while self._items and len(batch) < size:
            fit = [item for item in self._items.take(size - len(batch)) if state[item] == READY]
            if self._kept_apart:
                fit = [item for item in fit if item not in self._kept_apart]
            if fresh < math.inf:
                going = [item for item in fit if item not in batch and self._ledger.sends[item]]
                new = [item for item in dict.fromkeys(fit) if item not in batch and not self._ledger.sends[item]]
                allowed = max(0, int(fresh))
                waiting += new[allowed:]
                fit = [*going, *new[:allowed]]
                fresh -= min(allowed, len(new))
            batch.update(dict.fromkeys(fit))
        self._items.put_first(waiting)
        return list(batch)


class _Queue:
    """Items in line, four bytes each: nearly all may wait here while the survey is ahead of the quota."""

    def __init__(self) -> None:
        self._groups: deque[array[int]] = deque()
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def put(self, items: Sequence[int]) -> None:
        """To the end."""
        self._groups.append(array("I", items))
        self._waiting += len(items)

    def put_first(self, items: Sequence[int]) -> None:
        """To the front, in their order."""
        self._groups.appendleft(array("I", items))
        self._waiting += len(items)

    def take(self, most: int) -> list[int]:
        """So many from the front, or all there are."""
        taken: list[int] = []
        while self._groups and len(taken) < most:
            group = self._groups.popleft()
            room = most - len(taken)
            taken += group[:room]
            if len(group) > room:
                self._groups.appendleft(group[room:])
        self._waiting -= len(taken)
        return taken
