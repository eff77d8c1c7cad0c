"""The list of tasks in its order, which many readers page through while a few leave and join."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate, islice

BLOCK = 2048


class Roll:
    """Numbers in ascending order, in blocks: a page is found by offset without counting through the rest."""

    def __init__(self, numbers: Iterable[int]) -> None:
        iterator = iter(numbers)
        self._blocks: list[array[int]] = []
        while block := array("I", islice(iterator, BLOCK)):
            self._blocks.append(block)
        self._ends: list[int] | None = None  # how many stand up to the end of each block, when known

    def __len__(self) -> int:
        ends = self._known_ends()
        return ends[-1] if ends else 0

    def append(self, number: int) -> None:
        """Let the newest task join at the end."""
        if not self._blocks or len(self._blocks[-1]) >= BLOCK:
            self._blocks.append(array("I"))
        self._blocks[-1].append(number)
        self._ends = None

    def remove(self, number: int) -> bool:
        """Let a task leave; False if it does not stand in the list."""
        where = bisect_left(self._blocks, number, key=lambda block: block[-1])
        if where == len(self._blocks):
            return False
        block = self._blocks[where]
        place = bisect_left(block, number)
        if block[place] != number:
            return False
        del block[place]
        if not block:
            del self._blocks[where]
        self._ends = None
        return True

    def page(self, offset: int, limit: int, *, newest_first: bool) -> list[int]:
        """Give up to `limit` numbers from the `offset`-th on."""
        size = len(self)
        offset = min(offset, size)
        limit = min(limit, size - offset)
        if not newest_first:
            return self._slice(offset, limit)
        found = self._slice(size - offset - limit, limit)
        found.reverse()
        return found

    def everyone(self, *, newest_first: bool) -> list[int]:
        """Give the whole list."""
        return self.page(0, len(self), newest_first=newest_first)

    def _slice(self, start: int, count: int) -> list[int]:
        ends = self._known_ends()
        where = bisect_right(ends, start)
        found: list[int] = []
        while len(found) < count:
            block = self._blocks[where]
            place = start + len(found) - (ends[where] - len(block))
            found += block[place : place + count - len(found)]
            where += 1
        return found

    def _known_ends(self) -> list[int]:
        if self._ends is None:
            self._ends = list(accumulate(map(len, self._blocks)))
        return self._ends
