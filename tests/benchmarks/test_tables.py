"""What was measured reaches people and machines unchanged, each figure next to its bound."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.benchmarks.cases import CASES
from tests.benchmarks.measuring import Measured
from tests.benchmarks.results import CaseResult, Goal, goals
from tests.benchmarks.tables import as_json, render, render_goals

MACHINE = {"machine": "a machine, 2 cores", "system": "Linux 6", "python": "CPython 3.11"}
SETTINGS = {"workers": 8, "rounds": 1}
START_UP = {"ours": 0.5, "script-list": 0.2}
OURS = Measured(
    peer="ours",
    tasks=2_000,
    cpu_seconds=1.5,
    system_seconds=0.5,
    peak_bytes=60_000_000,
    requests={"stop": 40, "list": 160},
    throttled={"stop": 1, "list": 0},
    submit_seconds=2.0,
    last_end_seconds=20.0,
    last_request_seconds=21.0,
    report_seconds=21.5,
    longest_stop_seconds=18.0,
    most_in_flight=8,
    service_cpu_seconds=1.0,
    record_bytes=200_000,
    load=0.5,
)
SCRIPT = replace(OURS, peer="script-list", cpu_seconds=3.0, requests={"stop": 40, "list": 1_200}, record_bytes=None)


def _sparse(*measured: Measured) -> CaseResult:
    result = CaseResult(case=CASES["sparse"], skipped={"sdk-looks": "it would take too long"})
    for one in measured:
        result.add(one)
    return result


def _rows(text: str) -> dict[str, list[str]]:
    cells = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    )
    return {row[0]: row for row in cells}


def test_the_table_has_every_peer_next_to_the_bound() -> None:
    text = render([_sparse(OURS, SCRIPT)], START_UP, MACHINE, SETTINGS)
    rows = _rows(text)
    head = rows["peer"]
    ours, bound = dict(zip(head, rows["ours"], strict=True)), dict(zip(head, rows["bound"], strict=True))
    assert (ours["µs/task"], ours["net µs"], ours["÷ ours"]) == ("750.0", "500.0", "1.00")
    assert (ours["list"], bound["list"], ours["throttled"], ours["lag s"]) == ("160", "100", "stop 1", "1.5")
    assert bound["last end s"] == "18.0"
    assert dict(zip(head, rows["script-list"], strict=True))["÷ ours"] == "2.00"
    assert "- sdk-looks is left out: it would take too long" in text
    assert text.startswith("a machine, 2 cores, Linux 6, python CPython 3.11\n")


def test_all_lines_of_a_table_are_equally_long() -> None:
    text = render([_sparse(OURS)], START_UP, MACHINE, SETTINGS)
    table = [line for line in text.partition("### goals")[0].splitlines() if line.startswith("|")]
    assert len({len(line) for line in table}) == 1


def test_json_holds_every_round_and_the_table_their_median() -> None:
    rounds = [replace(OURS, cpu_seconds=seconds) for seconds in (1.0, 9.0, 2.0)]
    result = _sparse(*rounds, SCRIPT)
    found: dict[str, Any] = json.loads(json.dumps(as_json([result], START_UP, MACHINE, SETTINGS)))
    case = found["cases"][0]
    assert [one["cpu_seconds"] for one in case["rounds"]["ours"]] == [1.0, 9.0, 2.0]
    assert case["bound"]["requests"] == {"stop": 40, "list": 100, "show": 0}
    assert case["cpu_ratio_to_ours"]["script-list"] == 1.5
    assert case["request_ratio_to_ours"]["script-list"] == 6.2
    assert found["machine"] == MACHINE


def test_goals_are_judged_against_the_script_of_the_same_run() -> None:
    judged = {goal.name: goal for goal in goals([_sparse(OURS, SCRIPT)], START_UP)}
    ratio = judged["requests ÷ the script's"]
    assert (ratio.value, ratio.met) == (200 / 1_240, True)
    assert not goals([_sparse(SCRIPT)], START_UP)


def test_a_missed_goal_is_seen() -> None:
    slow = replace(OURS, submit_seconds=25.0)
    result = CaseResult(case=CASES["buckets"])
    result.add(slow)
    share = next(goal for goal in goals([result], START_UP) if goal.at_least)
    assert (share.value, share.met) == (19 / 25, False)
    assert "MISSED" in render_goals([share])


def test_cpu_a_task_is_compared_across_the_cases_that_differ_in_size_only() -> None:
    free, large = CaseResult(case=CASES["free"]), CaseResult(case=CASES["large"])
    free.add(replace(OURS, tasks=10_000, cpu_seconds=1.5))
    large.add(replace(OURS, tasks=100_000, cpu_seconds=12.5))
    assert goals([large, free], START_UP)[-1] == Goal(
        case="large", name="CPU a task beyond start-up ÷ that of free", value=1.2, bound=1.1
    )
