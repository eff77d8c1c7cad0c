"""The ids of a run, packed: a sequence that also finds each of its texts, at a third of what a list and a dict take.

All texts stand in one long text. What finds them is a table of item numbers, the hash of a text being where to begin
to look (open addressing, linear probing). A number in the table is no more than a guess, and so is what stood at a
place of the service's list the last time: either is compared with the text's own hash before it is believed, all 64
bits of it, at a third of what it takes to cut the text out. Two texts share one with a chance of 1 to 10^19, and only
the one that the guess is about would matter. That is done for many texts at once; only where the guess was wrong is it
a matter of one text after the other. Who is taken in is compared by his text: of two ids none is lost.
"""

from __future__ import annotations

import hashlib
import reprlib
import sys
from array import array
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate, chain, compress, count, islice, pairwise, repeat
from operator import eq, ne
from typing import TYPE_CHECKING, Final, overload

from orchestrator.engine.cells import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ABSENT: Final = -1  # the item that no id is
STRETCH: Final = 4096  # texts that are made at a time

_SMALLEST: Final = 1 << 16  # slots
_FULL: Final = 3 / 5  # of the slots: with more in use, too many guesses would be wrong
_SORTED_AT_ONCE: Final = 1 << 18  # about so many texts are held to be sorted
_SAMPLES: Final = 64  # texts by which it is guessed where the range of so many ends
_NO_HASH: Final = -1  # no text has it


