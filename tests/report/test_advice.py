from __future__ import annotations

import pytest

from orchestrator.engine.model import Ending
from orchestrator.report.advice import CODES, NEXT_STEPS, OUTCOMES, advise, advise_row, is_finished, next_step
from tests.report.reports import OVER, WORDS, make_report, make_row


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
        passed, cut_short = (make_report([row], ending=ending) for ending in (Ending.DEADLINE, Ending.INTERRUPTED))
        assert "--retry" in advise_row(row, finished=is_finished(passed))
        assert "same command" in advise_row(row, finished=is_finished(cut_short))


def test_every_exit_code_of_an_account_says_what_comes_next() -> None:
    assert set(NEXT_STEPS) == {0, 1, 3, 4, 75}
    assert "resumes" in next_step(75)
