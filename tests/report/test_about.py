from orchestrator.engine.account import Report
from orchestrator.report.about import MAX_JOB, about, job_text
from tests.report.reports import make_report


def markup(report: Report) -> str:
    return "\n".join(about(report))


class TestAbout:
    def test_says_when_it_ran_with_what_and_under_which_job(self) -> None:
        report = make_report(versions={"orchestrator": "0.9.0"}, job={"version": 1, "name": "x"}, attempts=3)
        text = markup(report)
        for expected in (
            "2023-11-14T22:13:20.000Z",
            "1 min 40 s",
            ">3<",
            "Begun with orchestrator <code>0.9.0</code>",
            "version: 1\nname: x\n",
        ):
            assert expected in text

    def test_a_run_without_a_record_has_no_job_file(self) -> None:
        text = markup(make_report())
        assert "Job file" not in text
        assert "This page was written by" in text


class TestJobText:
    def test_leaves_out_what_is_not_set_and_keeps_the_order(self) -> None:
        job = {"z": 1, "a": {"b": None, "c": [], "d": False}, "e": {}}
        assert job_text(make_report(job=job)) == "z: 1\na:\n  d: false\n"

    def test_control_characters_are_not_shown(self) -> None:
        """YAML quotes and escapes them."""
        assert "\x1b" not in job_text(make_report(job={"a": "x\x1b[0m"}))

    def test_a_long_one_is_cut(self) -> None:
        assert len(job_text(make_report(job={"ids": ["x" * 60] * 1_000}))) < MAX_JOB + 100
