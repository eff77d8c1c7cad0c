"""Commits that a loss of power cuts off: SQLite takes what we lay down for its own, and no run loses anything."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine.options import LimitOptions, RunOptions, SubmitOptions
from orchestrator.engine.record import Record
from orchestrator.simulator.options import SimulatorOptions, Spread
from tests.simulation import torn
from tests.simulation.dice import Dice
from tests.simulation.examine import examine
from tests.simulation.scenario import Disturbance, Scenario

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = Scenario(
    seed=3,
    service=SimulatorOptions(tasks=60, seed=3, states={"MIGRATING": 1}, stop_seconds=Spread(median=4.0)),
    options=RunOptions(submit=SubmitOptions(batch_size=3), limits=LimitOptions(max_failures=1.0)),
)


def filled(path: Path, mode: str = "TRUNCATE") -> sqlite3.Connection:
    """A database of some pages."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE event (number INTEGER PRIMARY KEY, body TEXT)")
    grow(connection, 0)
    return connection


def grow(connection: sqlite3.Connection, start: int) -> None:
    with connection:
        rows = [(number, f"{number}" * 100) for number in range(start, start + 100)]
        connection.executemany("INSERT INTO event VALUES (?, ?)", rows)
        connection.execute("UPDATE event SET body = body || 'x' WHERE number % 17 = 0")


class TestJournal:
    def test_what_is_made_is_what_sqlite_writes(self, tmp_path: Path) -> None:
        """With PERSIST it takes only the header away; the records stand, and tell the nonce."""
        path = tmp_path / "a.db"
        connection = filled(path, "PERSIST")
        before = path.read_bytes()
        grow(connection, 100)
        left = (tmp_path / "a.db-journal").read_bytes()[torn.SECTOR :]
        connection.close()
        size = torn.page_size(before)
        theirs = [left[start : start + size + 8] for start in range(0, len(left) - size - 7, size + 8)]
        page, checksum = theirs[0][4:-4], struct.unpack(">I", theirs[0][-4:])[0]
        nonce = (checksum - torn._checksum(page, 0)) & 0xFFFFFFFF
        made = torn.journal(before, path.read_bytes(), nonce=nonce)[torn.SECTOR :]
        ours = [made[start : start + size + 8] for start in range(0, len(made), size + 8)]
        assert len(ours) > 3
        assert set(ours) <= set(theirs)

    @pytest.mark.parametrize("seed", range(60))
    def test_a_commit_is_found_done_or_undone_and_nothing_between(self, tmp_path: Path, seed: int) -> None:
        path = tmp_path / "a.db"
        connection = filled(path)
        content = "SELECT number, body FROM event"
        old = connection.execute(content).fetchall()
        files = torn.tear(path, connection, lambda: grow(connection, 100), Dice(seed))
        with closing(sqlite3.connect(path)) as again:
            found = again.execute(content).fetchall()
            assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert (found == old) is not files.is_committed

    def test_every_stage_is_drawn(self, tmp_path: Path) -> None:
        connection = filled(tmp_path / "a.db")
        before = (tmp_path / "a.db").read_bytes()
        grow(connection, 100)
        connection.close()
        drawn = [torn.drawn(before, (tmp_path / "a.db").read_bytes(), Dice(seed)) for seed in range(60)]
        assert {files.stage for files in drawn} == set(torn.STAGES)
        assert any(files.database not in {before, (tmp_path / "a.db").read_bytes()} for files in drawn)


def torn_at(commit: int, seed: int) -> Scenario:
    disturbance = Disturbance(disaster="torn", point="commit.within", at=commit, downtime=5.0)
    return replace(SCENARIO, seed=seed, disturbances=(disturbance,))


class TestRuns:
    @pytest.mark.parametrize("commit", range(1, 9))
    def test_a_run_whose_power_fails_within_a_commit_loses_nothing(self, commit: int) -> None:
        for seed in range(3):
            finding, story = examine(torn_at(commit, seed))
            assert finding.violations == ()
            assert story is not None
            assert [life.struck for life in story.lives] == ["torn", ""]

    @pytest.mark.parametrize("pragma", ["journal_mode=MEMORY", "synchronous=OFF"])
    def test_a_record_that_is_kept_carelessly_is_caught(self, pragma: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The disaster is one: a record without its journal, or without its syncs, does not come through it."""
        write = Record._write

        def careless(self: Record, rows: list[tuple[int, float, str, str]]) -> None:
            self._connection.execute(f"PRAGMA {pragma}")
            write(self, rows)

        monkeypatch.setattr(Record, "_write", careless)
        found = [examine(torn_at(commit, seed))[0].violations for commit in (4, 8) for seed in range(8)]
        assert any(found)
