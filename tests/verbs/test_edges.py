"""What the stories of the verbs do not reach: overrides at their edges, records of other makes, questions to a seal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console as RichConsole
from rich.live import Live

from orchestrator.cli.progress import Numbers, Pace, Tally
from orchestrator.cli.recorded import NOWHERE, words_of
from orchestrator.cli.state import state_fields, state_line
from orchestrator.cli.verify import Findings, describe
from orchestrator.cli.views import Bar
from orchestrator.engine import events as ev
from orchestrator.engine.model import Failure, Phase, Quota, Verdict
from orchestrator.errors import InputError, RecordUnusableError
from orchestrator.job.again import job_again
from tests.verbs.stage import opened

if TYPE_CHECKING:
    from pathlib import Path

DEEP: list[Any] = []
for _ in range(20):
    DEEP = [DEEP]
VENDOR = "https://dcs.cn-north-4.myhuaweicloud.com"


def again(job: dict[str, Any], *overrides: str, operation: str = "stop", endpoint: str = VENDOR) -> Any:
    return job_again(job, operation=operation, endpoint=endpoint, project_id="p", name="n", overrides=overrides)


class TestJobAgain:
    def test_keeps_its_options_and_none_of_its_tasks(self) -> None:
        job = {
            "service": {"region": "cn-north-4", "credentials": "env", "simulator": None, "read_timeout": "5s"},
            "tasks": {"ids": ["a"], "file": "ids.txt", "stop_states": ["RUNNING"], "where": None},
            "limits": {"deadline": "1h30m", "max_failures": "25%"},
            "submit": {"workers": 3},
            "shard": {"index": 1, "count": 2},
            "reason": "costs ${nothing}",
        }
        spec = again(job, "limits.max_tasks=7", "service.proxy=http://proxy:1")
        assert (spec.service.endpoint, spec.service.credentials, spec.service.read_timeout) == (VENDOR, "env", 5.0)
        assert (spec.limits.deadline, spec.limits.max_failures, spec.limits.max_tasks) == (5400.0, 0.25, 7)
        assert (spec.submit.workers, spec.share, spec.reason) == (3, None, "costs ${nothing}")
        assert spec.tasks.stop_states == ["RUNNING"]
        assert spec.tasks.file is None
        assert again(job, operation="restart").tasks.stop_states != ["RUNNING"]

    @pytest.mark.parametrize(
        "job", [{"submit": {"workers": object()}}, {"limits": {"a": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}}]
    )
    def test_refuses_what_no_job_has(self, job: dict[str, Any]) -> None:
        with pytest.raises(InputError, match="the record's job"):
            again(job)

    def test_tells_what_is_wrong_in_it(self) -> None:
        with pytest.raises(InputError, match=r"the record's job: submit\.workers"):
            again({"submit": {"workers": "many"}})

    @pytest.mark.parametrize("endpoint", [VENDOR, "http://127.0.0.1:8080"])
    def test_trusts_the_vendor_and_this_machine(self, endpoint: str) -> None:
        assert again({}, endpoint=endpoint).service.endpoint == endpoint

    def test_goes_elsewhere_only_by_hand(self) -> None:
        with pytest.raises(InputError, match="repeat it"):
            again({}, endpoint="https://dcs.example.com")
        spec = again({}, "service.endpoint='https://dcs.example.com/'", endpoint="https://dcs.example.com")
        assert spec.service.endpoint == "https://dcs.example.com"


class TestWords:
    async def test_are_all_that_a_recorded_operation_has(self) -> None:
        operation = words_of("delete", {})
        assert operation.gone_is_goal
        with pytest.raises(RuntimeError, match=f"nobody is asked: show was to be sent to {NOWHERE}"):
            await operation.look("t")

    def test_of_an_operation_of_another_version_are_not_known(self) -> None:
        with pytest.raises(RecordUnusableError, match="paint"):
            words_of("paint", {})


@pytest.mark.parametrize(
    ("checked", "different", "unseen", "text"),
    [
        (1, 0, 0, "The one task is still as reported."),
        (9, 1, 2, "1 of 9 tasks is not as reported."),
        (9, 0, 2, "2 of 9 tasks could not be seen; all others are as reported."),
    ],
)
def test_verification_ends_with_a_sentence(checked: int, different: int, unseen: int, text: str) -> None:
    findings = Findings(checked=checked, unclaimed=0, different=["x"] * different, unseen=["y"] * unseen)
    assert describe(findings) == text + "\n"


def test_the_state_says_what_holds_it() -> None:
    tally = Tally(lambda _: Phase.ALIEN)
    quota = Quota(policy="user", limit=5, seconds=10.0)
    throttled = Failure(verdict=Verdict.THROTTLED, quota=quota)
    tally(
        ev.RequestEnded(at=100.0, api="stop", result="throttled", seconds=0.1, attempt=1, delay=0.0, failure=throttled)
    )
    tally(ev.QuotaLearned(at=100.0, api="stop", quota=quota))
    numbers = Numbers(total=9, over=1, waiting=2, failed=3, to_send=3)
    assert state_line(numbers, tally, 104.0) == (
        "state: 1 of 9 over, 2 waiting, 3 failed, 3 to send, stop quota (5 in 10 s) opens in 6.0 s; "
        "requests: 1 stop (1 throttled)"
    )
    assert state_fields(numbers, tally, 104.0)["quota_opens_in"] == {"stop": "6.0 s"}
    assert "quota_opens_in" not in state_fields(numbers, tally, 999.0)


def test_the_list_of_a_service_that_says_too_little_selects_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, tasks=3, faults={"rate": 1.0, "kinds": ["error_502_html"]}) as stage:
        stage.write(tasks={"where": {"status": ["MIGRATING"]}})
        assert stage.call("plan", stage.path).code == 75


class TestBar:
    """Where the terminal is made narrower it breaks our lines in two: all of what they became must go."""

    @pytest.mark.parametrize(("columns", "wiped"), [(30, "\x1b[5A\r\x1b[J\x1b[1B"), (80, None), (120, None)])
    def test_leaves_no_remains_on_a_terminal_that_was_made_narrower(self, columns: int, wiped: str | None) -> None:
        numbers = Numbers(total=5_000, over=3_100, waiting=1_200, failed=0, to_send=700)
        tally = Tally(lambda _: Phase.ALIEN)
        failure = Failure(verdict=Verdict.THROTTLED, quota=Quota(policy="user", limit=5, seconds=10.0))
        tally(ev.RequestEnded(at=1e9, api="stop", result="throttled", seconds=0, attempt=1, delay=99, failure=failure))
        screen = RichConsole(file=io.StringIO(), force_terminal=True, width=80, height=24, legacy_windows=False)
        with Live(console=screen, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
            bar = Bar(live, now=lambda: 1e9)
            bar.draw(numbers, tally, Pace())
            screen.width = columns
            bar.draw(numbers, tally, Pace())
        shown = screen.file.getvalue()  # type: ignore[attr-defined]  # in memory
        assert ("\x1b[J" in shown) is (wiped is not None)
        assert wiped is None or wiped in shown
