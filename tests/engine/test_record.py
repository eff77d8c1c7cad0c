"""Promises of the record: nothing is lost that was flushed, nothing overwritten, and trouble has clear words."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending
from orchestrator.engine.record import MAX_GAP, SCHEMA_VERSION, Record
from orchestrator.errors import RecordError, RecordUnusableError
from orchestrator.testing import FakeOperation
from tests.engine.stage import Slow, Stage, counted, inline, new_record, reopened, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def note(number: int) -> ev.Noted:
    return ev.Noted(at=float(number), name="test.note", text=f"note {number}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


class TestWriting:
    def test_what_it_was_made_with_is_read_back(self, path: Path) -> None:
        Record.create(path, meta={"name": "x", "deep": {"a": [1, None]}}, ids=["b", "a", "c"], offload=inline).close()
        record = Record.open(path, offload=inline)
        assert record.meta == {"name": "x", "deep": {"a": [1, None]}}
        assert record.ids() == ["b", "a", "c"]
        assert list(record.events()) == []
        record.close()

    def test_nobody_else_may_read_it(self, path: Path) -> None:
        new_record(path, ["a"]).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def test_only_what_was_flushed_survives_a_crash(self, path: Path) -> None:
        record = new_record(path, ["a"])
        record.append(note(1))
        await record.flush()
        record.append(note(2))
        record._connection.close()  # the process dies
        after = reopened(path)
        assert list(after.events()) == [note(1)]
        after.close()

    async def test_a_flush_covers_all_that_was_appended_before_it_and_single_requests_are_not_kept(
        self, path: Path
    ) -> None:
        record = new_record(path, ["a"])
        for number in range(5):
            record.append(note(number))
            record.append(ev.RequestEnded(at=1.0, api="list", result="ok", seconds=0.1, attempt=1))
        await record.flush()
        await record.flush()
        assert list(record.events()) == [note(number) for number in range(5)]
        record.close()

    async def test_many_flushes_share_few_commits(self, path: Path) -> None:
        """Fifty senders wait for their intents: while one commit is on its way, the next one gathers."""
        commits = 0

        class Counting(Slow):
            async def __call__(self, call: Callable[[], None]) -> None:
                nonlocal commits
                commits += 1
                await super().__call__(call)

        record = new_record(path, ["a"], offload=Counting(1.0))

        async def sender(number: int) -> None:
            await anyio.sleep(number / 25)
            record.append(note(number))
            await record.flush()

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(sender, number)
        assert commits <= 4
        assert len(list(record.events())) == 50
        record.close()

    @pytest.mark.parametrize(
        ("pause", "callers", "seconds"),
        [
            pytest.param(0.0, 1, MAX_GAP + 0.01, id="one waits for others"),
            pytest.param(0.02, 2, MAX_GAP - 0.01, id="two as well, the rest of the gap"),
            pytest.param(0.0, 3, 0.01, id="three are enough"),
            pytest.param(1.0, 1, 0.01, id="nobody came for long"),
        ],
    )
    async def test_a_commit_waits_a_little_for_others(
        self, path: Path, pause: float, callers: int, seconds: float
    ) -> None:
        record = new_record(path, ["a"], offload=Slow(0.01))
        record.append(note(0))
        await record.flush(enough=3)
        await anyio.sleep(pause)
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for number in range(callers):
                record.append(note(number + 1))
                tasks.start_soon(partial(record.flush, enough=3))
        assert anyio.current_time() - began == pytest.approx(seconds)
        record.close()

    def test_closing_writes_what_is_left(self, path: Path) -> None:
        record = new_record(path, ["a"])
        record.append(note(1))
        record.close()
        after = reopened(path)
        after.append(note(2))
        after.close()
        last = reopened(path)
        assert list(last.events()) == [note(1), note(2)]
        last.close()

    async def test_a_flush_that_is_cancelled_before_it_begins_loses_nothing(self, path: Path) -> None:
        async def never(_: Callable[[], None]) -> None:
            await anyio.sleep_forever()

        record = new_record(path, ["a"], offload=never)
        record.append(note(1))
        with anyio.move_on_after(1.0):
            await record.flush()
        record.append(note(2))
        record.close()
        after = reopened(path)
        assert list(after.events()) == [note(1), note(2)]
        after.close()

    async def test_a_thread_left_behind_by_a_cancelled_flush_writes_nothing_twice(self, path: Path) -> None:
        left: list[Callable[[], None]] = []

        class LeftBehind:
            async def __call__(self, call: Callable[[], None]) -> None:
                left.append(call)
                await anyio.sleep_forever()

        record = new_record(path, ["a"], offload=LeftBehind())
        record.append(note(1))
        with anyio.move_on_after(1.0):
            await record.flush()
        record.append(note(2))
        threads = [threading.Thread(target=left[0]), threading.Thread(target=record.commit)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left[0]()
        assert list(record.events()) == [note(1), note(2)]
        record.close()

    async def test_after_a_failed_flush_nobody_is_told_that_his_words_are_safe(self, path: Path) -> None:
        """The one who waits behind it must not send: its intent was in the hands of the one that failed."""
        record = new_record(path, ["a"], offload=Slow(1.0))
        pages = record._connection.execute("PRAGMA page_count").fetchone()[0]
        record._connection.execute(f"PRAGMA max_page_count={pages}")
        told: list[str] = []

        async def sender(number: int) -> None:
            record.append(ev.Noted(at=1.0, name="a.b", text=str(number) * 9000))
            try:
                await record.flush()
            except RecordError:
                told.append("failed")
            else:
                told.append("safe")

        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(sender, number)
        assert told == ["failed"] * 3
        record._connection.execute("PRAGMA max_page_count=100000")
        record.append(note(9))
        await record.flush()  # there is room again: nothing was lost, and the order is kept
        kept = list(record.events())
        assert [len(event.text) > 100 for event in kept] == [True, True, True, False]  # type: ignore[union-attr]
        record.close()

    async def test_a_run_over_twenty_thousand_tasks_takes_at_most_two_hundred_bytes_a_task(self, path: Path) -> None:
        tasks = {f"8a2b{number:028x}": task for number, task in enumerate(running(20_000, stops_after=9.0).values())}
        record = new_record(path, tasks)
        report = await Stage(FakeOperation(tasks), record=record).play()
        record.close()
        assert counted(report) == {"stopped": 20_000}
        assert os.stat(path).st_size <= 200 * 20_000  # noqa: PTH116  # nobody waits on this loop


class TestFinished:
    @pytest.mark.parametrize(
        ("last", "finished"),
        [
            ([], False),
            ([ev.RunStarted(at=1.0, attempt=1, items=1)], False),
            ([ev.RunEnded(at=1.0, ending=Ending.FINISHED)], True),
            ([ev.RunEnded(at=1.0, ending=Ending.DEADLINE), note(1)], True),
            ([ev.RunEnded(at=1.0, ending=Ending.INTERRUPTED)], False),
            ([ev.RunEnded(at=1.0, ending=Ending.FINISHED), ev.Reopened(at=2.0, items=[0])], False),
        ],
    )
    def test_it_is_told_without_reading_all(self, last: list[ev.Event], path: Path, *, finished: bool) -> None:
        record = new_record(path, ["a"])
        for event in last:
            record.append(event)
        record.commit()
        assert record.is_finished() is finished
        record.close()


def read_all(path: Path) -> None:
    with closing(Record.open(path, offload=inline)) as record:
        list(record.events())
        record.ids()


class TestTrouble:
    """A clear error each time, and nothing is overwritten."""

    def refused(self, path: Path, match: str, *, write: bool = True) -> None:
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(RecordUnusableError, match=match) as caught:
            Record.open(path, write=write, offload=inline)
        assert str(path) in str(caught.value)
        assert (path.read_bytes() if path.is_file() else None) == before

    def test_there_is_none(self, path: Path) -> None:
        self.refused(path, "there is no record here")
        path.mkdir()
        self.refused(path, "there is no record here")

    def test_one_is_there_already(self, path: Path) -> None:
        new_record(path, ["a"]).close()
        before = path.read_bytes()
        with pytest.raises(RecordUnusableError, match="a record is here already"):
            new_record(path, ["b"])
        assert path.read_bytes() == before

    def test_the_directory_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(RecordUnusableError, match="No such file or directory"):
            new_record(tmp_path / "nowhere" / "run.db", ["a"])

    def test_a_file_of_another_program(self, path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE mine (a)")
        connection.commit()
        connection.close()
        self.refused(path, "this is not a record of orchestrator")

    def test_a_newer_version(self, path: Path) -> None:
        record = new_record(path, ["a"])
        record._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        record.close()
        self.refused(path, f"written by a newer version .schema {SCHEMA_VERSION + 1}")

    @pytest.mark.parametrize(
        "content", [b"no database at all, but long enough" * 50, b"SQLite format 3\0" + b"x" * 5000]
    )
    def test_a_damaged_file(self, content: bytes, path: Path) -> None:
        path.write_bytes(content)
        self.refused(path, "the record cannot be used")

    def test_an_empty_file(self, path: Path) -> None:
        path.touch()
        self.refused(path, "this is not a record of orchestrator")

    def test_a_file_damaged_in_the_middle(self, path: Path) -> None:
        record = new_record(path, [f"t{number}" for number in range(5000)])
        for number in range(5000):
            record.append(note(number))
        record.close()
        content = bytearray(path.read_bytes())
        content[8192 : len(content) - 4096] = bytes(len(content) - 12288)
        path.write_bytes(content)
        with pytest.raises(RecordError, match="the record cannot be used"):
            read_all(path)

    def test_an_event_that_nobody_understands(self, path: Path) -> None:
        record = new_record(path, ["a"])
        record._connection.execute("INSERT INTO event VALUES (1, 1.0, 'Strange', '{}')")
        record._connection.commit()
        with pytest.raises(RecordUnusableError, match=r"event 1 \(Strange\) cannot be read"):
            list(record.events())
        record._connection.execute("INSERT INTO event VALUES (2, 1.0, 'RunEnded', '[]')")
        with pytest.raises(RecordUnusableError, match=r"event 2 \(RunEnded\) cannot be read"):
            record.is_finished()
        record.close()

    async def test_a_full_disk(self, path: Path) -> None:
        record = new_record(path, ["a"])
        pages = record._connection.execute("PRAGMA page_count").fetchone()[0]
        record._connection.execute(f"PRAGMA max_page_count={pages}")
        record.append(ev.Noted(at=1.0, name="a.b", text="x" * 50_000))
        with pytest.raises(RecordError, match="the disk is full; free some space and run the same command again"):
            await record.flush()
        with pytest.raises(RecordError, match="the disk is full"):
            record.close()

    def test_a_record_that_cannot_be_made_whole_is_not_left_behind(self, path: Path) -> None:
        def ids() -> object:
            yield "a"
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            new_record(path, ids())  # type: ignore[arg-type]
        assert not path.exists()

    async def test_a_closed_record(self, path: Path) -> None:
        record = new_record(path, ["a"])
        record.close()
        record.append(note(1))
        with pytest.raises(RecordError, match="the record cannot be used"):
            await record.flush()

    def test_a_finished_record_is_read_from_a_directory_that_nobody_may_write(self, path: Path) -> None:
        record = new_record(path, ["a"])
        record.append(note(1))
        record.close()
        path.chmod(0o400)
        path.parent.chmod(0o500)
        try:
            reader = Record.open(path, write=False, offload=inline)
            assert list(reader.events()) == [note(1)]
            reader.append(note(2))
            with pytest.raises(RecordError, match="attempt to write a readonly database"):
                reader.commit()
            reader._connection.close()
        finally:
            path.parent.chmod(0o700)

    def test_a_limit_on_the_size_of_files(self, tmp_path: Path) -> None:
        """Beyond it the system refuses to write: in a process of its own, since the limit is the process's."""
        script = textwrap.dedent(f"""
            import pathlib, resource, signal
            from orchestrator.engine import events as ev
            from orchestrator.engine.record import Record
            from orchestrator.errors import RecordError
            path = pathlib.Path({str(tmp_path / "run.db")!r})
            record = Record.create(path, meta={{}}, ids=["a"])
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192,) * 2)
            record.append(ev.Noted(at=1.0, name="small", text="x"))
            record.commit()
            record.append(ev.Noted(at=1.0, name="large", text="x" * 100_000))
            try:
                record.commit()
            except RecordError as error:
                print(error)
            record._connection.close()
            print([event.name for event in Record.open(path).events()])
        """)
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(  # noqa: S603  # our own interpreter and text
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60, env=environment
        )
        first, second = done.stdout.splitlines()
        assert "run.db: " in first
        assert "run the same command again" in first
        assert second == "['small']"
