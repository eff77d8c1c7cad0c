"""Promises of history, rows and account: what is told of a run is what its events say, and it closes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.account import InputCounts, Report, RequestCounts, Row, Stretch, Timing, judge
from orchestrator.engine.clock import Clock
from orchestrator.engine.history import MAX_NOTES, History
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ending, Failure, Outcome, Quota, Verdict
from orchestrator.engine.rows import stretches_of
from orchestrator.errors import AccountError, TasksNotOverError
from orchestrator.testing import PHASES
from tests.engine.stage import BUSY, FORBIDDEN, INFO

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = {outcome: outcome.value for outcome in Outcome}


def told(*events: ev.Event) -> History:
    history = History()
    for event in events:
        history.apply(event)
    return history


class TestHistory:
    def test_one_attempt(self) -> None:
        history = told(
            ev.RunStarted(at=100.0, attempt=1, items=5), ev.RunEnded(at=130.0, ending=Ending.FINISHED, reason="why")
        )
        assert (history.attempts, history.started_at, history.elapsed) == (1, 100.0, 30.0)
        assert (history.ending, history.reason, history.is_finished) == (Ending.FINISHED, "why", True)

    @pytest.mark.parametrize("ending", Ending)
    def test_which_endings_are_final(self, ending: Ending) -> None:
        history = told(ev.RunStarted(at=1.0, attempt=1, items=1), ev.RunEnded(at=2.0, ending=ending))
        assert history.is_finished is (ending in (Ending.FINISHED, Ending.DEADLINE))

    def test_only_time_spent_running_counts(self) -> None:
        history = told(
            ev.RunStarted(at=100.0, attempt=1, items=5),
            ev.RunEnded(at=110.0, ending=Ending.INTERRUPTED),
            ev.RunStarted(at=1000.0, attempt=2, items=5),
            ev.Missed(at=1005.0, items=[1]),  # the last word of one that died
            ev.RunStarted(at=2000.0, attempt=3, items=5),
            ev.Missed(at=2001.0, items=[1]),
        )
        assert history.elapsed == 16.0
        assert (history.attempts, history.started_at, history.last_at, history.ending) == (3, 100.0, 2001.0, None)

    def test_a_reopened_run_begins_its_time_anew(self) -> None:
        history = told(
            ev.RunStarted(at=100.0, attempt=1, items=5),
            ev.RunEnded(at=200.0, ending=Ending.DEADLINE),
            ev.Reopened(at=500.0, items=[1]),
            ev.RunStarted(at=500.0, attempt=2, items=5),
            ev.Missed(at=507.0, items=[1]),
        )
        assert history.elapsed == 7.0

    def test_a_clock_that_was_set_back_between_attempts_costs_nothing(self) -> None:
        history = told(
            ev.RunStarted(at=1000.0, attempt=1, items=5),
            ev.RunEnded(at=1010.0, ending=Ending.INTERRUPTED),
            ev.RunStarted(at=400.0, attempt=2, items=5),
            ev.Missed(at=405.0, items=[1]),
        )
        assert history.elapsed == 15.0

    def test_requests_are_added_up(self) -> None:
        history = told(
            ev.Tallied(at=1.0, requests={"stop": {"ok": 2, "throttled": 1}, "list": {"ok": 1}}),
            ev.Tallied(at=2.0, requests={"stop": {"ok": 3, "failed": 4, "retried": 1}}),
        )
        assert history.requests == {
            "list": RequestCounts(ok=1),
            "stop": RequestCounts(ok=5, throttled=1, failed=4, retried=1),
        }
        assert history.requests["stop"].sent == 11

    def test_of_each_api_the_tightest_quota_is_told(self) -> None:
        loose, tight = Quota(policy="user", limit=100, seconds=60.0), Quota(policy="api", limit=1, seconds=1.0)
        newer = Quota(policy="api", limit=2, seconds=1.0)
        history = told(*(ev.QuotaLearned(at=1.0, api="stop", quota=quota) for quota in (loose, tight, newer)))
        assert history.quotas == {"stop": {("user", 60.0): loose, ("api", 1.0): newer}}
        assert history.tightest_quotas == {"stop": loose}

    def test_notes_are_told_once_and_not_without_end(self) -> None:
        history = told(
            ev.ListingRefused(at=1.0, failure=FORBIDDEN),
            ev.ListingRefused(at=2.0, failure=FORBIDDEN),
            *(ev.Noted(at=3.0, name="a.b", text=str(number)) for number in range(2 * MAX_NOTES)),
        )
        assert len(history.notes) == MAX_NOTES
        assert history.notes[0][0] == "survey.listing_refused"
        assert "HTTP 403 NO: no permission" in history.notes[0][1]


class TestRows:
    def test_everything_about_an_item(self) -> None:
        ledger = Ledger(3, phase=PHASES.__getitem__)
        for event in (
            ev.Seen(at=1.0, source="list", statuses={"RUNS": [0, 1]}),
            ev.BatchIntended(at=2.0, batch=1, items=[0, 1]),
            ev.BatchAnswered(at=3.0, batch=1, accepted=[0], refused={1: BUSY}, request_id="r1"),
            ev.Seen(at=9.25, source="look", statuses={"STOPPED": [0]}),
        ):
            ledger.apply(event)
        (stretch,) = stretches_of(ledger, ["a", "b", "c"], Ending.DEADLINE, WORDS)
        first, second, third = stretch.rows()
        assert first == Row("a", "done", "STOPPED", "RUNS", "", "", 1, 3.0, 9.25, 6.25, "r1")
        assert second == Row("b", "rejected", "RUNS", "RUNS", "BUSY", "the state forbids it", 1, None, None, None, "r1")
        assert third == Row("c", "not_attempted", "", "", "", "", 0, None, None, None, "")
        (single,) = stretches_of(ledger, ["a", "b", "c"], Ending.DEADLINE, WORDS, [2])
        assert list(single.rows()) == [third]

    def test_the_request_of_the_refusal_is_named_rather_than_that_of_the_batch(self) -> None:
        ledger = Ledger(1, phase=PHASES.__getitem__)
        refusal = Failure(verdict=Verdict.REJECTED, request_id="of the refusal")
        for event in (
            ev.Seen(at=1.0, source="list", statuses={"RUNS": [0]}),
            ev.BatchIntended(at=2.0, batch=1, items=[0]),
            ev.BatchAnswered(at=3.0, batch=1, accepted=[], rejected={0: refusal}, request_id="of the batch"),
        ):
            ledger.apply(event)
        (stretch,) = stretches_of(ledger, ["a"], Ending.FINISHED, WORDS)
        assert stretch.request_id == ["of the refusal"]


def report(outcomes: dict[str, int], *, ending: Ending = Ending.FINISHED, reason: str = "", unique: int = 9) -> Report:
    def rows() -> Iterator[Stretch]:
        made = [
            Row(f"{word}-{k}", word, "", "", "", "", 0, None, None, None, "")
            for word, number in outcomes.items()
            for k in range(number)
        ]
        yield Stretch._make([getattr(row, name) for row in made] for name in Stretch._fields)

    plain: dict[str, Any] = {"requests": {}, "quotas": {}, "attempts": 1, "notes": ()}
    return Report(
        info=INFO,
        ending=ending,
        ending_reason=reason,
        input=InputCounts(input=unique, unique=unique),
        outcomes=outcomes,
        over=frozenset({"stopped", "ended"}),
        timing=Timing(started_at=0.0, finished_at=1.0, elapsed_seconds=1.0),
        stretches=rows,
        **plain,
    )


class TestReport:
    def test_one_that_does_not_close_is_our_bug(self) -> None:
        report({"stopped": 9}).check()
        with pytest.raises(AccountError, match="8 outcomes for 9 unique ids"):
            report({"stopped": 8}).check()

    def test_all_over_is_no_failure(self) -> None:
        good = report({"stopped": 8, "ended": 1})
        good.raise_for_failures()
        assert (good.outcome, good.exit_code, good.not_over, good.not_stopped) == ("succeeded", 0, 0, [])
        assert good.counts == {"stopped": 8, "ended": 1}

    def test_the_first_few_that_are_not_over_are_named(self) -> None:
        bad = report({"stopped": 2, "rejected": 7})
        with pytest.raises(TasksNotOverError) as caught:
            bad.raise_for_failures()
        assert str(caught.value) == (
            "7 of 9 tasks are not over: rejected-0 (rejected), rejected-1 (rejected), rejected-2 (rejected), "
            "rejected-3 (rejected), rejected-4 (rejected) and 2 more"
        )
        assert caught.value.report is bad
        assert len(bad.not_stopped) == 7

    def test_who_is_not_over_is_read_no_further_than_the_last(self) -> None:
        bad = report({"rejected": 1, "stopped": 8})

        def read() -> Iterator[Stretch]:
            yield from bad.stretches()
            raise AssertionError("read on")

        assert [row.task_id for row in replace(bad, stretches=read).rows_not_over()] == ["rejected-0"]

    def test_nothing_is_read_where_all_is_over(self) -> None:
        def read() -> Iterator[Stretch]:
            raise AssertionError("read")

        assert list(replace(report({"stopped": 9}), stretches=read).rows_not_over()) == []

    def test_how_the_run_ended_is_told_where_it_did_not_just_finish(self) -> None:
        with pytest.raises(TasksNotOverError, match=r"skipped-0 \(skipped\); the run was aborted: too many"):
            report({"stopped": 8, "skipped": 1}, ending=Ending.ABORTED, reason="too many").raise_for_failures()

    @pytest.mark.parametrize(
        ("ending", "not_over", "said"),
        [
            (Ending.FINISHED, 0, ("succeeded", 0)),
            (Ending.FINISHED, 1, ("partial", 1)),
            (Ending.DEADLINE, 0, ("succeeded", 0)),
            (Ending.DEADLINE, 1, ("partial", 1)),
            (Ending.REFUSED, 0, ("aborted", 3)),
            (Ending.ABORTED, 0, ("aborted", 4)),
            (Ending.INTERRUPTED, 0, ("interrupted", 75)),
        ],
    )
    def test_exit_codes(self, ending: Ending, not_over: int, said: tuple[str, int]) -> None:
        assert judge(ending, not_over) == said


class TestClock:
    async def test_stamps_follow_the_loop_and_never_jump_with_the_worlds_clock(self) -> None:
        world = [1_700_000_000.1234567]
        clock = Clock(lambda: world[0])
        world[0] = 5.0
        await anyio.sleep(2.5)
        assert clock.stamp() == 1_700_000_002.623457
