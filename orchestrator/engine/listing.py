"""Reads a whole list once, by several workers, although strangers create and delete items meanwhile.

Pages overlap by a few records. If the end of one page is found on the next, nothing was passed over between them. If
it is not (too many before it were deleted in between), the stretch around the seam is read once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchestrator.engine.visit import side_by_side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from orchestrator.engine.model import Page

    ReadPage = Callable[[int, int], Awaitable[Page]]  # offset, limit

OVERLAP: Final = 10  # records that two neighbours share
SMALLEST: Final = 2 * OVERLAP  # a service whose pages are shorter still is read without overlap


@dataclass(slots=True)
class _Edges:
    """What is kept of a page until its neighbours are there."""

    tail: frozenset[str]  # the ids at its end
    ids: frozenset[str] | None  # all of them


class Listing:
    """`read` is asked for pages and keeps what it needs of them; an item may come more than once."""

    def __init__(self, read: ReadPage, *, page_size: int, workers: int) -> None:
        self.pages = 0  # read
        self.mended = 0  # seams that did not fit
        self._read_page = read
        self._size = page_size
        self._workers = workers
        self._total: float = math.inf
        self._edges: dict[int, _Edges] = {}
        self._broken: list[int] = []

    @property
    def _stride(self) -> int:
        return self._size - OVERLAP if self._size > SMALLEST else self._size

    async def run(self) -> None:
        """Read it all. Raises what `read` raises."""
        number = 0
        is_full = True
        while is_full and self._total == math.inf:  # one by one, until somebody says how long it is
            is_full = await self._page(number) or (number == 0 and await self._goes_on())
            number += 1
        if is_full:
            overlap = self._size - self._stride
            numbers = range(number, math.ceil(max(0.0, self._total - overlap) / self._stride))
            full: dict[int, bool] = {}

            async def read(each: int) -> None:
                full[each] = await self._page(each)

            await side_by_side(numbers, read, workers=self._workers)
            number = max(number, numbers.stop)
            while full.get(number - 1, False):  # it has grown meanwhile
                full[number] = await self._page(number)
                number += 1
        for offset in self._broken:
            self.mended += 1
            await self._read(offset)

    async def _page(self, number: int) -> bool:
        """Read one page. Returns whether there may be one after it."""
        offset = number * self._stride
        page = await self._read(offset)
        rows = len(page.ids)
        if page.count is not None and page.count > rows:
            self._total = max(page.count, 0 if self._total == math.inf else self._total)
            if number == 0 and 0 < rows < self._size and rows < page.count:
                self._size = rows  # the service gives shorter pages than were asked for
        self._note(number, page.ids)
        return rows >= self._size

    async def _goes_on(self) -> bool:
        """Whether there is something behind a short first page: the service may give shorter ones than asked for."""
        rows = len(self._edges[0].ids or ())
        if not rows or not (await self._read(rows)).ids:
            return False
        self._size = rows
        return True

    async def _read(self, offset: int) -> Page:
        self.pages += 1
        return await self._read_page(offset, self._size)

    def _note(self, number: int, ids: Sequence[str]) -> None:
        """Check the seams of this page with the neighbours that are there, and keep its edges for the others."""
        named = [item_id for item_id in ids if item_id]
        self._edges[number] = _Edges(tail=frozenset(named[-OVERLAP:]), ids=frozenset(named))
        for left in (number - 1, number):
            self._check(left)

    def _check(self, left: int) -> None:
        before, after = self._edges.get(left), self._edges.get(left + 1)
        if before is None or after is None or after.ids is None:
            return
        is_whole = self._stride == self._size or not after.ids or not before.tail.isdisjoint(after.ids)
        if not is_whole:
            self._broken.append(max(0, (left + 1) * self._stride - self._size // 2))
        after.ids = None  # its seam to the left was all that they were kept for
