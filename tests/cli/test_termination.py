"""Tests of cli/termination.py: the last word, where it goes, and that it never stands in the way."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli import termination
from orchestrator.cli.termination import MAX_BYTES, fitted, leave, of_problems, of_report, place
from orchestrator.engine.account import ShardCounts
from orchestrator.engine.model import Ending
from tests.cli.streams import call
from tests.report.reports import make_report, make_row

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "ORCHESTRATOR_TERMINATION_LOG"


class TestPlace:
    """Where the cluster wants it, and nowhere else."""

    def test_the_variable_names_it(self, tmp_path: Path) -> None:
        assert place({VARIABLE: str(tmp_path / "x")}) == tmp_path / "x"

    def test_in_a_cluster_it_is_the_usual_file_where_that_is_writable(self, tmp_path: Path) -> None:
        usual = tmp_path / "termination-log"
        in_cluster = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        assert place(in_cluster, default=usual) is None
        usual.touch()
        assert place(in_cluster, default=usual) == usual

    def test_outside_of_one_it_is_nowhere(self, tmp_path: Path) -> None:
        usual = tmp_path / "termination-log"
        usual.touch()
        assert place({}, default=usual) is None


class TestLeave:
    """Written in place, and never a reason to fail."""

    def test_replaces_what_stood_in_the_mounted_file(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("x" * 9000)
        inode = path.stat().st_ino
        assert leave({VARIABLE: str(path)}, {"outcome": "succeeded"}) == ""
        assert json.loads(path.read_text()) == {"outcome": "succeeded"}
        assert path.stat().st_ino == inode

    def test_says_nothing_where_nobody_listens(self) -> None:
        assert leave({}, {"outcome": "succeeded"}) == ""

    def test_a_place_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        assert "No such file or directory" in leave({VARIABLE: str(tmp_path / "no" / "log")}, {})

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "log").symlink_to(tmp_path / "precious")
        assert leave({VARIABLE: str(tmp_path / "log")}, {})
        assert not (tmp_path / "precious").exists()

    def test_a_pipe_that_nobody_reads_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "log")
        assert "not written" in leave({VARIABLE: str(tmp_path / "log")}, {})

    def test_a_device_is_no_file(self) -> None:
        assert "not a regular file" in leave({VARIABLE: "/dev/null"}, {})


class TestWords:
    """What is said."""

    def test_of_a_run_with_tasks_left(self, tmp_path: Path) -> None:
        rows = [make_row("a"), *(make_row(f"b{n}", "rejected", error_code="DCS.1") for n in range(30))]
        report = make_report(
            rows, ending=Ending.DEADLINE, ending_reason="too late", shard=ShardCounts(index=1, count=4, input=99)
        )
        word = of_report(report, tmp_path)
        assert (word["outcome"], word["exit_code"], word["not_over"]) == ("partial", 1, 30)
        assert word["outcomes"] == {"stopped": 1, "rejected": 30}
        assert word["first"][0] == {"task_id": "b0", "outcome": "rejected", "code": "DCS.1"}
        assert len(word["first"]) == 10
        assert (word["reason"], word["shard"]) == ("too late", {"index": 1, "count": 4})
        assert word["output"] == str(tmp_path)

    def test_of_a_good_run_is_short(self, tmp_path: Path) -> None:
        word = of_report(make_report(), tmp_path)
        assert not {"first", "reason", "shard"} & set(word)

    @pytest.mark.parametrize(("code", "outcome"), [(2, "aborted"), (70, "aborted"), (75, "interrupted")])
    def test_of_a_command_without_an_account(self, code: int, outcome: str) -> None:
        word = of_problems(["a\nb", *"c" * 50], hint="do this", exit_code=code)
        assert word["outcome"] == outcome
        assert word["problems"][0] == "a b"
        assert len(word["problems"]) == 10
        assert word["hint"] == "do this"

    @given(
        st.fixed_dictionaries(
            {
                "problems": st.lists(st.text(max_size=500), max_size=10),
                "first": st.lists(st.dictionaries(st.just("task_id"), st.text(max_size=64)), max_size=10),
                "reason": st.text(max_size=3000),
                "output": st.text(max_size=3000),
            }
        )
    )
    def test_always_fit_and_are_json(self, word: dict[str, object]) -> None:
        data = fitted(word)
        assert len(data) <= MAX_BYTES
        assert set(json.loads(data)) == set(word)

    def test_long_texts_are_cut_when_nothing_else_is_left(self) -> None:
        kept = json.loads(fitted({"exit_code": 2, "problems": [], "reason": "x" * 9000, "hint": "h"}))
        assert kept["reason"].endswith("…")
        assert (kept["hint"], kept["exit_code"]) == ("h", 2)

    def test_names_give_way_before_the_counts(self) -> None:
        word = {"exit_code": 1, "first": ["x" * 500] * 10, "reason": "r"}
        kept = json.loads(fitted(word))
        assert (kept["exit_code"], kept["reason"]) == (1, "r")
        assert len(kept["first"]) == 8


class TestCommand:
    """Every end of a run has it."""

    def test_an_error_before_the_account(self, tmp_path: Path) -> None:
        result = call("run", "/nowhere.yaml", environ={VARIABLE: str(tmp_path / "log")})
        word = json.loads((tmp_path / "log").read_text())
        assert (word["exit_code"], result.code) == (2, 2)
        assert "/nowhere.yaml" in word["problems"][0]

    def test_a_bad_option_value(self, tmp_path: Path) -> None:
        call("run", "x.yaml", environ={VARIABLE: str(tmp_path / "log"), "ORCHESTRATOR_LOG_LEVEL": "loud"})
        assert "loud" in json.loads((tmp_path / "log").read_text())["problems"][0]

    def test_other_verbs_leave_it_to_the_run(self, tmp_path: Path) -> None:
        call("validate", "/nowhere.yaml", environ={VARIABLE: str(tmp_path / "log")})
        assert not (tmp_path / "log").exists()

    def test_that_it_could_not_be_left_is_said_and_no_more(self, tmp_path: Path) -> None:
        result = call("run", "/nowhere.yaml", environ={VARIABLE: str(tmp_path / "no" / "log")})
        assert result.code == 2
        assert "warning: " in result.err

    def test_the_job_name_is_in_the_log_lines(self) -> None:
        result = call("run", "/nowhere.yaml", "--job-name", "stop-them", "--log-format", "json")
        assert json.loads(result.err.splitlines()[0])["job"] == "stop-them"
        by_variable = call(
            "run", "/nowhere.yaml", environ={"ORCHESTRATOR_JOB_NAME": "x", "ORCHESTRATOR_LOG_FORMAT": "json"}
        )
        assert json.loads(by_variable.err.splitlines()[0])["job"] == "x"


def test_the_default_is_the_clusters() -> None:
    assert str(termination.DEFAULT) == "/dev/termination-log"
