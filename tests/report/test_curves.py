from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.account import Report, RequestCounts, RunInfo
from orchestrator.engine.model import Quota
from orchestrator.engine.series import Series
from orchestrator.report.curves import POINTS, SMOOTHED, over_time, rolling, window_of
from tests.report.reports import make_report, make_row, make_series

QUOTA = Quota(policy="user", limit=12, seconds=5.0)


def report_with(series: Series, **fields: Any) -> Report:
    return make_report([make_row("a")], series=lambda: series, **fields)


def markup(report: Report) -> str:
    return "\n".join(over_time(report))


class TestOverTime:
    def test_says_nothing_where_nothing_was_recorded(self) -> None:
        assert markup(make_report()) == ""

    def test_shows_progress_durations_and_each_api_those_with_a_quota_first(self) -> None:
        text = markup(report_with(make_series()))
        titles = [
            "Accepted, and stopped",
            "How long a stop took",
            "stop: requests in any 2 min",
            "list: requests in any",
        ]
        places = [text.index(title) for title in titles]
        assert places == sorted(places)
        assert "quota: 20 in 5 s, counted per user" in text
        assert "The quota was learned after 12 s of running." in text
        assert "show: requests" not in text

    def test_says_what_the_pictures_do_not_show(self) -> None:
        text = markup(report_with(make_series(), outcomes={"stopped": 1, "already_stopped": 7}))
        for expected in (
            "the run was taken up 2 times",
            "Not in it: 7 already_stopped.",
            "3 of the stopped were in requests whose answer was lost.",
            "12 took longer than the picture shows.",
            "7 waited through a pause of the run",
            "Half took at most <b>12 s</b>, 90 % 22 s, 99 % 29 s; the longest 1 h 01 min.",
        ):
            assert expected in text

    def test_a_plain_run_of_another_operation_has_no_asides(self) -> None:
        series = replace(make_series(), starts=(0.0,), unheard=0, durations=None, quotas=())
        info = RunInfo(run_id="r", name="n", operation="restart")
        outcomes = {"restarted": 1, "already_running": 0}
        text = markup(report_with(series, info=info, outcomes=outcomes, quotas={}))
        assert "Accepted, and restarted" in text
        assert "How long" not in text
        assert "quota" not in text
        assert "lost" not in text

    def test_an_api_without_recorded_answers_is_drawn_flat(self) -> None:
        series = replace(make_series(), answers={}, quotas=())
        text = markup(report_with(series, requests={"stop": RequestCounts(ok=1)}, quotas={"stop": QUOTA}))
        assert "throttled" not in text
        assert "learned after" not in text

    def test_durations_of_other_operations_are_called_by_their_name(self) -> None:
        info = RunInfo(run_id="r", name="n", operation="restart")
        series = make_series()
        assert series.durations is not None
        whole = replace(series.durations, beyond=0, spanned=0)
        text = markup(report_with(replace(series, durations=whole), info=info))
        assert "How long a restart took" in text
        assert "took longer than" not in text
        assert "pause of the run and" not in text


class TestWindow:
    def test_is_the_quotas_own_where_bins_are_fine(self) -> None:
        window = window_of(QUOTA, 1.0)
        assert (window.bins, window.seconds, window.allowed) == (5, 5.0, 12)

    def test_is_rather_shorter_than_longer_than_the_quotas_own(self) -> None:
        """A shorter one can never hold more than the quota allows."""
        window = window_of(replace(QUOTA, seconds=5.5), 1.0)
        assert (window.seconds, window.allowed) == (5.0, 12)

    def test_is_several_bins_where_they_are_coarse_and_allows_so_much_more(self) -> None:
        window = window_of(QUOTA, 8.0)
        assert window.bins == SMOOTHED
        assert window.allowed == pytest.approx(76.8)

    def test_is_one_bin_without_a_quota(self) -> None:
        window = window_of(None, 2.0)
        assert (window.bins, window.seconds, window.allowed) == (1, 2.0, None)


class TestRolling:
    def test_counts_what_lies_in_the_window_that_ends_there(self) -> None:
        points = rolling([12, 0, 0, 0, 0, 12], window_of(QUOTA, 1.0), length=7, width=1.0)
        assert points == [(0.0, 0.0), *((float(n), 12.0) for n in range(1, 8))]

    @given(st.lists(st.integers(0, 50), max_size=600), st.integers(1, 40))
    def test_is_bounded_and_never_hides_a_peak(self, counts: list[int], bins: int) -> None:
        window = replace(window_of(None, 1.0), bins=bins)
        length = len(counts) + 1
        points = rolling(counts, window, length=length, width=1.0)
        highest = max(sum(counts[max(0, end - bins) : end]) for end in range(1, length + 1))
        assert len(points) <= POINTS + 1
        assert max(y for _, y in points) == highest
        assert [x for x, _ in points] == sorted({x for x, _ in points})
