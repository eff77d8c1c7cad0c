"""Isolation: a batch that was refused for a bad id is taken apart until every bad id stands alone.

Group testing (https://en.wikipedia.org/wiki/Group_testing, generalized binary splitting): groups are tried one after
the other; in a spoiled one the first bad id is found by halving, and what stands behind it is tried anew. A half is
known to be spoiled without asking where the other one was clean. The more bad ids turned up so far, the smaller the
groups. For a batch of 50, whichever ids are bad, that costs at most 12 further requests with one bad id, 51 with ten
and 59 when all are.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TypeAlias

Part: TypeAlias = Sequence[int]
Isolation: TypeAlias = Generator[Part, bool, None]  # yields a part to send, is sent whether it was spoiled

# The group's size, by how many ids there were for each bad one so far. Found by playing the worst case out exactly.
SIZES = ((16.0, 8), (3.5, 4), (2.5, 2))
HEAD_START = 6  # ids counted as good in advance, so that the first bad ones do not weigh too much


def isolate(items: Part) -> Isolation:
    """Take a part that is known to be spoiled apart. A yielded single is asked alone: its answer is its own."""
    cleared = found = 0
    while cleared < len(items):
        group = items[cleared : cleared + group_size(cleared, found)]
        # Where all the others are clean the last group must be the spoiled one.
        is_asked = found > 0 or cleared + len(group) < len(items)
        if is_asked and not (yield group):
            cleared += len(group)
            continue
        cleared += 1 + (yield from _first_bad(group, is_asked=is_asked))
        found += 1


def group_size(cleared: int, found: int) -> int:
    """How many ids to try at once, after `found` bad ones among `cleared`."""
    if not found:
        return SIZES[0][1]
    ratio = (cleared + HEAD_START) / found
    return next((size for least, size in SIZES if ratio >= least), 1)


def _first_bad(part: Part, *, is_asked: bool) -> Generator[Part, bool, int]:
    """Find the first bad one of a spoiled part: how many stand before it. All of those are clean."""
    before = 0
    while len(part) > 1:
        middle = (len(part) + 1) // 2
        if (yield part[:middle]):
            part, is_asked = part[:middle], True
        else:
            part, is_asked = part[middle:], False
            before += middle
    if not is_asked:
        yield part  # known by inference only: it is asked alone before anything is said of it
    return before
