"""Stories of `report`: from run.db alone, wherever it lies and whatever became of the run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine.lock import hold
from tests.cli.streams import call
from tests.verbs.stage import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATES = {"INCRMIGEATING": 60, "TERMINATED": 20, "RUNNING": 20}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    with opened(folder, tasks=80, states=STATES, unknown=0.05) as stage:
        assert stage.call("run", stage.path).code == 1
    return stage.out


@pytest.fixture
def alone(finished: Path, tmp_path: Path) -> Path:
    """A directory with nothing but that run's record."""
    folder = tmp_path / "alone"
    folder.mkdir()
    shutil.copy(finished / "run.db", folder)
    return folder


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, to which nothing is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestReport:
    def test_counts_confirmations_as_the_run_did(self, tmp_path: Path) -> None:
        """With `poll.confirmations` above 1 every verb that reads a record ended with exit code 70."""
        with opened(tmp_path, tasks=5) as stage:
            stage.write(poll={"first_after": "50ms", "interval": "50ms", "confirmations": 2})
            assert stage.call("run", stage.path).code == 0
            for verb in ("report", "verify", "plan"):
                result = stage.call(verb, stage.path if verb == "plan" else str(stage.out))
                assert result.code == 0, result.err
            assert stage.call("run", stage.path).code == 0

    def test_is_the_same_account_from_the_record_alone(self, finished: Path, alone: Path, tmp_path: Path) -> None:
        csv, page = tmp_path / "t.csv", tmp_path / "r.html"
        result = call("report", str(alone), "--csv", str(csv), "--html", str(page), "--json", "-")
        assert result.code == 0
        assert csv.read_bytes() == (finished / "tasks.csv").read_bytes()
        assert json.loads(result.out) == json.loads((finished / "summary.json").read_text())
        assert page.read_text().startswith("<!doctype html>")
        assert [path.name for path in alone.iterdir()] == ["run.db"]

    def test_without_a_format_is_the_summary_in_words(self, alone: Path) -> None:
        result = call("report", str(alone))
        assert result.code == 0
        assert "of 80 tasks are not over." in result.out
        assert (result.err, "Files" in result.out) == ("", False)

    def test_to_stdout_is_nothing_else(self, finished: Path, alone: Path) -> None:
        result = call("report", str(alone), "--csv", "-")
        assert (result.out, result.err) == ((finished / "tasks.csv").read_text(), "")

    def test_of_many_tasks_goes_to_stdout_piece_by_piece(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = call("report", str(alone), "--csv", "-").out
        monkeypatch.setattr("orchestrator.cli.render.CHUNK", 100)
        assert call("report", str(alone), "--csv", "-").out == whole

    def test_into_a_pipe_leaves_the_pipe_there(self, alone: Path, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE)  # noqa: S603
        assert call("report", str(alone), "--json", str(pipe)).code == 0
        assert json.loads(reader.communicate(timeout=10)[0])["schema"] == "orchestrator.summary/1"
        assert pipe.is_fifo()

    @pytest.mark.parametrize("target", ["nowhere/t.csv", "."])
    def test_to_where_nothing_can_be_written_is_2(self, alone: Path, tmp_path: Path, target: str) -> None:
        result = call("report", str(alone), "--csv", str(tmp_path / target))
        assert result.code == 2
        assert "cannot write" in result.err


class TestRecord:
    def test_in_a_read_only_directory_will_do(self, alone: Path) -> None:
        assert call("report", str(alone)).code == 0  # everything that it imports is imported
        (alone / "run.lock").touch()
        for parent in list(alone.parents)[: len(alone.parts) - 3]:  # below the folder of all temporary files
            parent.chmod(0o755)
        (alone / "run.lock").chmod(0o444)
        (alone / "run.db").chmod(0o444)
        alone.chmod(0o555)
        with as_nobody():
            result = call("report", str(alone), "--json", "-")
            assert not os.access(alone / "run.db", os.W_OK, effective_ids=True)
        assert result.code == 0, result.err
        assert json.loads(result.out)["name"] == "story"

    def test_that_a_crash_left_in_the_middle_is_read_from_a_copy(self, alone: Path) -> None:
        """A hot journal must be rolled back before the record can be read, and here nothing may be changed."""
        code = (
            "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
            "c.execute('PRAGMA cache_size=1'); c.execute('BEGIN EXCLUSIVE'); "
            "c.execute(\"UPDATE event SET body = body || ' '\"); "
            'c.execute("INSERT INTO item SELECT place + 1000000, hex(randomblob(4000)) FROM item"); os._exit(0)'
        )
        subprocess.run([sys.executable, "-c", code, str(alone / "run.db")], check=True)  # noqa: S603
        assert (alone / "run.db-journal").exists()
        before = (alone / "run.db").read_bytes()
        assert call("report", str(alone), "--json", "-").code == 0
        assert (alone / "run.db").read_bytes() == before
        assert (alone / "run.db-journal").exists()

    def test_that_a_run_holds_is_75(self, alone: Path) -> None:
        with hold(alone):
            result = call("report", str(alone))
        assert result.code == 75

    def test_that_is_none_is_2(self, alone: Path, tmp_path: Path) -> None:
        (alone / "run.db").write_text("nonsense, and not a little of it")
        assert call("report", str(alone)).code == 2
        assert call("report", str(tmp_path / "nothing")).code == 2

    def test_of_an_unknown_operation_names_it(self, alone: Path) -> None:
        with sqlite3.connect(alone / "run.db") as record:
            record.execute("UPDATE meta SET value = replace(value, '\"stop\"', '\"paint\"') WHERE key = 'info'")
        result = call("report", str(alone))
        assert result.code == 2
        assert "paint" in result.err
