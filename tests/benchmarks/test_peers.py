"""Every peer does the whole work: a comparison with somebody who leaves tasks out would be none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.cases import CASES, Case, Window
from tests.benchmarks.measuring import BenchmarkError, measure
from tests.benchmarks.peers import PEERS

if TYPE_CHECKING:
    from pathlib import Path

QUICK = Case(name="quick", title="", tasks=200, listed=6, stop_seconds=0.05, latency=0.001, interval=0.1)


@pytest.mark.parametrize("name", PEERS)
def test_every_task_is_stopped_once_and_seen_down(name: str, tmp_path: Path) -> None:
    """`measure` compares the peer's account with the service's books."""
    measured = measure(PEERS[name], QUICK, workers=4, limit=60, keep=tmp_path)
    assert measured.requests["stop"] == 4
    assert not any(measured.throttled.values())
    assert measured.most_in_flight <= 4
    assert measured.cpu_seconds > 0
    assert 0 < measured.last_end_seconds <= measured.last_request_seconds <= measured.report_seconds
    assert (measured.requests.get("show", 0) >= 200) == name.endswith("-looks")


@pytest.mark.parametrize("name", ["script-list", "sdk-list"])
def test_throttled_requests_are_tried_again(name: str) -> None:
    throttled = Case(
        name="throttled",
        title="",
        tasks=200,
        stop_seconds=0.05,
        latency=0.0,
        interval=0.1,
        quotas={"stop": Window(limit=2, seconds=0.5, kind="sliding")},
    )
    measured = measure(PEERS[name], throttled, workers=4, limit=60)
    assert measured.throttled["stop"] > 0
    assert measured.requests["stop"] == 4 + measured.throttled["stop"]


def test_who_takes_too_long_is_no_result() -> None:
    with pytest.raises(BenchmarkError, match="took more than 0"):
        measure(PEERS["script-list"], QUICK, workers=4, limit=0.01)


def test_the_command_prints_a_table_writes_json_and_says_who_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CASES, "free", QUICK)
    figures = tmp_path / "figures.json"
    peers = "script-list,script-looks"
    code = main(["--cases=free", f"--peers={peers}", "--tasks=60", "--patience=0", f"--json={figures}"])
    assert code == 0
    printed = capsys.readouterr().out
    assert "| script-list " in printed
    assert "- script-looks is left out: looking singly at 60 tasks would take it about" in printed
    case = json.loads(figures.read_text())["cases"][0]
    assert list(case["rounds"]) == ["script-list"]


def test_an_unknown_case_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--cases=enormous"])
    assert "no case 'enormous'; there are free, buckets" in capsys.readouterr().err
