"""Ids in: validate, dedupe, exclude, share out.

All bad ids are found before anything is said of them; the first hundred are named. Memory is spent on the unique ids
and on nothing else.
"""

from __future__ import annotations

import hashlib
import re
import string
from dataclasses import dataclass, field
from itertools import compress
from typing import IO, TYPE_CHECKING, Final, Literal, TypeAlias

from orchestrator.engine.account import InputCounts, ShardCounts
from orchestrator.engine.idfile import read_file, show
from orchestrator.engine.ids import STRETCH, PackedIds, sorted_texts
from orchestrator.errors import GuardError, InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Sequence
    from pathlib import Path

Malformed: TypeAlias = Literal["error", "skip"]

MAX_NAMED: Final = 100  # bad ids listed
MAX_IDS: Final = 10_000_000  # unique ids held at most, whatever the guards of the run say

_RULE: Final = "(1 to 64 letters, digits, - or _)"
_LONGEST: Final = 64  # characters
_CHARACTERS: Final = f"{string.ascii_letters}{string.digits}-_".encode()
_fits: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The unique ids in input order, and how the input became them.

    `stated` says what they are where that is not the ids themselves: a question to the service, a run to be undone.
    `malformed` names the first bad lines that were skipped.
    """

    ids: PackedIds = field(repr=False)
    counts: InputCounts
    stated: str = ""
    shard: ShardCounts | None = None
    malformed: tuple[str, ...] = ()

    def digest(self) -> str:
        """What tells this input from another: `stated`, or a SHA-256 over the sorted unique ids.

        The same for the same set of ids, whatever their order, duplicates or file. To sort a million takes a second of
        CPU, so it is asked for only where there is another input to compare with.
        """
        return self.stated or _digest(self.ids)


def read_ids(
    *,
    inline: Sequence[str] = (),
    file: Path | None = None,
    stdin: IO[bytes] | None = None,
    exclude: Sequence[str] = (),
    malformed: Malformed = "error",
    shard: tuple[int, int] | None = None,
    max_ids: int = MAX_IDS,
    inline_place: Callable[[int], str] = "ids[{}]".format,
    exclude_place: Callable[[int], str] = "exclude[{}]".format,
) -> Items:
    """Read ids from `inline`, then from `file`: text, `.csv`, `.jsonl`, each also `.gz`; `-` is text from `stdin`.

    Args:
        inline: Ids as they are; not stripped.
        file: The id list; a link or a FIFO will do.
        stdin: What `-` stands for.
        exclude: Ids to leave out.
        malformed: `error` raises when anything is not an id; `skip` counts and lists it.
        shard: `(index, count)`: keep only the ids whose stable hash falls to `index`.
        max_ids: More unique ids than this are not held.
        inline_place: What to call the n-th inline id in a message.
        exclude_place: The same for `exclude`.

    Raises:
        InputError: Something is not an id, the file cannot be read, or there is no id at all.
        GuardError: More than `max_ids` unique ids.

    """
    intake = Intake(exclude, malformed=malformed, shard=shard, max_ids=max_ids, place=exclude_place)
    for position, item in enumerate(inline):
        intake.take(item, inline_place, position)
    if file is not None:
        read_file(file, stdin, intake)
    return intake.close(source=str(file) if file is not None else "the list")


def collect(
    ids: Iterable[str],
    *,
    exclude: Sequence[str] = (),
    malformed: Malformed = "error",
    shard: tuple[int, int] | None = None,
    max_ids: int = MAX_IDS,
    may_be_empty: bool = False,
) -> Items:
    """Read ids from any iterable of text, with the checks of `read_ids`; a bad one is named by its position.

    Raises:
        InputError: Something is not an id, or there is none.
        GuardError: More than `max_ids` unique ids.

    """
    if isinstance(ids, (str, bytes)):
        raise InputError("the ids are one piece of text, not a list of ids; pass [task_id] for a single one")
    intake = Intake(exclude, malformed=malformed, shard=shard, max_ids=max_ids)
    for position, item in enumerate(ids):
        intake.take(item, _position, position)
    return intake.close(source="the list", may_be_empty=may_be_empty)


async def collect_async(
    ids: AsyncIterable[str],
    *,
    exclude: Sequence[str] = (),
    malformed: Malformed = "error",
    shard: tuple[int, int] | None = None,
    max_ids: int = MAX_IDS,
) -> Items:
    """Read ids from an async iterable to its end; as `collect` otherwise."""
    intake = Intake(exclude, malformed=malformed, shard=shard, max_ids=max_ids)
    position = 0
    async for item in ids:
        intake.take(item, _position, position)
        position += 1
    return intake.close(source="the list")


def shard_of(text: str, count: int) -> int:
    """To which of `count` shards `text` belongs: the same on every machine and in every version."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def _position(position: int) -> str:
    return f"ids[{position}]"


