"""Stories of `plan`: what it says is what a run does, and it does nothing itself."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine.lock import hold
from tests.cli.streams import call
from tests.verbs.stage import opened

if TYPE_CHECKING:
    from pathlib import Path

MIXED = {"MIGRATING": 50, "FULLMIGRATING": 10, "TERMINATED": 20, "SUCCESS": 10, "RUNNING": 10}


def names(plan: dict[str, object]) -> set[str]:
    findings = plan["findings"]
    assert isinstance(findings, list)
    return {finding["name"] for finding in findings}


class TestPlan:
    def test_says_what_the_run_then_does(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=200, states=MIXED, unknown=0.03, strangers=30) as stage:
            plan = stage.plan()
            assert plan["schema"] == "orchestrator.plan/1"
            assert stage.requests("stop", "restart", "delete") == 0
            assert not stage.out.exists()
            assert stage.call("run", stage.path).code == 1
        counts = json.loads((stage.out / "summary.json").read_text())["counts"]["outcomes"]
        tasks = plan["tasks"]
        assert tasks["to_send"]["tasks"] == counts["stopped"]
        assert tasks["already"]["tasks"] == counts["already_stopped"]
        assert tasks["ended"]["tasks"] == counts["ended"]
        assert tasks["skipped"]["tasks"] == counts["skipped"]
        assert tasks["not_found"]["tasks"] == counts["not_found"] == len(tasks["not_found"]["ids"])
        assert plan["requests"]["submit"]["requests"] == -(-counts["stopped"] // 50)

    def test_costs_no_more_requests_than_the_survey_of_a_run(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=1500, strangers=700) as stage:
            plan = stage.plan()
            assert stage.requests("list") == 3
            assert stage.requests() == 3
        assert plan["looked"] == {"list": {"sent": 3, "throttled": 0}}
        assert plan["requests"]["poll_round"]["pages"] == 3

    def test_shows_a_table_to_people(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=60, states=MIXED, unknown=0.05, restarted=0.2) as stage:
            result = stage.call("plan", stage.path)
        assert result.code == 0
        assert result.out.startswith("Plan: stop 3")
        for word in (
            *("to stop", "already stopped  TERMINATED", "ended", "skipped", "not there", "Requests and time"),
            *("200 in 1 s (the", "200 in 5 min", "Look twice", "full migrations", "resume_mode: auto"),
        ):
            assert word in result.out
        assert max(map(len, result.out.splitlines())) <= 130
        assert result.err == ""

    def test_works_on_the_embedded_simulator(self, tmp_path: Path) -> None:
        job = tmp_path / "job.yaml"
        job.write_text("version: 1\nservice: {simulator: {tasks: 20, states: {MIGRATING: 1}}}\n")
        result = call("plan", str(job), "--json", "--output", str(tmp_path / "out"))
        assert json.loads(result.out)["tasks"]["to_send"]["tasks"] == 20
        assert not (tmp_path / "out").exists()


class TestFindings:
    def test_tell_what_a_run_would_not_do(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=300) as stage:
            plan = stage.plan(
                *("--set", "limits.max_tasks=100", "--set", "limits.deadline=1s", "--set", "limits.canary=5"),
                *("--set", "pace.requests_per_second=2"),
            )
        assert {"plan.max_tasks", "plan.deadline", "plan.canary"} <= names(plan)
        assert plan["deadline"]["fits"] == "no"
        assert plan["quota"]["requests_per_second"] == 2
        assert all(finding["blocks"] for finding in plan["findings"] if finding["name"] == "plan.max_tasks")

    def test_tell_of_too_many_that_are_not_there(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=200, unknown=0.7) as stage:
            assert {"plan.max_failures", "plan.not_found"} <= names(stage.plan())

    def test_tell_who_may_not_list_what_that_costs(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=30, deny=["list"]) as stage:
            plan = stage.plan()
        assert "plan.no_list" in names(plan)
        assert plan["requests"]["poll_round"] == {
            "pages": 0,
            "looks": 30,
            "requests": 30,
            "seconds": plan["requests"]["poll_round"]["seconds"],
            "bound": "latency",
        }

    def test_tell_that_shards_share_a_quota(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=400) as stage:
            plan = stage.plan("--set", "shard={index: 0, count: 2}", "--set", "pace.requests_per_second=1")
        assert plan["shard"] == {"index": 0, "count": 2, "input": 400}
        assert "plan.shards" in names(plan)

    def test_tell_of_an_ip_switch_that_a_single_look_shows(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=1, exchanging=1.0) as stage:
            plan = stage.plan()
        assert "plan.ip_switch" in names(plan)
        assert plan["tasks"]["skipped"]["groups"][0]["status"] == "EXCHANGING"

    def test_warn_before_a_deletion(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5, states={"TERMINATED": 1}) as stage:
            assert "plan.delete" in names(stage.plan("--set", "operation=delete"))

    @pytest.mark.parametrize(
        ("environ", "told"),
        [
            ({"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "s", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "t"}, True),
            ({"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "s"}, False),
        ],
    )
    def test_tell_of_credentials_that_may_not_last(
        self, tmp_path: Path, environ: dict[str, str], *, told: bool
    ) -> None:
        with opened(tmp_path, tasks=400) as stage:
            stage.job["service"]["credentials"] = "env"
            stage.write(pace={"requests_per_second": 0.005})
            result = stage.call("plan", stage.path, "--json", "--set", "submit.batch_size=50", environ=environ)
        assert result.code == 0, result.err
        assert ("plan.credentials" in names(json.loads(result.out))) is told


class TestRecord:
    def test_of_an_unfinished_run_is_gone_on_with(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=120, quotas={"stop": {"limit": 1, "seconds": 2}}, stop_seconds=30) as stage:
            limited = ("--set", "limits.give_up_after=1h", "--set", "limits.deadline=1s", "--yes")
            assert stage.call("run", stage.path, *limited).code == 1
            finished = stage.plan()
            assert (finished["record"], finished["tasks"]["over_before"]["tasks"]) == ("finished", 120)
            assert finished["requests"]["submit"]["requests"] == 0
            assert finished["quota"]["known"]["stop"][0]["limit"] == 1

    def test_of_another_run_is_in_the_way(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5) as stage:
            assert stage.call("run", stage.path).code == 0
            (tmp_path / "ids.txt").write_text(stage.ids[0])
            plan = stage.plan()
        assert (plan["record"], "plan.record_other" in names(plan)) == ("other", True)

    def test_that_is_held_or_broken_is_told(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=5) as stage:
            assert stage.call("run", stage.path).code == 0
            with hold(stage.out):
                assert stage.plan()["record"] == "held"
            (stage.out / "run.db").write_bytes(b"nonsense" * 100)
            assert stage.plan()["record"] == "unusable"


class TestErrors:
    def test_of_usage_are_2(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=1) as stage:
            assert stage.call("plan", str(tmp_path / "nothing.yaml")).code == 2
            assert stage.call("plan", stage.path, "--set", "tasks.fil=x").code == 2

    def test_of_the_service_are_3(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=30, deny=["list", "show"]) as stage:
            result = stage.call("plan", stage.path, "--log-format", "console")
        assert result.code == 3
        assert "error: HTTP 403 DCS.2003" in result.err

    def test_of_a_service_that_is_not_there_are_75(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=30) as stage, socket.socket() as held:
            held.bind(("127.0.0.1", 0))  # ours, so that nobody else comes to listen there
            endpoint = f"service.endpoint=http://127.0.0.1:{held.getsockname()[1]}"
            result = stage.call("plan", stage.path, "--set", endpoint, "--set", "limits.give_up_after=100ms")
        assert result.code == 75
        assert not stage.requests("list")


class TestQuestion:
    def test_of_a_run_shows_the_plan_and_asks_once(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=60) as stage:
            refused = stage.at_terminal("run", stage.path, keys="n\n")
            assert (refused.code, stage.requests("stop")) == (2, 0)
            assert not (stage.out / "run.db").exists()
            agreed = stage.at_terminal("run", stage.path, keys="y\n")
        assert agreed.code == 0
        assert "Plan: stop 60 of 60 tasks." in agreed.err
        assert agreed.err.count("Go on? [y/N]") == 1

    def test_is_about_what_is_reopened(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=60, forget=0.5) as stage:
            assert stage.call("run", stage.path, "--set", "limits.deadline=1s").code == 1
            again = stage.at_terminal("run", stage.path, "--retry", keys="n\n")
        assert again.code == 2
        assert "sent before, waited for  INCRMIGEATING 30" in again.err
        assert "final in the record" in again.err

    def test_waits_for_no_look_at_a_long_list(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orchestrator.cli.planning.MOST_LOOKED_AT", 10)
        with opened(tmp_path, tasks=60) as stage:
            result = stage.at_terminal("run", stage.path, keys="n\n")
            assert stage.requests() == 0
        assert "to stop  not looked at yet" in result.err
