"""The run's record: one SQLite file of input and events. Intent before act; a run is resumed by folding it again.

Rollback journal and `synchronous=FULL`: an intent is on the disk before its batch leaves, no shared memory is needed,
and a finished record can be read from a read-only directory (https://www.sqlite.org/atomiccommit.html).
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import chain, islice
from math import inf
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator.engine.clock import loop_time
from orchestrator.engine.codec import decode, encode, is_kept
from orchestrator.engine.events import RunEnded
from orchestrator.engine.ids import PackedIds
from orchestrator.engine.model import FINISHED
from orchestrator.engine.signal import Signal
from orchestrator.errors import RecordError, RecordUnusableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from orchestrator.engine.events import Event

    Offload = Callable[[Callable[[], None]], Awaitable[None]]

APPLICATION_ID = 0x0DC50DC5  # in the file's header: this is a record of ours
SCHEMA_VERSION = 2
MODE = 0o600
GAP = 20.0  # times as long as a commit took, the next one waits for others to share it, unless enough are there
MAX_GAP = 0.05  # seconds; a slow disk is waited for long enough
BLOCK = 400  # ids in a row: a third of the work of a row for each

# What brings a record of each older schema to the next one; run in one transaction when such a record is opened to be
# written. An event that changes its fields is migrated here, too: bodies are JSON, which SQL can rewrite.
MIGRATIONS: dict[int, str] = {
    1: "",  # a row of `item` held one id only: it is read as a row of one line
}

SCHEMA = """
CREATE TABLE meta  (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE item  (place INTEGER PRIMARY KEY, id TEXT NOT NULL);  -- of its first id; ids, a line each
CREATE TABLE event (number INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
"""


class Record:
    """An open record: `append` buffers, `flush` makes all that was appended durable (many callers, one commit).

    After a `RecordError` from `flush` or `commit` the run ends: nothing leaves that cannot be written down.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, offload: Offload, *, last: int, write: bool = True
    ) -> None:
        self.path = path
        self._is_writable = write
        self._connection = connection
        self._offload = offload
        self._buffer: list[tuple[int, float, str, str]] = []  # numbered, until they are known to be on the disk
        self._appended = self._durable = last  # numbers of events
        self._not_before = -inf  # of the loop's clock: the next commit, unless enough wait for it
        self._waiting = 0  # callers of `flush`
        self._is_writing = False
        self._enough = Signal()  # of them wait
        self._written = Signal()  # one commit is over
        self._one_writer = threading.Lock()

    @classmethod
    def create(
        cls, path: Path, *, meta: Mapping[str, Any], ids: Iterable[str], offload: Offload = anyio.to_thread.run_sync
    ) -> Record:
        """Make a new record at `path`, which must not exist. Raises `RecordError`."""
        with _disk_trouble(path, RecordUnusableError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
            try:
                connection = _connect(path)
                with _closed_on_error(connection):
                    _fill(connection, meta, ids)
            except BaseException:
                path.unlink()  # whole, or not at all: ours alone, and nothing was sent yet
                raise
        return cls(path, connection, offload, last=0)

    @classmethod
    def open(cls, path: Path, *, write: bool = True, offload: Offload = anyio.to_thread.run_sync) -> Record:
        """Open an existing record. Raises `RecordError` for a file that is none, is damaged, or is newer."""
        with _disk_trouble(path, RecordUnusableError):
            if not path.is_file():
                raise RecordUnusableError(f"{path}: there is no record here")
            connection = _connect(path, write=write)
            with _closed_on_error(connection):
                version = _judge(path, connection)
                if write:
                    _migrate(connection, version)
                last = connection.execute("SELECT coalesce(max(number), 0) FROM event").fetchone()[0]
        return cls(path, connection, offload, last=last, write=write)

    @property
    def meta(self) -> dict[str, Any]:
        """What was said of the run when it was made."""
        with _disk_trouble(self.path):
            return {key: json.loads(value) for key, value in self._connection.execute("SELECT key, value FROM meta")}

    def ids(self) -> PackedIds:
        """The unique ids of the input, in input order."""
        with _disk_trouble(self.path):
            blocks = self._connection.execute("SELECT id FROM item ORDER BY place")
            return PackedIds(chain.from_iterable(block.split("\n") for (block,) in blocks))

    def events(self) -> Iterator[Event]:
        """Every event so far, in order. Raises `RecordError` at one that cannot be read."""
        with _disk_trouble(self.path, RecordUnusableError), closing(self._connection.cursor()) as cursor:
            for row in cursor.execute("SELECT number, at, kind, body FROM event ORDER BY number"):
                yield self._decipher(*row)

    def _decipher(self, number: int, at: float, kind: str, body: str) -> Event:
        try:
            return decode(at, kind, body)
        except (KeyError, TypeError, ValueError) as error:
            raise RecordUnusableError(
                f"{self.path}: event {number} ({kind}) cannot be read: {error}; "
                "the file was changed or written by another version; keep it and start over with --fresh"
            ) from error

    def is_finished(self) -> bool:
        """Whether the last word on the run as a whole is that it came to its end. Raises `RecordError`."""
        words = ("RunStarted", "RunEnded", "Reopened")
        query = "SELECT number, at, kind, body FROM event WHERE kind IN (?, ?, ?) ORDER BY number DESC LIMIT 1"
        with _disk_trouble(self.path):
            last = self._connection.execute(query, words).fetchone()
        if last is None:
            return False
        event = self._decipher(*last)
        return isinstance(event, RunEnded) and event.ending in FINISHED

    def append(self, event: Event) -> None:
        """Keep `event`; durable with the next `flush`."""
        if is_kept(event):
            self._appended += 1
            self._buffer.append((self._appended, *encode(event)))

    async def flush(self, *, enough: int = 1) -> None:
        """Return when all that was appended before is on the disk. Raises `RecordError`.

        A commit costs the same for one caller and for many: it waits a little for others, until `enough` are there.
        """
        wanted = self._appended
        self._waiting += 1
        if self._waiting >= enough:
            self._enough.give()
        try:
            while self._durable < wanted:
                if self._is_writing:
                    await self._written.wait()
                else:
                    await self._commit_for_all(enough)
        finally:
            self._waiting -= 1

    async def _commit_for_all(self, enough: int) -> None:
        self._is_writing = True
        try:
            if self._waiting < enough and (wait := self._not_before - loop_time()) > 0:
                await self._enough.wait(wait)
            began = loop_time()
            await self._offload(partial(self._write, self._unwritten()))
            ended = loop_time()
            self._not_before = ended + min(GAP * (ended - began), MAX_GAP)
        finally:
            self._is_writing = False
            self._written.give()  # all who shared it go on at once; one of the others writes next

    def commit(self) -> None:
        """Write the buffer now; blocks for the disk. Raises `RecordError`."""
        self._write(self._unwritten())

    def _unwritten(self) -> list[tuple[int, float, str, str]]:
        """What is not known to be on the disk: also what a failed or cancelled write had in hand."""
        self._buffer = [row for row in self._buffer if row[0] > self._durable]
        return self._buffer.copy()

    def _write(self, rows: list[tuple[int, float, str, str]]) -> None:
        """Write numbered rows, in one transaction. Writing them twice changes nothing.

        A cancelled caller may leave a thread at it behind, whose rows are then written again: hence numbers and lock.
        """
        if rows:
            with self._one_writer, _disk_trouble(self.path):
                with self._connection:
                    self._connection.executemany("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)", rows)
                self._durable = max(self._durable, rows[-1][0])

    def close(self) -> None:
        """Write what is left and let go of the file."""
        try:
            self.commit()
            if self._is_writable:
                with suppress(sqlite3.Error):  # a reader has it open: then the empty journal stays, which harms nobody
                    self._connection.execute("PRAGMA journal_mode=DELETE")
        finally:
            self._connection.close()


def _connect(path: Path, *, write: bool = True) -> sqlite3.Connection:
    mode = "rw" if write else "ro"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=5.0)
    with _closed_on_error(connection):
        # TRUNCATE commits in half the time of DELETE; the empty file that it leaves goes when the record is closed.
        connection.execute("PRAGMA journal_mode=TRUNCATE" if write else "PRAGMA query_only=1")
        connection.execute("PRAGMA synchronous=FULL")
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _fill(connection: sqlite3.Connection, meta: Mapping[str, Any], ids: Iterable[str]) -> None:
    """Write what a record begins with."""
    connection.executescript(f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};")
    connection.executescript(SCHEMA)
    with connection:
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [(k, json.dumps(v)) for k, v in meta.items()])
        connection.executemany("INSERT INTO item VALUES (?, ?)", _blocks(ids))


