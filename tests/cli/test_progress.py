from __future__ import annotations

import pytest

from orchestrator.cli.progress import Numbers, Pace, Tally, what_holds_it, where_it_stands
from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Phase, Quota, Verdict

PHASES = {"MIGRATING": Phase.ACTIONABLE, "TERMINATING": Phase.GOING, "TERMINATED": Phase.GOAL, "FAILED": Phase.ENDED}
FAILURE = Failure(verdict=Verdict.REJECTED)
QUOTA = Quota(policy="user", limit=20, seconds=5.0)


def tally_of(*events: ev.Event) -> Tally:
    tally = Tally(lambda status: PHASES.get(status, Phase.ALIEN))
    for event in events:
        tally(event)
    return tally


def ended(result: str, at: float = 0.0, delay: float = 0.0, failure: Failure | None = None) -> ev.RequestEnded:
    return ev.RequestEnded(at=at, api="stop", result=result, seconds=0.1, attempt=1, delay=delay, failure=failure)


class TestTally:
    def test_counts_without_an_object_per_task(self) -> None:
        tally = tally_of(
            ev.RunStarted(at=0, attempt=2, items=10),
            ev.Seen(at=0, source="list", statuses={"MIGRATING": range(6), "FAILED": [6], "X": [7], "TERMINATING": []}),
            ev.BatchAnswered(at=1, batch=1, accepted=range(5), rejected={5: FAILURE}),
            ev.Gone(at=1, item=8, failure=FAILURE),
            ev.Rejected(at=1, items={9: FAILURE}),
            ev.Seen(at=2, source="list", statuses={"TERMINATED": [0, 1]}),
            ev.Missed(at=2, items=[3]),
        )
        assert (tally.attempt, tally.accepted, tally.stopped, tally.ended, tally.failed) == (2, 5, 2, 1, 3)
        assert tally.numbers() == Numbers(total=10, over=3, waiting=4, failed=3, to_send=0)
        assert tally.batches == 1

    def test_never_counts_more_than_there_are(self) -> None:
        twice = ev.Seen(at=2, source="list", statuses={"TERMINATED": [0, 1]})
        numbers = tally_of(ev.RunStarted(at=0, attempt=1, items=2), twice, twice).numbers()
        assert numbers == Numbers(total=2, over=2, waiting=0, failed=0, to_send=0)

    def test_requests_are_counted_by_api_and_result(self) -> None:
        assert tally_of(ended("ok"), ended("ok"), ended("failed")).requests == {"stop": {"ok": 2, "failed": 1}}

    @pytest.mark.parametrize(
        ("event", "left"),
        [
            (ended("throttled", at=10, delay=4.0), 4.0),
            (ended("throttled", at=10, failure=Failure(verdict=Verdict.THROTTLED, retry_after=7.0)), 7.0),
            (ended("throttled", at=10, failure=Failure(verdict=Verdict.THROTTLED, quota=QUOTA)), 5.0),
        ],
    )
    def test_a_throttled_answer_shuts_the_api_until_its_window_opens(self, event: ev.RequestEnded, left: float) -> None:
        tally = tally_of(event)
        assert tally.throttled_now(10.0) == {"stop": left}
        assert tally.throttled_now(10.0 + left) == {}
        assert tally.numbers().throttled_until == 10.0 + left

    @pytest.mark.parametrize("failure", [None, FAILURE, Failure(verdict=Verdict.THROTTLED)])
    def test_a_throttled_answer_without_a_time_shuts_nothing(self, failure: Failure | None) -> None:
        assert tally_of(ended("throttled", at=10, failure=failure)).throttled_now(10.0) == {}

    def test_an_answer_opens_it_again(self) -> None:
        assert tally_of(ended("throttled", at=10, delay=9), ended("ok", at=11)).throttled_now(11.0) == {}

    def test_knows_quotas_and_the_end(self) -> None:
        end = ev.RunEnded(at=9, ending=Ending.FINISHED)
        tally = tally_of(ev.QuotaLearned(at=0, api="stop", quota=QUOTA), end)
        assert tally.quotas == {"stop": QUOTA}
        assert tally.ending is end


class TestPace:
    def test_is_unknown_until_enough_was_seen(self) -> None:
        pace = Pace()
        assert pace.per_second is None
        pace.note(0, 0)
        pace.note(1, 100)
        assert pace.per_second is None
        assert pace.seconds_left(10) is None

    def test_is_measured_over_the_last_half_minute(self) -> None:
        pace = Pace()
        for second in range(100):
            pace.note(float(second), 1_000 if second < 50 else 1_000 + 10 * (second - 50))
        assert pace.per_second == pytest.approx(10.0)
        assert pace.seconds_left(50) == pytest.approx(5.0)

    def test_a_standstill_promises_nothing(self) -> None:
        pace = Pace()
        pace.note(0, 5)
        pace.note(10, 5)
        assert pace.seconds_left(10) is None


class TestWords:
    def test_say_the_most_telling_first_and_no_zeros(self) -> None:
        numbers = Numbers(total=5_000, over=3_100, waiting=1_200, failed=0, to_send=700)
        assert where_it_stands(numbers) == ["3,100 of 5,000 over", "1,200 waiting", "700 to send"]
        assert where_it_stands(Numbers(total=2, over=1, waiting=0, failed=1, to_send=0))[1:] == ["1 failed"]

    def test_say_what_holds_the_run(self) -> None:
        tally = tally_of(ev.QuotaLearned(at=0, api="stop", quota=QUOTA), ended("throttled", at=0, delay=3))
        pace = Pace()
        pace.note(0, 0)
        pace.note(10, 50)
        numbers = Numbers(total=100, over=50, waiting=20, failed=0, to_send=30)
        assert what_holds_it(numbers, tally, pace, 0.0) == [
            "5.0/s",
            "stop quota (20 in 5 s) opens in 3.0 s",
            "about 10 s left at this pace",
        ]

    def test_a_gauge_may_know_of_a_shut_quota_that_the_tally_does_not(self) -> None:
        numbers = Numbers(total=1, over=0, waiting=0, failed=0, to_send=1, throttled_until=70.0)
        assert what_holds_it(numbers, tally_of(), Pace(), 10.0) == ["quota opens in 1 min 00 s"]
        assert what_holds_it(numbers, tally_of(), Pace(), 80.0) == []

    def test_a_fast_pace_needs_no_tenths(self) -> None:
        pace = Pace()
        pace.note(0, 0)
        pace.note(10, 12_345)
        numbers = Numbers(total=12_345, over=12_345, waiting=0, failed=0, to_send=0)
        assert what_holds_it(numbers, tally_of(), pace, 0.0) == ["1,234/s"]
