"""A commit cut off by a loss of power: what SQLite may have left on the disk, drawn by the dice.

SQLite's order for a rollback journal with `synchronous=FULL` (https://www.sqlite.org/atomiccommit.html): the pages as
they were go into the journal; it is synced; its header is given their number, and is synced; the database's pages are
written, in any order; they are synced; the journal is truncated to nothing. Between two syncs any part of what was
written may have reached the disk: whole pages, single sectors, or nothing; and a file may have grown, or not.

Only the journal's bytes must be made here, by its documented format (https://www.sqlite.org/fileformat.html), since
SQLite takes them away within the commit. That it takes ours for its own is what the tests show.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulation.dice import Dice

SECTOR: Final = 512
FULL: Final = 2  # PRAGMA synchronous
MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
STAGES: Final = ("journal.torn", "journal.unnumbered", "journal.whole", "pages", "pages", "pages", "pages.all", "done")


@dataclass(frozen=True, slots=True)
class Files:
    """A database and its journal, as a loss of power left them."""

    stage: str
    database: bytes
    journal: bytes
    is_committed: bool  # whether the commit must be found done, or must be found undone

    def put(self, path: Path) -> None:
        """Lay them down at `path`."""
        path.write_bytes(self.database)
        path.with_name(f"{path.name}-journal").write_bytes(self.journal)


def tear(path: Path, connection: sqlite3.Connection, write: Callable[[], None], dice: Dice) -> Files:
    """Let `write` commit through `connection`, and draw what the disk held when the power went out within it.

    The connection is closed afterwards: what it knows of the file is no longer true.
    """
    has_journal = connection.execute("PRAGMA journal_mode").fetchone()[0] in {"truncate", "persist", "delete"}
    is_synced = connection.execute("PRAGMA synchronous").fetchone()[0] >= FULL
    before = path.read_bytes()
    write()
    after = path.read_bytes()
    connection.close()
    files = drawn(before, after, dice, has_journal=has_journal, is_synced=is_synced)
    files.put(path)
    return files


def drawn(before: bytes, after: bytes, dice: Dice, *, has_journal: bool = True, is_synced: bool = True) -> Files:
    """What the disk may hold amid a commit that makes `after` of `before`."""
    if before == after:
        return Files("nothing", before, b"", is_committed=True)
    stage = dice.pick(*STAGES)
    whole = journal(before, after, nonce=dice.getrandbits(32))
    if not (has_journal and is_synced):  # then nothing keeps the pages from being there before the journal is
        mixed = _mixed(before, after, dice)
        return Files(stage, mixed, _cut(whole, dice) if has_journal else b"", is_committed=mixed == after)
    unnumbered = whole[:8] + bytes(4) + whole[12:]
    database, left = {
        "journal.torn": (before, _cut(unnumbered, dice)),
        "journal.unnumbered": (before, unnumbered),
        "journal.whole": (before, whole),
        "pages": (_mixed(before, after, dice), whole),
        "pages.all": (after, whole),
        "done": (after, b""),
    }[stage]
    return Files(stage, database, left, is_committed=stage == "done")


def journal(before: bytes, after: bytes, *, nonce: int) -> bytes:
    """The rollback journal of a commit that makes `after` of `before`."""
    size = page_size(before)
    changed = [k for k in range(len(before) // size) if _page(before, k, size) != _page(after, k, size)]
    header = MAGIC + struct.pack(">5I", len(changed), nonce, len(before) // size, SECTOR, size)
    records = [
        struct.pack(">I", k + 1) + (page := _page(before, k, size)) + struct.pack(">I", _checksum(page, nonce))
        for k in changed
    ]
    return header.ljust(SECTOR, b"\0") + b"".join(records)


def page_size(database: bytes) -> int:
    """Bytes a page, by the database's own header."""
    size: int = struct.unpack(">H", database[16:18])[0]
    return 65_536 if size == 1 else size


def _page(content: bytes, number: int, size: int) -> bytes:
    return content[number * size : (number + 1) * size]


def _checksum(page: bytes, nonce: int) -> int:
    """Every two-hundredth byte, counted from the end."""
    return (nonce + sum(page[k] for k in range(len(page) - 200, 0, -200))) & 0xFFFFFFFF


def _cut(whole: bytes, dice: Dice) -> bytes:
    """A file that was being written: short, or with sectors in it that never came."""
    cut = bytearray(whole[: dice.randrange(len(whole) + 1)])
    for start in range(0, len(cut), SECTOR):
        if dice.one_in(4):
            cut[start : start + SECTOR] = bytes(len(cut[start : start + SECTOR]))
    return bytes(cut)


def _mixed(before: bytes, after: bytes, dice: Dice) -> bytes:
    """Some pages are new, some old, some new in part; beyond the old end nobody knows what was where."""
    size, mixed = page_size(before), bytearray(after)
    for number in range(len(after) // size):
        fate = dice.pick("old", "new", "torn")
        step = SECTOR if fate == "torn" else size
        for start in range(number * size, (number + 1) * size, step):
            if fate == "old" or (fate == "torn" and dice.one_in(2)):
                old = before[start : start + step]
                mixed[start : start + step] = old or dice.pick(bytes(step), dice.randbytes(step))
    longest, shortest = max(len(before), len(after)), len(before)
    return bytes(mixed[: dice.pick(longest, shortest, dice.randrange(shortest, longest + 1))])
