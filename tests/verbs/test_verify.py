"""Stories of `verify`: whether the tasks still are as reported, asked at the place that the record names."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine.lock import hold
from tests.cli.streams import call
from tests.verbs.stage import Stage, opened

if TYPE_CHECKING:
    from pathlib import Path

STATES = {"INCRMIGEATING": 60, "TERMINATED": 15, "SUCCESS": 10, "RUNNING": 15}


def finish(stage: Stage) -> None:
    assert stage.call("run", stage.path).code in {0, 1}


def change_endpoint(stage: Stage, endpoint: str) -> None:
    """As if the run had been there."""
    with sqlite3.connect(stage.out / "run.db") as record:
        info = json.loads(record.execute("SELECT value FROM meta WHERE key = 'info'").fetchone()[0])
        record.execute("UPDATE meta SET value = ? WHERE key = 'info'", [json.dumps({**info, "endpoint": endpoint})])


class TestVerify:
    def test_of_tasks_that_stayed_is_0(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=120, states=STATES, unknown=0.05, strangers=30) as stage:
            finish(stage)
            before = stage.requests("stop", "restart", "delete")
            result = stage.call("verify", str(stage.out))
            assert stage.requests("stop", "restart", "delete") == before
        assert result == (0, "All 120 tasks are still as reported.\n", "")

    def test_of_tasks_that_came_back_is_1_and_names_each(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=60) as stage:
            finish(stage)
            back = stage.ids[:7]
            (tmp_path / "ids.txt").write_text("\n".join(back))
            restart = ("--set", "operation=restart", "--output", str(tmp_path / "elsewhere"))
            assert stage.call("run", stage.path, *restart).code == 0
            result = stage.call("verify", str(stage.out))
        assert result.code == 1
        *lines, verdict = result.out.splitlines()
        assert sorted(line.split()[0] for line in lines) == sorted(back)
        assert all("stopped  reported TERMINATED, now " in line for line in lines)
        assert verdict == "7 of 60 tasks are not as reported."

    def test_believes_a_coarse_list_only_after_a_single_look(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=40, ends_in_error=0.3, list_detail="coarse") as stage:
            finish(stage)
            assert stage.call("verify", str(stage.out)).code == 0

    def test_of_tasks_deleted_since_is_1(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=12) as stage:
            finish(stage)
            delete = ("--set", "operation=delete", "--output", str(tmp_path / "deleted"))
            assert stage.call("run", stage.path, *delete).code == 0
            gone = stage.call("verify", str(stage.out))
            still = stage.call("verify", str(tmp_path / "deleted"))
        assert gone.code == 1
        assert gone.out.count("reported TERMINATED, now not there") == 12
        assert still.code == 0

    def test_says_nothing_of_tasks_that_no_run_has_seen(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=20) as stage:
            assert stage.call("run", stage.path, "--set", "limits.max_tasks=5").code == 4
            result = stage.call("verify", str(stage.out))
        assert result.code == 0
        assert "Of 20 tasks more the report says nothing" in result.out

    def test_goes_with_the_credentials_of_now(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5) as stage:
            finish(stage)
            result = stage.call("verify", str(stage.out), "--set", "service.credentials=env")
            assert result.code == 2
            environ = {"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "s"}
            good = stage.call("verify", str(stage.out), "--set", "service.credentials=env", environ=environ)
        assert "HUAWEICLOUD_SDK_AK" in result.err
        assert good.code == 0

    def test_of_tasks_that_cannot_be_seen_is_75(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=1) as stage:
            finish(stage)
        result = stage.call("verify", str(stage.out), "--set", "limits.give_up_after=1h")
        assert result.code == 75
        assert "could not be seen" in result.out


class TestEndpoint:
    def test_outside_the_vendors_domains_must_be_repeated(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=3) as stage:
            finish(stage)
        change_endpoint(stage, "https://dcs.example.com")
        result = stage.call("verify", str(stage.out))
        assert result.code == 2
        assert "--set service.endpoint=https://dcs.example.com" in result.err

    def test_of_another_service_is_refused(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=3) as stage:
            finish(stage)
            same = stage.call("verify", str(stage.out), "--set", f"service.endpoint={stage.server.url}")
            other = stage.call("verify", str(stage.out), "--set", "service.endpoint=https://dcs.example.com")
        assert same.code == 0
        assert other.code == 2
        assert "repeat just that" in other.err

    @pytest.mark.parametrize("key", ["tasks.file", "operation", "service.project_id", "service", "output.dir"])
    def test_and_all_else_that_the_record_decides_cannot_be_set(self, tmp_path: Path, key: str) -> None:
        with opened(tmp_path, tasks=3) as stage:
            finish(stage)
            result = stage.call("verify", str(stage.out), "--set", f"{key}=x")
        assert result.code == 2
        assert f"--set {key}: decided by the record" in result.err

    def test_of_a_bad_override_is_told_as_in_a_job_file(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=3) as stage:
            finish(stage)
            result = stage.call("verify", str(stage.out), "--set", "submit.workers=none")
        assert result.code == 2
        assert "submit.workers" in result.err


class TestDirectory:
    def test_that_is_held_is_75(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=3) as stage:
            finish(stage)
            with hold(stage.out):
                result = stage.call("verify", str(stage.out))
        assert result.code == 75
        assert "is held by process" in result.err

    def test_without_a_record_is_2(self, tmp_path: Path) -> None:
        assert call("verify", str(tmp_path)).code == 2
        assert "no such directory" in call("verify", str(tmp_path / "nothing")).err

    @pytest.mark.parametrize("verb", ["verify", "undo"])
    def test_of_a_simulated_run_is_2_and_says_why(self, tmp_path: Path, verb: str) -> None:
        job = tmp_path / "job.yaml"
        job.write_text("version: 1\nservice: {simulator: {tasks: 5, stop_seconds: 0.1}}\n")
        out = str(tmp_path / "out")
        assert call("run", str(job), "--output", out).code == 0
        result = call(verb, out)
        assert result.code == 2
        assert "ended with that run" in result.err
        assert call("report", out).code == 0