class Intake:
    """Counts, dedupes and keeps what it is given. Judged in this order: malformed, duplicate, excluded."""

    def __init__(
        self,
        exclude: Sequence[str],
        *,
        malformed: Malformed,
        shard: tuple[int, int] | None,
        max_ids: int,
        place: Callable[[int], str] = "exclude[{}]".format,
    ) -> None:
        self._excluded = frozenset(exclude)
        self._skip = malformed == "skip"
        self._shard = shard
        self._max_ids = max_ids
        self._waiting: list[str] = []  # ids that were taken and not judged further
        self._ids = PackedIds()
        self._passed: set[str] = set()  # excluded ids that were met
        self._others = PackedIds()  # ids of other shards
        self._others_passed: set[str] = set()
        self._named: list[str] = []
        self._bad = self._bad_here = self._duplicates = 0
        self._broken: list[str] = []  # what cannot be skipped
        for position, item in enumerate(exclude):
            if not _fits(item):
                self.broken(f"{place(position)}: {show(item)} is not a task id {_RULE}")

    def take(self, item: object, place: Callable[[int], str], position: int) -> None:
        """Count and keep one candidate."""
        if not (isinstance(item, str) and _fits(item)):
            self.bad(f"{place(position)}: {show(item)} is not a task id {_RULE}", item)
        else:
            self._waiting.append(item)
            if len(self._waiting) >= STRETCH:
                self._settle()

    def expect(self, number: int) -> None:
        """About so many will come; each shard keeps its share."""
        shards = self._shard[1] if self._shard else 1
        self._ids.expect(min(number, self._max_ids) // shards)

    def take_all(self, texts: list[str]) -> bool:
        """Count and keep many, if every one of them is an id; else nothing happens, and the answer is no."""
        lengths, together = list(map(len, texts)), "".join(texts)
        if not lengths or min(lengths) < 1 or max(lengths) > _LONGEST or not together.isascii():
            return False
        if together.encode("ascii").translate(None, delete=_CHARACTERS):
            return False
        self._waiting += texts
        self._settle()
        return True

    def _settle(self) -> None:
        """Let those that wait be ours, or another shard's, or excluded, or there already."""
        waiting, self._waiting = self._waiting, []
        if self._shard:
            waiting = self._of_this_shard(waiting, *self._shard)
        if self._excluded:
            waiting = self._not_excluded(waiting)
        self._duplicates += len(waiting) - len(self._ids.extend(waiting))
        self._check_size()

    def _of_this_shard(self, texts: list[str], index: int, count: int) -> list[str]:
        is_ours = [shard_of(text, count) == index for text in texts]
        others = [text for text, ours in zip(texts, is_ours, strict=True) if not ours]
        self._others_passed.update(self._excluded.intersection(others))
        self._others.extend([text for text in others if text not in self._excluded])
        return list(compress(texts, is_ours))

    def _not_excluded(self, texts: list[str]) -> list[str]:
        kept = [text for text in texts if text not in self._excluded]
        before = len(self._passed)
        self._passed.update(self._excluded.intersection(texts))
        self._duplicates += len(texts) - len(kept) - (len(self._passed) - before)
        return kept

    def bad(self, problem: str, item: object) -> None:
        """Count something that is not an id; its shard is that of its text, so that shards add up."""
        self._bad += 1
        text = item if isinstance(item, str) else repr(item)
        ours = self._shard is None or shard_of(text, self._shard[1]) == self._shard[0]
        self._bad_here += ours
        if len(self._named) < MAX_NAMED and (ours or not self._skip):
            self._named.append(problem)

    def broken(self, problem: str) -> None:
        """Note what no setting skips: what follows it in the file cannot be trusted."""
        self._broken.append(problem)

    def close(self, *, source: str, may_be_empty: bool = False) -> Items:
        """Judge the whole."""
        self._settle()
        unnamed = self._bad - len(self._named)
        problems = [*self._broken]
        if not self._skip:
            problems += self._named
            problems += [f"and {unnamed:,} more that are not task ids"] if unnamed else []
        if problems:
            raise InputError(*problems)
        if not self._ids and not self._others and not may_be_empty:
            passed = len(self._passed) + len(self._others_passed)
            why = f"all {passed:,} ids in it are excluded" if passed else "no task id in it"
            raise InputError(f"{source} is empty: {why}; a run needs at least one")
        return self._items()

    def _items(self) -> Items:
        unique, excluded = len(self._ids), len(self._passed)
        counts = InputCounts(
            input=unique + self._duplicates + self._bad_here + excluded,
            unique=unique,
            duplicates=self._duplicates,
            malformed=self._bad_here,
            excluded=excluded,
        )
        return Items(
            ids=self._ids,
            counts=counts,
            shard=self._shard
            and ShardCounts(
                index=self._shard[0],
                count=self._shard[1],
                input=unique + len(self._others),
                digest=_digest(self._ids, self._others),
            ),
            malformed=tuple(self._named),
        )

    def _check_size(self) -> None:
        if len(self._ids) + len(self._others) > self._max_ids:
            raise GuardError(f"the input has more than {self._max_ids:,} unique ids; split it into several runs")


def _digest(*parts: PackedIds) -> str:
    digest = hashlib.sha256()
    for texts in sorted_texts(*parts):
        digest.update("\n".join([*texts, ""]).encode("ascii"))
    return digest.hexdigest()
