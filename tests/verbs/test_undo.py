"""Stories of `undo`: exactly what was stopped is restarted, once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchestrator.engine.lock import hold
from tests.verbs.stage import Stage, opened

if TYPE_CHECKING:
    from pathlib import Path

STATES = {"INCRMIGEATING": 60, "TERMINATED": 25, "SUCCESS": 15}


def stopped(stage: Stage) -> set[str]:
    lines = (stage.out / "tasks.csv").read_text().splitlines()[1:]
    return {line.split(",")[0] for line in lines if line.split(",")[1] == "stopped"}


def restarted(stage: Stage) -> list[str]:
    """In order; what was throttled was not looked at."""
    arrivals = [each for each in stage.books.arrivals if each.api == "restart" and not each.throttled]
    return [task_id for arrival in arrivals for task_id in arrival.ids]


def summary(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stage.out / "undo" / "summary.json").read_text())
    return found


class TestUndo:
    def test_restarts_what_was_stopped_and_nothing_else(self, tmp_path: Path) -> None:
        with opened(
            tmp_path, tasks=150, states=STATES, strangers=20, quotas={"restart": {"limit": 2, "seconds": 1}}
        ) as stage:
            assert stage.call("run", stage.path).code == 0
            result = stage.call("undo", str(stage.out))
            assert result.code == 0, result.err
            assert set(restarted(stage)) == stopped(stage)
            assert summary(stage)["counts"]["outcomes"]["restarted"] == len(stopped(stage))
            assert (summary(stage)["operation"], summary(stage)["name"]) == ("restart", "story-undo")
            assert stage.call("verify", str(stage.out / "undo")).code == 0

    def test_again_is_answered_from_its_record(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=20) as stage:
            assert stage.call("run", stage.path).code == 0
            assert stage.call("undo", str(stage.out)).code == 0
            before = stage.requests()
            again = stage.call("undo", str(stage.out))
            assert (again.code, stage.requests()) == (0, before)

    def test_is_taken_up_where_it_ended(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=120, quotas={"restart": {"limit": 1, "seconds": 1}}) as stage:
            assert stage.call("run", stage.path).code == 0
            short = stage.call("undo", str(stage.out), "--set", "limits.deadline=500ms")
            assert short.code == 1
            assert f"orchestrator undo {stage.out} --set limits.deadline=500ms --retry" in short.out
            assert stage.call("undo", str(stage.out), "--retry").code == 0
            assert len(restarted(stage)) == len(set(restarted(stage))) == 120

    def test_shows_its_plan_and_asks(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=20) as stage:
            assert stage.call("run", stage.path).code == 0
            refused = stage.at_terminal("undo", str(stage.out), keys="\n")
            assert (refused.code, stage.requests("restart")) == (2, 0)
            assert "Plan: restart 20 of 20 tasks." in refused.err
            assert stage.at_terminal("undo", str(stage.out), "--yes", keys="").code == 0

    def test_of_a_later_run_is_no_repetition_of_the_first(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=10) as stage:
            assert stage.call("run", stage.path).code == 0
            assert stage.call("undo", str(stage.out)).code == 0
            assert stage.call("run", stage.path, "--fresh").code == 0
            result = stage.call("undo", str(stage.out))
            assert result.code == 2
            assert "another undo" in result.err
            assert "--fresh" in result.err
            assert stage.call("undo", str(stage.out), "--fresh").code == 0
            assert set(restarted(stage)[10:]) == stopped(stage)

    def test_of_nothing_is_well(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=10, states={"SUCCESS": 1}) as stage:
            assert stage.call("run", stage.path).code == 0
            assert stage.call("undo", str(stage.out)).code == 0
            assert stage.requests("restart") == 0


class TestRefusals:
    def test_of_a_run_that_did_not_stop(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5, states={"TERMINATED": 1}) as stage:
            assert stage.call("run", stage.path, "--set", "operation=restart").code == 0
            result = stage.call("undo", str(stage.out))
        assert result.code == 2
        assert "only stopping can be undone" in result.err

    def test_while_the_run_itself_goes_on(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5) as stage:
            assert stage.call("run", stage.path).code == 0
            with hold(stage.out):
                assert stage.call("undo", str(stage.out)).code == 75

    def test_where_the_directory_cannot_be_made(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5) as stage:
            assert stage.call("run", stage.path).code == 0
            (stage.out / "undo").write_text("in the way")
            assert stage.call("undo", str(stage.out)).code == 2
