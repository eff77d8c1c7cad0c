"""The series are what the rows of the account say, over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine import series as module
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Phase
from orchestrator.engine.series import CURVE_BINS, Series, nice, series_of
from orchestrator.engine.states import State
from orchestrator.engine.timeline import Timeline
from orchestrator.testing import FakeOperation
from tests.engine.stage import LOST_AFTER, Stage, new_record, running

if TYPE_CHECKING:
    from pathlib import Path

START = 1_000.0
NAN = math.nan
MOMENTS = st.one_of(st.just(NAN), st.floats(START, START + 100))


def series_over(stamps: list[tuple[float, float]], *, last_at: float, starts: tuple[float, ...] = ()) -> Series:
    """The series of tasks (accepted, finished), NaN where there is none; finished ones are at the goal."""
    ledger = Ledger(len(stamps), phase=lambda _: Phase.GOAL)
    for item, (accepted, finished) in enumerate(stamps):
        ledger.accepted_at[item], ledger.finished_at[item] = accepted, finished
        ledger.state[item] = State.WAITING if math.isnan(finished) else State.DONE
    timeline = Timeline()
    timeline.started(START, last_at=0.0)
    for at, last in zip(starts[::2], starts[1::2], strict=True):
        timeline.started(at, last_at=last)
    found = series_of(ledger, timeline, last_at=last_at)
    assert found is not None
    return found


class TestCurves:
    def test_end_at_what_was_accepted_and_done(self) -> None:
        series = series_over([(START, START + 5), (START + 1, NAN), (NAN, START + 9), (NAN, NAN)], last_at=START + 10)
        assert (series.seconds, series.accepted[-1], series.done[-1], series.unheard) == (10.0, 2, 2, 1)
        assert len(series.accepted) == len(series.done) == CURVE_BINS

    def test_rise_when_it_happened(self) -> None:
        series = series_over([(START + 2.5, START + 7.5)], last_at=START + 10)
        first = series.accepted.index(1)
        assert first * series.width <= 2.5 <= (first + 1) * series.width
        assert series.done.index(1) * series.width <= 7.5

    def test_are_over_the_time_spent_running(self) -> None:
        """A pause of an hour is a kink, not a plateau; who waited through it is not in the distribution."""
        stamps = [(START + 1, START + 2), (START + 8, 5_002.0), (5_001.0, 5_003.0)]
        series = series_over(stamps, last_at=5_010.0, starts=(5_000.0, START + 10))
        assert (series.seconds, series.starts) == (20.0, (0.0, 10.0))
        assert series.done.index(2) * series.width == pytest.approx(12.0, abs=series.width)
        assert series.durations is not None
        assert (series.durations.spanned, series.durations.longest) == (1, 2.0)

    def test_of_a_run_that_took_no_time_there_are_none(self) -> None:
        assert series_of(Ledger(1, phase=lambda _: Phase.GOAL), Timeline(), last_at=5.0) is None

    def test_nobody_at_the_goal_is_no_distribution(self) -> None:
        assert series_over([(START, NAN)], last_at=START + 1).durations is None


class TestFold:
    @given(st.lists(st.tuples(MOMENTS, MOMENTS), min_size=1, max_size=40), st.booleans())
    def test_is_what_each_task_says(self, stamps: list[tuple[float, float]], resumed: bool) -> None:  # noqa: FBT001
        """However many are looked at at once, and however few different stamps are told apart."""
        starts = (START + 50, START + 40) if resumed else ()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, "STRETCH", 7)
            patched.setattr(module, "MAX_MET", 2)
            found = series_over(stamps, last_at=START + 100, starts=starts)
        at_goal = [(accepted, finished) for accepted, finished in stamps if not math.isnan(finished)]
        heard = [(accepted, finished) for accepted, finished in at_goal if not math.isnan(accepted)]
        in_one = [pair for pair in heard if not resumed or (pair[0] < START + 50) == (pair[1] < START + 50)]
        assert found.accepted[-1] == sum(not math.isnan(accepted) for accepted, _ in stamps)
        assert (found.done[-1], found.unheard) == (len(at_goal), len(at_goal) - len(heard))
        assert (found.durations is None) == (not in_one)
        if found.durations is not None:
            assert found.durations.spanned == len(heard) - len(in_one)
            assert found.durations.longest == max(max(0.0, finished - accepted) for accepted, finished in in_one)
            assert sum(found.durations.counts) + found.durations.beyond == len(in_one)


class TestDurations:
    @given(st.lists(st.floats(0, 10_000), min_size=1, max_size=300))
    def test_every_task_is_in_one_bin_or_beyond(self, taken: list[float]) -> None:
        found = series_over([(START, START + seconds) for seconds in taken], last_at=START + 20_000).durations
        assert found is not None
        assert sum(found.counts) + found.beyond == len(taken)
        assert found.beyond <= len(taken) // 100
        assert found.median <= found.p90 <= found.p99 <= found.longest
        assert 1 <= len(found.counts) <= 62

    def test_a_long_tail_does_not_flatten_the_picture(self) -> None:
        found = series_over([(START, START + 1)] * 199 + [(START, START + 1_000)], last_at=START + 2_000).durations
        assert found is not None
        assert (found.beyond, found.p99, found.longest) == (1, 1.0, 1_000.0)

    def test_a_clock_that_went_back_is_no_time(self) -> None:
        found = series_over([(START + 5, START + 4)], last_at=START + 10).durations
        assert found is not None
        assert found.longest == 0.0

    @pytest.mark.parametrize(("value", "expected"), [(0.07, 0.1), (1, 1), (1.2, 2), (2.1, 5), (6, 10), (400, 500)])
    def test_bins_have_round_widths(self, value: float, expected: float) -> None:
        assert nice(value) == pytest.approx(expected)


class TestOfARun:
    async def test_says_what_the_rows_say(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(200))
        operation.faults["stop"] = [LOST_AFTER]
        stage = Stage(operation, record=new_record(tmp_path / "run.db", list(operation.tasks)))
        report = await stage.play()
        series, rows = report.series(), list(report.rows())
        assert series is not None
        assert series.seconds == pytest.approx(report.timing.elapsed_seconds, abs=0.001)
        assert series.done[-1] == report.outcomes["stopped"] == 200
        assert series.accepted[-1] == sum(row.accepted_at is not None for row in rows)
        assert series.unheard == 200 - series.accepted[-1] > 0
        answered: dict[str, Any] = {api: sum(map(sum, results.values())) for api, results in series.answers.items()}
        assert answered == {api: counts.sent for api, counts in report.requests.items()}

    async def test_the_account_knows_job_and_versions_of_its_record(self, tmp_path: Path) -> None:
        operation = FakeOperation(running(1))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        report = await Stage(operation, record=record).play()
        assert (report.job, report.versions) == ({}, {})  # this record says nothing of them
        assert (await Stage(FakeOperation(running(1))).play()).job == {}
