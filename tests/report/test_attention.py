from collections.abc import Iterator
from dataclasses import replace

from orchestrator.engine.account import Report, Stretch
from orchestrator.report import attention as module
from orchestrator.report.attention import attention
from tests.report.reports import make_report, make_row, stretches


def markup(report: Report) -> str:
    return "\n".join(attention(report))


class TestAttention:
    def test_lists_every_task_that_is_not_over_with_what_to_do(self) -> None:
        row = make_row("bad-1", "rejected", error_code="DCS.4957", error_message="not now", request_id="req-9")
        text = markup(make_report([make_row("good-1"), row]))
        for expected in ("bad-1", "DCS.4957", "not now", "req-9", "look at it in the console"):
            assert expected in text
        assert "good-1" not in text

    def test_says_nothing_where_all_is_over(self) -> None:
        assert markup(make_report()) == ""

    def test_a_task_nobody_said_anything_about_has_an_empty_cell(self) -> None:
        row = make_row("x", "not_attempted", request_id="")
        assert '<td data-label="What the service said" class=message></td>' in markup(make_report([row]))

    def test_a_long_list_is_cut_and_says_where_the_rest_is(self) -> None:
        rows = [make_row(f"id-{n}", "not_found") for n in range(module.MAX_ROWS + 500)]
        text = markup(make_report(rows))
        assert "The first 2,000 of 2,500; 500 more are in <code>tasks.csv</code>." in text
        assert f"id-{module.MAX_ROWS - 1}<" in text
        assert f"id-{module.MAX_ROWS}<" not in text

    def test_causes_are_counted_over_all_tasks_the_most_frequent_first(self) -> None:
        """Also over those that are not listed any more."""
        rows = [make_row("a", "skipped", status="RUNNING", error_code="X.1")]
        rows += [make_row(f"t-{n}", "timed_out", status="MIGRATING") for n in range(module.MAX_ROWS + 10)]
        text = markup(make_report(rows))
        assert text.index(">2,010<") < text.index("<code>X.1</code>")

    def test_one_cause_needs_no_table_of_causes(self) -> None:
        assert markup(make_report([make_row("a", "timed_out"), make_row("b", "timed_out")])).count("<table") == 1

    def test_causes_are_bounded(self) -> None:
        rows = [make_row(f"t-{n}", "rejected", error_code=f"C.{n}") for n in range(module.CAUSES_KEPT + 50)]
        assert "and 970 rarer causes" in markup(make_report(rows))

    def test_reads_no_further_than_it_must(self) -> None:
        """A million rows are read once, and only up to the last one that is not over."""

        def read() -> Iterator[Stretch]:
            yield from stretches([make_row("a", "rejected")])
            raise AssertionError("read on")

        report = make_report([make_row("a", "rejected"), make_row("b")])
        assert "<code>a</code>" in markup(replace(report, stretches=read))
