"""The cells of many items in a flat column, read at once: what the loops over pages and batches are made of."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

T = TypeVar("T")


def cells(column: Sequence[T], items: Collection[int]) -> Sequence[T]:
    """`column[item]` of each of `items`, in their order; of neighbours (a range) in the cheapest way."""
    if isinstance(items, range) and items.step == 1 and items.start >= 0:
        return column[items.start : items.stop]
    if len(items) < 2:  # noqa: PLR2004  # of one, `itemgetter` gives no tuple
        return [column[item] for item in items]
    found: Sequence[T] = itemgetter(*items)(column)  # a third of what `map(column.__getitem__, items)` takes
    return found
