"""Disk trouble: a record that cannot be read or written stops everything, and nothing is overwritten."""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.stories.referee import Leeway, judge
from tests.stories.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1  # <linux/prctl.h>, <linux/capability.h>
NOT_A_RECORD = b"SQLite format 3\x00" + b"\x07" * 4096


def foreign(path: Path) -> None:
    """A database of somebody else's."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE event (number INTEGER PRIMARY KEY, note TEXT)")


def newer(path: Path) -> None:
    """Our record, as a later version would have written it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version=999")


def cut(path: Path) -> None:
    """Our record, of which a part is gone."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def scribbled(path: Path) -> None:
    """Our record, with something written over its pages."""
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def limit_files(size: int) -> Callable[[], None]:
    """Let no file of the process grow beyond `size`: a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda path: path.write_bytes(b"no database at all"), "run.db"),
        (lambda path: path.write_bytes(NOT_A_RECORD), "run.db"),
        (lambda path: path.write_bytes(b""), "not a record"),
        (foreign, "not a record"),
    ],
    ids=["text", "broken header", "empty", "foreign"],
)
async def test_a_file_that_is_no_record_is_left_alone(
    tmp_path: Path, damage: Callable[[Path], None], word: str
) -> None:
    """Where `run.db` is something else nothing is sent and nothing is overwritten."""
    async with Stage.opened(tmp_path, 40) as stage:
        stage.out.mkdir()
        path = stage.out / "run.db"
        damage(path)
        content = path.read_bytes()
        ran = await stage.run()
        assert ran.code in {2, 75}, ran.err[-1_000:]
        assert word in ran.problems
        assert path.read_bytes() == content
        assert not stage.arrivals()
        assert not (stage.out / "summary.json").exists()


@pytest.mark.parametrize("damage", [newer, cut, scribbled])
async def test_a_record_that_cannot_be_trusted_is_left_alone(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A record of a newer version or a damaged one: a clear line, no request, the file as it was; `--fresh` goes on."""
    async with Stage.opened(tmp_path, 200) as stage:
        assert (await stage.run()).code == 0
        path, arrived = stage.out / "run.db", len(stage.arrivals())
        damage(path)
        content = path.read_bytes()
        ran = await stage.run()
        assert ran.code in {2, 75}, ran.err[-1_000:]
        assert "run.db" in ran.problems
        assert path.read_bytes() == content
        assert len(stage.arrivals()) == arrived
        ended = await (await stage.start("--fresh")).ended()
        assert ended.code == 0, ended.err[-1_000:]
        (kept,) = stage.out.glob("run-*.db")
        assert kept.read_bytes() == content


async def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """A read-only directory is an error before the first request."""
    async with Stage.opened(tmp_path, 40) as stage:
        stage.out.mkdir()
        stage.out.chmod(0o555)
        ran = await stage.run(prepare=obey_modes)
        stage.out.chmod(0o755)
        assert ran.code in {2, 75}, ran.err[-1_000:]
        assert str(stage.out.name) in ran.problems
        assert not stage.arrivals()
        assert not list(stage.out.iterdir())


async def test_an_output_path_that_is_a_file(tmp_path: Path) -> None:
    """A file where the directory should be is an error before the first request."""
    async with Stage.opened(tmp_path, 40) as stage:
        stage.out.write_text("mine", "utf-8")
        ran = await stage.run()
        assert ran.code in {2, 75}
        assert "out" in ran.problems
        assert not stage.arrivals()
        assert stage.out.read_text("utf-8") == "mine"


@pytest.mark.parametrize("room", [0, 12_288])
async def test_a_full_disk_lets_nothing_leave_that_cannot_be_written_down(tmp_path: Path, room: int) -> None:
    """When the record can no longer be written the run ends, and with some space it goes on without a blind repeat."""
    async with Stage.opened(tmp_path, 1_000, latency=0.05) as stage:
        stage.set(limits={"max_tasks": 1}, submit={"batch_size": 20})
        assert (await stage.run()).code == 4  # the record is made, and nothing is sent
        size = (stage.out / "run.db").stat().st_size
        stage.set(limits={"max_tasks": 1_000})
        ran = await stage.run(prepare=limit_files(size + room))
        assert ran.code in {2, 75}, ran.err[-1_000:]
        assert "run.db" in ran.problems
        sent = stage.arrivals("stop")
        assert len(sent) <= intents(stage.out / "run.db")
        ran = await stage.run("--set", "submit.batch_size=50")
        assert ran.code == 0, ran.err[-1_000:]
        assert judge(stage, ran, Leeway(losses=True)).counted == {"stopped": 1_000}
        assert not [item for item in stage.ids if len(stage.books.stop_times(item)) > 1]


async def test_a_disk_too_small_for_the_record(tmp_path: Path) -> None:
    """Where not even the record can be made, nothing is sent and no half record stays."""
    async with Stage.opened(tmp_path, 1_000) as stage:
        ran = await stage.run(prepare=limit_files(8_192))
        assert ran.code in {2, 75}, ran.err[-1_000:]
        assert "run.db" in ran.problems
        assert not stage.arrivals()
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 1_000}


def intents(path: Path) -> int:
    """How many batches the record meant to send."""
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as connection:
        found: int = connection.execute("SELECT count(*) FROM event WHERE kind = 'BatchIntended'").fetchone()[0]
    return found


def obey_modes() -> None:
    """Make even root heed the modes of files."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)
