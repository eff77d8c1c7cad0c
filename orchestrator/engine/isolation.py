"""Isolation: a batch that was refused for a bad id is split until the bad id stands alone.

Halves, sequentially: when the first half is clean the second is known to be spoiled without asking. Where both halves
are spoiled twice in a row the batch is crowded with bad ids, and pairs are cheaper than halves; where most pairs are
spoiled too, singles are. For a batch of 50 that costs at most 13 further requests with one bad id, 51 with ten.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TypeAlias

Part: TypeAlias = Sequence[int]
Isolation: TypeAlias = Generator[Part, bool, None]  # yields a part to send, is sent whether it was spoiled

SMALL = 3  # a spoiled part of so many goes in singles
CROWDED = 2  # levels in a row with both halves spoiled before pairs are tried
ENOUGH_PAIRS = 4  # pairs tried before they are judged


def isolate(items: Part, *, crowded: int = 0) -> Isolation:
    """Take a part that is known to be spoiled apart. A yielded single is asked alone: its answer is its own."""
    if len(items) <= SMALL:
        yield from _singles(items)
        return
    if crowded >= CROWDED:
        yield from _pairs(items)
        return
    middle = (len(items) + 1) // 2
    first, second = items[:middle], items[middle:]
    first_spoiled = yield first
    second_spoiled = (yield second) if first_spoiled else True
    crowded = crowded + 1 if first_spoiled and second_spoiled else 0
    for part, spoiled in ((first, first_spoiled), (second, second_spoiled)):
        if spoiled and len(part) > 1:
            yield from isolate(part, crowded=crowded)
        elif spoiled and not first_spoiled:
            yield part  # known by inference only: it is asked alone before anything is said of it


def _singles(items: Part) -> Isolation:
    for item in items:
        yield [item]


def _pairs(items: Part) -> Isolation:
    bad = 0
    for tried, start in enumerate(range(0, len(items), 2)):
        pair = items[start : start + 2]
        if tried >= ENOUGH_PAIRS and 2 * bad > tried:
            yield from _singles(items[start:])
            return
        spoiled = yield pair
        if spoiled and len(pair) > 1:
            bad += 1
            yield from _singles(pair)
