import re
from pathlib import Path

from orchestrator.engine.account import InputCounts
from orchestrator.engine.model import Ending
from orchestrator.report.text import render_text
from tests.report.reports import make_report, make_row

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class TestText:
    def test_a_success_fits_a_glance(self) -> None:
        rows = [make_row(f"t{n}") for n in range(12)] + [make_row("u", "already_stopped")]
        text = render_text(
            make_report(rows, input=InputCounts(input=15, unique=13, duplicates=2)),
            files=[Path("out/summary.json")],
            command="run job.yaml",
            colour=False,
        )
        assert text == (
            "All 13 tasks are over.\n"
            "\n"
            "  12  stopped\n"
            "   1  already_stopped\n"
            "  of 15 ids in the input (2 duplicate)\n"
            "\n"
            "Requests\n"
            "  7  stop  2 throttled, 1 tried again, 1 failed, quota learned: 20 in 5 s, counted per user\n"
            "  1  list\n"
            "Time\n"
            "  1 min 40 s\n"
            "Files\n"
            "  out/summary.json\n"
            "Next\n"
            "  Nothing is left to do. The same command again answers from the record and sends nothing.\n"
        )

    def test_names_the_first_five_that_are_not_over_and_says_advice_once(self) -> None:
        rows = [
            make_row(f"t{n}", "rejected", status="MIGRATING", error_code="DCS.4957", error_message="no\x1b[31mw")
            for n in range(7)
        ]
        text = render_text(make_report(rows), files=[], command="run 'my job.yaml'", colour=False)
        assert "  t4  rejected  MIGRATING DCS.4957  no [31mw\n" in text
        assert "t5" not in text
        assert text.count("look at it in the console") == 1
        assert "… and 2 more in tasks.csv" in text
        assert "    orchestrator run 'my job.yaml' --retry\n" in text
        assert "Files" not in text

    def test_a_simulated_run_is_not_said_to_go_on(self) -> None:
        """Its record went with its service: `--retry` would find nothing, and the same command begins anew."""
        report = make_report([make_row("a", "rejected")], job={"service": {"simulator": {"tasks": 5}}})
        text = render_text(report, files=[], command="run demo.yaml", colour=False)
        assert text.endswith("there is nothing to resume, verify or undo.\n    orchestrator run demo.yaml\n")

    def test_an_interrupted_run_names_the_command_that_resumes(self) -> None:
        rows = [make_row("a", "not_attempted", first_status="")]
        text = render_text(
            make_report(rows, ending=Ending.INTERRUPTED, ending_reason="SIGINT received", attempts=3),
            files=[],
            command="run job.yaml",
            colour=False,
        )
        assert text.startswith("Interrupted: SIGINT received; 1 of 1 task is not over.\n")
        assert "taken up 3 times" in text
        assert text.endswith("    orchestrator run job.yaml\n")

    def test_notes_are_bounded(self) -> None:
        report = make_report(notes=[("a.b", f"note {n}") for n in range(8)])
        text = render_text(report, files=[], colour=False)
        assert "note 4" in text
        assert "note 5" not in text
        assert "… and 3 more in the report" in text

    def test_an_empty_run_needs_no_tables(self) -> None:
        text = render_text(make_report([], requests={}, quotas={}), files=[], colour=False)
        assert text.startswith("There was nothing to do")
        assert "Requests" not in text

    def test_few_notes_are_all_shown(self) -> None:
        text = render_text(make_report(notes=[("a.b", "one note")]), files=[], colour=False)
        assert "Notes\n  one note\n" in text
        assert "more in the report" not in text

    def test_a_quota_known_from_an_earlier_attempt_is_told_without_requests(self) -> None:
        text = render_text(make_report(requests={}), files=[], colour=False)
        assert "  0  stop  quota learned" in text

    def test_colour_changes_colour_only(self) -> None:
        rows = [make_row("a"), make_row("b" * 64, "rejected", error_message="[red]x[/red] " * 20)]
        report = make_report(rows)
        plain = render_text(report, files=[Path("/x")], colour=False)
        coloured = render_text(report, files=[Path("/x")], colour=True)
        assert "\x1b[" in coloured
        assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()