def _blocks(ids: Iterable[str]) -> Iterator[tuple[int, str]]:
    rest, place = iter(ids), 0
    while some := list(islice(rest, BLOCK)):
        yield place, "\n".join(some)
        place += len(some)


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for step in range(version, SCHEMA_VERSION):
        connection.executescript(f"BEGIN; {MIGRATIONS[step]} PRAGMA user_version={step + 1}; COMMIT;")


def _judge(path: Path, connection: sqlite3.Connection) -> int:
    """The version of the schema. Raises `RecordUnusableError`."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != APPLICATION_ID:
        raise RecordUnusableError(
            f"{path}: this is not a record of orchestrator; nothing was changed; use another output.dir"
        )
    if version > SCHEMA_VERSION:
        raise RecordUnusableError(
            f"{path}: written by a newer version (schema {version}, this one reads up to {SCHEMA_VERSION}); "
            "nothing was changed; use that version, or another output.dir"
        )
    return int(version)


@contextmanager
def _disk_trouble(path: Path, kind: type[RecordError] = RecordError) -> Iterator[None]:
    """Translate what SQLite and the file system raise, keeping the cause."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:  # not every one has a code
            raise kind(f"{path}: the disk is full; free some space and run the same command again") from error
        raise kind(
            f"{path}: the record cannot be used: {error}; nothing was overwritten; "
            "mend the disk or restore the file and run the same command again, or start over with --fresh"
        ) from error
    except FileExistsError as error:
        raise kind(f"{path}: a record is here already; resume it, or start over with --fresh") from error
    except OSError as error:
        raise kind(f"{path}: {error.strerror or error}; the record must be written before anything is sent") from error
