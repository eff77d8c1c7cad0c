"""The record has a schema version, and a path from each older one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from orchestrator.engine import record as records
from orchestrator.engine.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class TestMigration:
    def test_an_older_record_is_brought_up_to_date_when_it_is_opened_to_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each step runs once, in order, and a reader that may not write leaves the file as it is."""
        path = tmp_path / "run.db"
        Record.create(path, meta={"name": "old"}, ids=["a", "b"]).close()
        monkeypatch.setattr(records, "SCHEMA_VERSION", 4)
        steps = {
            2: "INSERT INTO meta VALUES ('first', '1');",
            3: "INSERT INTO meta SELECT 'second', value FROM meta WHERE key = 'first';",
        }
        monkeypatch.setattr(records, "MIGRATIONS", steps)
        Record.open(path, write=False).close()
        assert version_of(path) == 2
        for _ in range(2):
            record = Record.open(path)
            assert record.meta == {"name": "old", "first": 1, "second": 1}
            assert record.ids() == ["a", "b"]
            record.close()
        assert version_of(path) == 4


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()
