"""Where in the service's list each item stands, and how the list drifts while strangers come and go."""

from __future__ import annotations

from array import array
from statistics import median_low
from typing import TYPE_CHECKING

from orchestrator.engine.cells import cells
from orchestrator.engine.ids import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOWHERE = -(1 << 31)
SAMPLES = 9  # known items of a page by which its drift is measured


class Places:
    """`expected(item)` is where the list should hold it now: where it was last seen, moved by the drift since."""

    def __init__(self, count: int, page_size: int) -> None:
        self.page_size = page_size
        self.drift = 0  # how far the list has moved since the first page was read
        self._at = array("i", [NOWHERE]) * count  # place as it would have been before any drift; may be below 0
        self._stood = array("i")  # by such a place, who was last seen there

    def is_known(self, item: int) -> bool:
        """Whether the item was ever seen in the list."""
        return self._at[item] != NOWHERE

    def expected(self, item: int) -> int:
        """The record index at which the list should hold the item; only for known ones."""
        return max(0, self._at[item] + self.drift)

    def all_expected(self, items: Sequence[int]) -> dict[int, int]:
        """`expected` of each of `items` that was ever seen in the list."""
        drift, places = self.drift, dict(zip(items, cells(self._at, items), strict=True))
        if not drift and min(places.values(), default=0) >= 0:  # as mostly
            return places
        return {item: max(0, place + drift) for item, place in places.items() if place != NOWHERE}

    def shared_shelf(self, items: Sequence[int]) -> int | None:
        """The shelf to which all of `items` belong; None if there is none, or if any of them is unknown."""
        size = self.page_size
        if not items:
            return None
        places = cells(self._at, items)
        first, last = min(places), max(places)
        return first // size if first != NOWHERE and first // size == last // size else None

    def shelves(self, items: Sequence[int]) -> list[int]:
        """The stretch of the list, one page long, to which each of `items` belongs; `NOWHERE` for an unknown one."""
        size = self.page_size
        return [place if place == NOWHERE else place // size for place in cells(self._at, items)]

    def note(self, items: Sequence[int], places: Sequence[int]) -> int:
        """Take note of where items were found just now. Returns how far the list moved since the last time."""
        at = self._at
        step = max(1, len(items) // SAMPLES)
        moved = [
            place - self.expected(item)
            for item, place in zip(items[::step], places[::step], strict=True)
            if at[item] != NOWHERE
        ]
        shift = median_low(moved) if moved else 0
        self.drift += shift
        drift = self.drift
        for item, place in zip(items, places, strict=True):
            at[item] = place - drift
        return shift

    def remember(self, items: Sequence[int], offset: int) -> None:
        """These are the rows of the page at `offset`, `ABSENT` where it is a stranger's; their places are noted."""
        stood, start = self._stood, offset - self.drift
        if start >= 0:
            stood.extend(array("i", [ABSENT]) * (start - len(stood)))
            stood[start : start + len(items)] = array("i", items)

    def neighbours(self, item: int, row: int, rows: int) -> Sequence[int]:
        """Who stood around `item`, if that is in `row` of as many rows: a guess. Empty where nobody knows."""
        start = self._at[item] - row
        stood = self._stood[start : start + rows] if start >= 0 else ()
        return stood if len(stood) == rows else ()

    def recall(self, items: Iterable[int], offset: int) -> None:
        """These were on the page at `offset` in an attempt before: a first guess where they are."""
        middle = offset + self.page_size // 2
        for item in items:
            self._at[item] = middle

    def forget(self, item: int) -> None:
        """The item was not where it should be: it is looked for singly from now on."""
        self._at[item] = NOWHERE
