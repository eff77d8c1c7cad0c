import pytest

from orchestrator.engine.account import Report, RunInfo
from orchestrator.engine.model import Ending
from orchestrator.report.onward import Commands, onward
from tests.report.reports import make_report, make_row

COMMANDS = Commands(again="run 'my jobs/job.yaml' --output 'out/a b'", directory="out/a b")


def markup(report: Report, commands: Commands = COMMANDS) -> str:
    return "\n".join(onward(report, commands))


class TestOnward:
    def test_names_the_very_paths_quoted_for_a_shell(self) -> None:
        text = markup(make_report([make_row("a", "rejected")]))
        assert "orchestrator run &#x27;my jobs/job.yaml&#x27; --output &#x27;out/a b&#x27; --retry" in text
        assert "orchestrator verify &#x27;out/a b&#x27;" in text

    @pytest.mark.parametrize(
        ("ending", "outcome", "command"),
        [
            (Ending.FINISHED, "rejected", "run JOB.yaml --retry<"),
            (Ending.INTERRUPTED, "unconfirmed", "run JOB.yaml<"),
            (Ending.REFUSED, "not_attempted", "run JOB.yaml<"),
            (Ending.ABORTED, "not_attempted", "run JOB.yaml<"),
        ],
    )
    def test_says_how_to_go_on(self, ending: Ending, outcome: str, command: str) -> None:
        text = markup(make_report([make_row("a", outcome)], ending=ending), Commands())
        assert command in text
        assert "undo" not in text  # nothing was stopped

    def test_a_run_that_is_over_can_be_verified_undone_and_rendered_again(self) -> None:
        text = markup(make_report(), Commands())
        assert "orchestrator run" not in text
        for verb in ("verify OUT_DIR", "undo OUT_DIR", "report OUT_DIR --html"):
            assert f"orchestrator {verb}" in text

    def test_without_a_record_there_is_nothing_to_verify(self) -> None:
        """What `merge` wrote is an account of several records."""
        text = markup(make_report([make_row("a", "timed_out")]), Commands(recorded=False))
        assert "--retry" in text
        assert "verify" not in text

    def test_only_a_stop_can_be_undone(self) -> None:
        info = RunInfo(run_id="r", name="n", operation="delete")
        assert "undo" not in markup(make_report(info=info))

    def test_a_simulated_run_has_nothing_to_come_back_to(self) -> None:
        text = markup(make_report(job={"service": {"simulator": {"tasks": 5}}}))
        assert "ended with it" in text
        assert "verify &" not in text
        assert "from the beginning" in text
