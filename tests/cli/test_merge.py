"""Tests of `orchestrator merge`: real records of shards, joined, or what is missing."""

from __future__ import annotations

import csv
import fcntl
import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.streams import Result, call

if TYPE_CHECKING:
    from pathlib import Path

JOB = """\
version: 1
name: shared
service:
  simulator: {tasks: 40, stop_seconds: {median: 0.05, sigma: 0.1}, latency: {median: 0.001, sigma: 0.1}}
poll: {first_after: 50ms, interval: 50ms}
"""


def run_shard(folder: Path, index: int, count: int = 2, *, job: str = JOB, out: str = "out") -> Result:
    (folder / "job.yaml").write_text(job, encoding="utf-8")
    environ = {"JOB_COMPLETION_INDEX": str(index), "ORCHESTRATOR_SHARD_COUNT": str(count)}
    return call("run", str(folder / "job.yaml"), "--output", str(folder / out), environ=environ)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    for index in range(2):
        assert run_shard(tmp_path, index).code == 0
    return tmp_path


class TestJoining:
    """The whole account, from the shards' records."""

    def test_closes_over_the_whole_input(self, shards: Path) -> None:
        result = call("merge", str(shards / "out"), "--output", str(shards / "merged"))
        assert result.code == 0, result.err
        summary = json.loads((shards / "merged/summary.json").read_text())
        assert summary["counts"]["unique"] == 40
        assert summary["shard"] is None
        with (shards / "merged/tasks.csv").open(newline="") as stream:
            assert len({row["task_id"] for row in csv.DictReader(stream)}) == 40
        assert (shards / "merged/report.html").exists()
        assert "All 40 tasks are over." in result.out

    def test_takes_directories_in_any_order_and_twice(self, shards: Path) -> None:
        out = shards / "out"
        result = call("merge", str(out / "shard-1"), str(out / "shard-0"), str(out), "--output", str(shards / "merged"))
        assert result.code == 0

    def test_leaves_the_shards_as_they_were(self, shards: Path) -> None:
        before = {path: path.read_bytes() for path in (shards / "out").rglob("*") if path.is_file()}
        call("merge", str(shards / "out"), "--output", str(shards / "merged"))
        assert {path: path.read_bytes() for path in (shards / "out").rglob("*") if path.is_file()} == before

    def test_an_empty_shard_counts(self, tmp_path: Path) -> None:
        job = JOB.replace("tasks: 40", "tasks: 1")
        for index in range(2):
            assert run_shard(tmp_path, index, job=job).code == 0
        assert call("merge", str(tmp_path / "out"), "--output", str(tmp_path / "merged")).code == 0


class TestRefusing:
    """Nothing is written, and what is wrong is named."""

    def test_missing_shards(self, tmp_path: Path) -> None:
        run_shard(tmp_path, 1, count=3)
        result = call("merge", str(tmp_path / "out"), "--output", str(tmp_path / "merged"))
        assert result.code == 2
        assert "missing: 2 shards 0, 2 of 3" in result.err
        assert not (tmp_path / "merged").exists()

    def test_shards_of_another_run(self, shards: Path) -> None:
        run_shard(shards, 1, job=JOB.replace("tasks: 40", "tasks: 30"), out="other")
        given = (str(shards / "out/shard-0"), str(shards / "other/shard-1"))
        result = call("merge", *given, "--output", str(shards / "merged"))
        assert result.code == 2
        assert "its input is another set of ids" in result.err

    def test_directories_without_a_record(self, tmp_path: Path) -> None:
        result = call("merge", str(tmp_path), str(tmp_path / "no"), "--output", str(tmp_path / "merged"))
        assert (result.code, result.err.count("no run.db in it")) == (2, 2)

    def test_no_place_to_write_to(self, shards: Path) -> None:
        result = call("merge", str(shards / "out"))
        assert result.code == 2
        assert "--output DIR" in result.err

    def test_a_place_that_has_an_account_of_its_own(self, shards: Path) -> None:
        result = call("merge", str(shards / "out"), "--output", str(shards / "out/shard-0"))
        assert result.code == 2
        assert "holds the record of a run" in result.err

    def test_a_shard_that_is_running(self, shards: Path) -> None:
        with (shards / "out/shard-1/run.lock").open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            result = call("merge", str(shards / "out"), "--output", str(shards / "merged"))
        assert result.code == 75


def test_an_unfinished_shard_is_named_and_its_tasks_are_not_over(shards: Path) -> None:
    """A guard ended it: its tasks are in the account all the same, as not attempted."""
    job = JOB + "limits: {max_tasks: 5}\n"
    for index in range(2):
        run_shard(shards, index, job=job, out="guarded")
    result = call("merge", str(shards / "guarded"), "--output", str(shards / "merged"))
    assert result.code == 1
    assert "shard 0 is aborted" in result.err
    summary = json.loads((shards / "merged/summary.json").read_text())
    assert summary["counts"]["outcomes"]["not_attempted"] == 40
    assert summary["outcome"] == "aborted"
