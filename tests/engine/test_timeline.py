"""The timeline counts requests by the time spent running, in bins whose number is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine import events as ev
from orchestrator.engine.history import History
from orchestrator.engine.model import Ending, Quota
from orchestrator.engine.timeline import MAX_BINS, MAX_CHANGES, Timeline

QUOTA = Quota(policy="user", limit=4, seconds=9.0)


def tally(at: float, number: int = 1, api: str = "stop", result: str = "ok") -> ev.Tallied:
    return ev.Tallied(at=at, requests={api: {result: number}})


def begun(at: float = 1_000.0) -> Timeline:
    timeline = Timeline()
    timeline.started(at, last_at=0.0)
    return timeline


class TestBins:
    def test_a_tally_is_counted_when_it_came(self) -> None:
        timeline = begun()
        for at, number in ((1_000.5, 2), (1_003.0, 1), (1_003.9, 1)):
            timeline.tallied(tally(at, number))
        assert timeline.answers == {"stop": {"ok": [2, 0, 0, 2]}}

    @given(st.lists(st.floats(0, 200_000), max_size=200))
    def test_their_number_is_bounded_and_nothing_is_lost(self, ages: list[float]) -> None:
        timeline = begun()
        for age in sorted(ages):
            timeline.tallied(tally(1_000.0 + age))
        bins = timeline.answers.get("stop", {}).get("ok", ())
        assert len(bins) <= MAX_BINS
        assert sum(bins) == len(ages)

    def test_they_become_wider_for_all_alike(self) -> None:
        timeline = begun()
        timeline.tallied(tally(1_001.0))
        timeline.tallied(tally(1_002.0, api="list", result="throttled"))
        timeline.tallied(tally(1_000.0 + MAX_BINS))
        assert timeline.width == 2.0
        assert timeline.answers["list"]["throttled"] == [0, 1]
        assert timeline.answers["stop"]["ok"][0] == 1


class TestTimeSpentRunning:
    def test_leaves_out_the_pauses(self) -> None:
        timeline = begun()
        timeline.started(5_000.0, last_at=1_010.0)
        assert timeline.starts == [0.0, 10.0]
        assert timeline.offset(1_004.0) == 4.0
        assert timeline.offset(5_002.0) == 12.0
        assert (timeline.attempt(1_004.0), timeline.attempt(5_002.0)) == (0, 1)
        assert (timeline.stamp(4.0), timeline.stamp(12.0)) == (1_004.0, 5_002.0)

    def test_is_nothing_before_the_start(self) -> None:
        assert Timeline().offset(77.0) == 0.0
        assert begun().offset(999.0) == 0.0

    def test_reopening_a_run_a_day_later_is_no_running(self) -> None:
        """The word that a run is reopened comes before its start: it must not count as its last sign of life."""
        history = History()
        for event in (
            ev.RunStarted(at=1_000.0, attempt=1, items=1),
            ev.RunEnded(at=1_010.0, ending=Ending.DEADLINE),
            ev.Reopened(at=90_000.0, items=[0]),
            ev.RunStarted(at=90_000.0, attempt=2, items=1),
            tally(90_003.0),
        ):
            history.apply(event)
        assert history.timeline.starts == [0.0, 10.0]
        assert history.timeline.offset(90_003.0) == 13.0


class TestQuotas:
    def test_are_kept_with_the_time_when_they_were_learned(self) -> None:
        timeline = begun()
        timeline.learned(ev.QuotaLearned(at=1_002.5, api="stop", quota=QUOTA))
        assert timeline.quotas == [(2.5, "stop", QUOTA)]

    def test_are_bounded(self) -> None:
        timeline = begun()
        for number in range(MAX_CHANGES + 5):
            timeline.learned(ev.QuotaLearned(at=1_000.0 + number, api="stop", quota=QUOTA))
        assert len(timeline.quotas) == MAX_CHANGES
