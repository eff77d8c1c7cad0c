import pytest

from orchestrator.engine.model import Ending
from orchestrator.report.verdict import verdict
from tests.report.reports import make_report, make_row

DONE = [make_row("a"), make_row("b")]
MIXED = [make_row("a"), make_row("b", "rejected")]


class TestVerdict:
    @pytest.mark.parametrize(
        ("rows", "ending", "reason", "sentence"),
        [
            (DONE, Ending.FINISHED, "", "All 2 tasks are over."),
            (DONE[:1], Ending.FINISHED, "", "The one task is over."),
            ([], Ending.FINISHED, "", "There was nothing to do: no task is in this run."),
            (MIXED, Ending.FINISHED, "", "1 of 2 tasks is not over."),
            (MIXED, Ending.DEADLINE, "", "The deadline passed; 1 of 2 tasks is not over."),
            (DONE, Ending.DEADLINE, "", "All 2 tasks are over."),
            (MIXED, Ending.INTERRUPTED, "SIGTERM received", "Interrupted: SIGTERM received; 1 of 2 tasks is not over."),
            (MIXED, Ending.ABORTED, "too many.", "A guard ended the run: too many; 1 of 2 tasks is not over."),
            (MIXED, Ending.REFUSED, "", "The service refused the run; 1 of 2 tasks is not over."),
            (DONE, Ending.INTERRUPTED, "", "Interrupted; 0 of 2 tasks are not over."),
        ],
    )
    def test_says_it_in_one_sentence(self, rows: list[object], ending: Ending, reason: str, sentence: str) -> None:
        assert verdict(make_report(rows, ending=ending, ending_reason=reason)) == sentence  # type: ignore[arg-type]
