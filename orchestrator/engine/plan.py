"""The plan of one round: the cheapest requests that cover the items now due. Plain functions over plain values."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FEW = 3  # so many on a page, or fewer: single looks cost the service less than a page of a thousand


@dataclass(frozen=True, slots=True)
class PageLook:
    """Read the list from `offset`, to see `items` there."""

    offset: int
    items: Sequence[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask: pages, and items to look at singly."""

    pages: Sequence[PageLook]
    singles: Sequence[int]

    @property
    def cost(self) -> int:
        """Requests."""
        return len(self.pages) + len(self.singles)


def cover(due: Mapping[int, int], page_size: int, *, few: int = FEW) -> Plan:
    """Cover `due`, the items and where in the list they are expected, by pages and single looks.

    Windows are laid from the left, which takes the fewest pages possible; a window with `few` items or fewer becomes
    single looks. With `few=1` the cost is never above the better of all pages and all singles.
    """
    pages: list[PageLook] = []
    singles: list[int] = []
    for first, last, items in _windows(due, page_size):
        if len(items) <= few:
            singles.extend(items)
        else:
            spare = page_size - 1 - (last - first)  # room on the page, shared between its ends
            pages.append(PageLook(max(0, first - spare // 2), items))
    return Plan(pages, singles)


def _windows(due: Mapping[int, int], page_size: int) -> Iterator[tuple[int, int, list[int]]]:
    """The first place, the last, and the items of each window."""
    first, last = min(due.values(), default=0), max(due.values(), default=-1)
    if last - first < page_size:  # as mostly while shelf after shelf becomes due: nothing is to be sorted
        yield first, last, list(due)
        return
    ordered = sorted(due, key=due.__getitem__)
    places = sorted(due.values())
    start = 0
    while start < len(ordered):
        end = bisect_left(places, places[start] + page_size, lo=start)
        yield places[start], places[end - 1], ordered[start:end]
        start = end


def is_listing_cheaper(*, unseen: int, pages_left: float, pages_read: int, found_lately: float = 0.0) -> bool:
    """Whether to read on in the list, or to look at the `unseen` items singly.

    While nobody says how long the list is (`pages_left` infinite), pages are read until they have cost as much as the
    single looks would: then neither way costs more than twice the better one. And they are read on as long as the last
    ones showed more than one item each (`found_lately`, on average): so many single looks would have cost more.
    """
    if pages_left == float("inf"):
        return pages_read < unseen or (found_lately > 1.0 and unseen > 1)
    return pages_left < unseen
