"""Stories of `tasks.where`: the service's list is read once, and the choice is frozen into the record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.verbs.stage import Stage, opened

if TYPE_CHECKING:
    from pathlib import Path

STATES = {"MIGRATING": 50, "INCRMIGEATING": 20, "TERMINATED": 20, "RUNNING": 10}


def choose(stage: Stage, exclude: list[str] | None = None, **where: Any) -> None:
    stage.write(tasks={"where": where, "exclude": exclude or []})


def summary(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stage.out / "summary.json").read_text())
    return found


def rows(stage: Stage) -> list[str]:
    return [line.split(",")[0] for line in (stage.out / "tasks.csv").read_text().splitlines()[1:]]


class TestSelection:
    def test_stops_what_it_takes_and_nothing_else(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=150, strangers=100, states=STATES) as stage:
            choose(stage, status=["MIGRATING"], name="dcs-migration-00000[0-4]*")
            result = stage.call("run", stage.path)
            assert result.code == 0, result.err
            stopped = {task_id for arrival in stage.books.arrivals if arrival.api == "stop" for task_id in arrival.ids}
        assert set(rows(stage)) == stopped
        counts = summary(stage)["counts"]
        assert counts["outcomes"]["stopped"] == counts["unique"] == len(stopped) > 10
        assert "selected by the service: status MIGRATING, name dcs-migration-00000[0-4]*" in result.out

    def test_leaves_out_what_is_excluded(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=20) as stage:
            choose(stage, exclude=stage.ids[:3], status=["incrmigrating"])
            assert stage.call("run", stage.path).code == 0
        assert sorted(rows(stage)) == sorted(stage.ids[3:])
        assert summary(stage)["counts"]["excluded"] == 3

    def test_is_not_made_again_by_a_run_that_is_taken_up(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=80, quotas={"stop": {"limit": 1, "seconds": 1}}) as stage:
            choose(stage, status=["INCRMIGEATING"])
            assert stage.call("run", stage.path, "--set", "limits.deadline=700ms").code == 1
            before = rows(stage)
            assert stage.call("run", stage.path, "--retry").code == 0
            assert stage.call("run", stage.path).code == 0
        assert rows(stage) == before
        assert summary(stage)["counts"]["outcomes"]["stopped"] == 80

    def test_of_another_kind_is_another_run(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=10) as stage:
            choose(stage, status=["INCRMIGEATING"])
            assert stage.call("run", stage.path).code == 0
            choose(stage, status=["INCRMIGEATING", "MIGRATING"])
            result = stage.call("run", stage.path, "--log-format", "console")
        assert result.code == 2
        assert "another selection" in result.err

    def test_that_is_empty_is_well(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=10) as stage:
            choose(stage, name="nobody-*")
            assert stage.call("run", stage.path).code == 0
            assert stage.call("run", stage.path).code == 0
            plan = stage.plan("--output", str(tmp_path / "other"))
            shown = stage.call("plan", stage.path, "--output", str(tmp_path / "other")).out
        assert summary(stage)["counts"]["unique"] == 0
        assert plan["selection"].endswith("0 of 10 tasks in its list")
        assert shown.startswith("Plan: there is nothing to stop")

    def test_needs_the_permission_to_list_and_says_so(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=10, deny=["list"]) as stage:
            choose(stage, name="*")
            result = stage.call("run", stage.path, "--log-format", "console")
            assert stage.requests("stop") == 0
        assert result.code == 3
        assert "dcs:migrationTask:list" in result.err
        assert not (stage.out / "run.db").exists()

    def test_from_a_service_that_fails_is_tried_again_later(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=10, faults={"rate": 1.0, "kinds": ["error_500"]}) as stage:
            choose(stage, name="*")
            result = stage.call("run", stage.path, "--log-format", "console")
        assert result.code == 75
        assert "nothing was selected and nothing was sent" in result.err

    def test_is_shared_out_by_hash(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=100) as stage:
            choose(stage, name="dcs-migration-*")
            found = []
            for index in range(2):
                share = ("--set", f"shard={{index: {index}, count: 2}}", "--output", str(tmp_path / f"out-{index}"))
                assert stage.call("run", stage.path, *share).code == 0
                stage.out = tmp_path / f"out-{index}"
                found += rows(stage)
                assert summary(stage)["shard"] == {"index": index, "count": 2, "input": 100}
        assert sorted(found) == sorted(stage.ids)

    def test_can_be_undone(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=30, strangers=10) as stage:
            choose(stage, status=["INCRMIGEATING"], name="*[02468]")
            assert stage.call("run", stage.path).code == 0
            assert stage.call("undo", str(stage.out), "--yes").code == 0
            assert stage.call("verify", str(stage.out / "undo")).code == 0

    def test_of_what_the_simulator_has_works_too(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=1) as stage:
            choose(stage, status=["MIGRATING"])
            stage.write(
                service={"simulator": {"tasks": 40, "states": {"MIGRATING": 1, "SUCCESS": 1}, "stop_seconds": 0.1}}
            )
            assert stage.call("run", stage.path).code == 0
        assert 0 < summary(stage)["counts"]["outcomes"]["stopped"] < 40
