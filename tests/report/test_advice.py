from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine.model import Ending
from orchestrator.report.advice import CODES, NEXT_STEPS, OUTCOMES, advise, advise_row, next_step, rows_not_over
from tests.report.reports import OVER, WORDS, make_report, make_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.engine.account import Row


class TestAdvise:
    @pytest.mark.parametrize("outcome", sorted(set(WORDS) - OVER))
    def test_every_outcome_that_is_not_over_has_advice(self, outcome: str) -> None:
        assert advise(outcome).endswith(".")
        assert advise(outcome, finished=False).endswith(".")

    @pytest.mark.parametrize("outcome", sorted(OVER))
    def test_what_is_over_needs_none(self, outcome: str) -> None:
        assert advise(outcome) == ""

    def test_a_known_code_changes_the_advice_for_a_refusal(self) -> None:
        assert advise("rejected", code="DCS.4957") == CODES["DCS.4957"] != advise("rejected", code="DCS.9999")

    def test_a_skipped_task_is_told_by_its_status(self) -> None:
        assert "configure" in advise("skipped", status="RUNNING")
        assert advise("skipped", status="SOMETHING") == OUTCOMES["skipped"]

    def test_the_same_command_helps_only_a_run_that_was_cut_short(self) -> None:
        assert "--retry" in advise("not_attempted", finished=True)
        assert "same command" in advise("not_attempted", finished=False)

    def test_rows_are_judged_by_their_own_run(self) -> None:
        row = make_row("a", "not_attempted")
        assert "--retry" in advise_row(make_report([row], ending=Ending.DEADLINE), row)
        assert "same command" in advise_row(make_report([row], ending=Ending.INTERRUPTED), row)
        over = make_report([row], over=OVER | {"not_attempted"})
        assert advise_row(over, row) == ""


class TestRowsNotOver:
    def test_are_the_first_in_input_order(self) -> None:
        rows = [make_row("a"), make_row("b", "skipped"), make_row("c", "rejected"), make_row("d", "rejected")]
        assert [row.task_id for row in rows_not_over(make_report(rows), 2)] == ["b", "c"]

    def test_nothing_is_read_where_all_is_over(self) -> None:
        read: list[Row] = []

        def rows() -> Iterator[Row]:
            read.append(make_row("a"))
            return iter(read)

        assert rows_not_over(replace(make_report(), rows=rows), 5) == []
        assert read == []


def test_every_exit_code_of_an_account_says_what_comes_next() -> None:
    assert set(NEXT_STEPS) == {0, 1, 3, 4, 75}
    assert "resumes" in next_step(75)