def _wide_hash(text: str) -> int:
    """What `hash` is on most machines, on one whose own has 32 bits: there two of a million ids would share theirs."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


_hash = hash if sys.hash_info.width >= 64 else _wide_hash  # noqa: PLR2004  # bits


class PackedIds(Sequence[str]):
    """Unique texts, none of them empty, in the order in which they came; `ids[item]` is made when it is asked for."""

    __slots__ = ("_hashes", "_slots", "_starts", "_text", "_width")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._text = ""
        self._starts = array("I", [0])  # of each item in `_text`, and the end of the last
        self._width: int | None = None  # of every text, 0 where they differ: few services mix the lengths of their ids
        self._hashes = array("q", [_NO_HASH])  # of each item, and of `ABSENT`
        self._slots = array("i", [ABSENT]) * _SMALLEST
        rest = iter(texts)
        while stretch := list(islice(rest, STRETCH)):
            self.extend(stretch)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> list[str]: ...
    def __getitem__(self, item: int | slice) -> str | list[str]:
        chosen = range(len(self))[item]
        return self._at(chosen) if isinstance(chosen, int) else self.texts(chosen)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), STRETCH):
            yield from self[start : start + STRETCH]

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self.item_of(text) != ABSENT

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"{type(self).__name__}({reprlib.repr(self[:7])})"

    def texts(self, items: Iterable[int]) -> list[str]:
        """The id of each of `items`; that of `ABSENT` is empty (from the end of all texts to their beginning)."""
        text, starts, width = self._text, self._starts, self._width
        if width:
            return [text[item * width : item * width + width] for item in items]
        if isinstance(items, range) and items.step == 1 and items.start >= 0:  # neighbours
            return [text[start:end] for start, end in pairwise(starts[items.start : items.stop + 1])]
        return [text[starts[item] : starts[item + 1]] for item in items]

    def find(self, texts: Sequence[str], guesses: Sequence[int] = ()) -> list[int]:
        """The item of each of `texts`, `ABSENT` where there is none. Good `guesses`, one for each, make it quicker."""
        if not guesses:
            return self._find_by_hash(texts)
        found = list(guesses)
        wrong = self._mistaken(found, list(map(_hash, texts)))
        for row, item in zip(wrong, self._find_by_hash([texts[row] for row in wrong]), strict=True):
            found[row] = item
        return found

    def _find_by_hash(self, texts: Sequence[str]) -> list[int]:
        slots, held, mask, hashes = self._slots, self._hashes, len(self._slots) - 1, list(map(_hash, texts))
        found = list(cells(slots, [own & mask for own in hashes]))
        for row in self._mistaken(found, hashes):
            item, own = found[row], hashes[row]
            slot = own & mask
            while item != ABSENT and held[item] != own:
                slot = (slot + 1) & mask
                item = slots[slot]
            found[row] = item
        return found

    def _mistaken(self, items: Sequence[int], hashes: Sequence[int]) -> list[int]:
        """The rows whose item has not the hash that it should have."""
        held = list(cells(self._hashes, items))
        return list(compress(count(), map(ne, held, hashes))) if held != hashes else []

    def item_of(self, text: str) -> int:
        """The item whose id is `text`, or `ABSENT`."""
        everything, starts, slots = self._text, self._starts, self._slots
        mask = len(slots) - 1
        slot = _hash(text) & mask
        while (item := slots[slot]) != ABSENT and everything[starts[item] : starts[item + 1]] != text:
            slot = (slot + 1) & mask
        return item

    def extend(self, texts: Sequence[str]) -> list[str]:
        """Take in those of `texts` that are new, each once; returns them."""
        self.expect(len(texts))
        slots, hashes, mask, first = self._slots, self._hashes, len(self._slots) - 1, len(self)
        new = first
        fresh: list[str] = []
        hashes.pop()
        for text, own in zip(texts, map(_hash, texts)):  # noqa: B905  # one for each
            slot = own & mask
            while (item := slots[slot]) != ABSENT:
                if own == hashes[item] and text == (self._at(item) if item < first else fresh[item - first]):
                    break
                slot = (slot + 1) & mask
            else:
                slots[slot] = new
                hashes.append(own)
                fresh.append(text)
                new += 1
        hashes.append(_NO_HASH)
        self._append(fresh)
        return fresh

    def _at(self, item: int) -> str:
        return self._text[self._starts[item] : self._starts[item + 1]]

    def _append(self, texts: Sequence[str]) -> None:
        lengths = list(map(len, texts))
        for width in set(lengths):
            self._width = width if self._width in (None, width) else 0
        self._starts.extend(accumulate(lengths, initial=self._starts.pop()))
        text, self._text = self._text, ""  # a text that is held only here grows where it is
        text += "".join(texts)
        self._text = text

    def expect(self, more: int) -> None:
        """So many more may come: what finds them is made large enough for all of them at once."""
        size = len(self._slots)
        while len(self) + more > size * _FULL:
            size *= 4
        if size == len(self._slots):
            return
        self._slots = array("i")  # the old ones go before the new ones come
        slots, mask = array("i", [ABSENT]) * size, size - 1
        for item, own in enumerate(self._hashes[:-1]):
            slot = own & mask
            while slots[slot] != ABSENT:
                slot = (slot + 1) & mask
            slots[slot] = item
        self._slots = slots


def sorted_texts(*parts: PackedIds) -> Iterator[list[str]]:
    """The ids of all `parts` in order, a range of the alphabet at a time: all at once they would take too much."""
    total = sum(map(len, parts))
    ranges = 1 + total // _SORTED_AT_ONCE
    sample = sorted(text for part in parts for text in part[:: max(1, total // (ranges * _SAMPLES))])
    bounds = [sample[len(sample) * number // ranges] for number in range(1, ranges)]
    dealt = [_deal(part, bounds) for part in parts]
    for number in range(ranges):
        yield sorted(chain.from_iterable(part.texts(own[number]) for part, own in zip(parts, dealt, strict=True)))


def _deal(ids: PackedIds, bounds: Sequence[str]) -> list[array[int]]:
    """The items whose ids are below the first bound, from there to the second, and so on."""
    dealt = [array("i") for _ in range(len(bounds) + 1)]
    if not bounds:
        dealt[0].extend(range(len(ids)))
        return dealt
    for item, number in enumerate(map(bisect, repeat(bounds), ids)):
        dealt[number].append(item)
    return dealt
