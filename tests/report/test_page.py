import io
from html.parser import HTMLParser

from orchestrator.engine.account import InputCounts, Report, RunInfo, ShardCounts
from orchestrator.engine.model import Ending, Quota
from orchestrator.report import page as module
from orchestrator.report.page import describe_quota, write_page
from tests.report.reports import make_report, make_row

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Reads a page: its tags, whether they close, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def source(report: Report) -> str:
    stream = io.StringIO()
    write_page(report, stream)
    return stream.getvalue()


def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(source(report))
    reader.close()
    assert reader.open == []
    return reader


class TestPage:
    def test_says_the_verdict_first(self) -> None:
        text = read(make_report([make_row("a"), make_row("b", "rejected")])).text
        assert text.index("1 of 2 tasks is not over.") < text.index("Outcomes")

    def test_needs_no_network_and_no_script(self) -> None:
        reader = read(make_report([make_row("b", "rejected")]))
        assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
        assert not [value for name, value in reader.attributes if name in {"src", "href"} or name.startswith("on")]
        assert "url(" not in source(make_report())
        assert "@import" not in source(make_report())

    def test_foreign_text_stays_text(self) -> None:
        evil = "<script>alert('x')</script>\x1b[0m&\"'"
        row = make_row("b", "rejected", error_code=evil, error_message=evil, status=evil, request_id=evil)
        info = RunInfo(run_id=evil, name=evil, operation=evil, reason=evil, endpoint=evil, project_id=evil)
        reader = read(make_report([row], info=info, notes=[(evil, evil)], ending_reason=evil, ending=Ending.ABORTED))
        assert "script" not in reader.tags
        assert reader.text.count("alert('x')") >= 10
        assert "\x1b" not in reader.text

    def test_lists_every_task_that_is_not_over_with_what_to_do(self) -> None:
        row = make_row("bad-1", "rejected", error_code="DCS.4957", error_message="not now", request_id="req-9")
        text = read(make_report([make_row("good-1"), row])).text
        for expected in ("bad-1", "DCS.4957", "not now", "req-9", "look at it in the console"):
            assert expected in text
        assert "good-1" not in text

    def test_a_long_list_is_cut_and_says_where_the_rest_is(self) -> None:
        rows = [make_row(f"id-{n}", "not_found") for n in range(module.MAX_ROWS + 500)]
        text = read(make_report(rows)).text
        assert "The first 2,000 of 2,500; 500 more are in tasks.csv." in text
        assert f"id-{module.MAX_ROWS - 1}" in text
        assert f"id-{module.MAX_ROWS}" not in text

    def test_stays_small_whatever_the_service_says(self) -> None:
        rows = [make_row(f"{n:064}", "rejected", error_message="m" * 5_000) for n in range(3_000)]
        assert len(source(make_report(rows))) < 2_000_000

    def test_shows_requests_quota_time_notes_and_input(self) -> None:
        report = make_report(
            notes=[("listing.refused", "This identity may not list.")],
            input=InputCounts(input=5, unique=1, duplicates=2, malformed=1, excluded=1),
            shard=ShardCounts(index=1, count=4, input=9),
            quotas={
                "stop": Quota(policy="user", limit=20, seconds=5.0),
                "delete": Quota(policy="", limit=1, seconds=1),
            },
        )
        text = read(report).text
        for expected in (
            "20 in 5 s, counted per user",
            "none met",
            "2023-11-14T22:13:20.000Z",
            "1 min 40 s",
            "This identity may not list.",
            "1 unique ids of 5 in the input; 2 duplicate; 1 malformed; 1 excluded.",
            "shard 1 of 4 (9 ids in all)",
        ):
            assert expected in text

    def test_a_run_without_requests_and_without_a_service_is_told_as_such(self) -> None:
        report = make_report([], requests={}, quotas={}, info=RunInfo(run_id="r", name="n", operation="stop"))
        text = read(report).text
        assert "No request was made." in text
        assert "Reason" not in text

    def test_a_task_nobody_said_anything_about_has_an_empty_cell(self) -> None:
        row = make_row("x", "not_attempted", request_id="")
        assert '<td class="message"></td>' in source(make_report([row]))

    def test_many_notes_are_bounded(self) -> None:
        text = read(make_report(notes=[("a.b", f"note {n}") for n in range(module.MAX_NOTES + 7)])).text
        assert "… and 7 more notes." in text

    def test_says_what_to_run_next(self) -> None:
        mixed = [make_row("a", "rejected")]
        assert "orchestrator run JOB.yaml --retry" in read(make_report(mixed)).text
        assert "orchestrator run JOB.yaml" in read(make_report(mixed, ending=Ending.INTERRUPTED)).text
        assert "<pre>" not in source(make_report())

    def test_a_share_is_never_rounded_to_nothing_or_all(self) -> None:
        report = make_report(
            [make_row("a")],
            outcomes={"stopped": 99_999, "rejected": 1, "ended": 0},
            input=InputCounts(input=100_000, unique=100_000),
        )
        text = read(report).text
        assert "99.9 %" in text
        assert "< 0.1 %" in text
        assert "100 %" in read(make_report()).text


def test_a_quota_without_policy_is_told_without() -> None:
    assert describe_quota(Quota(policy="", limit=1_000, seconds=60.0)) == "1,000 in 60 s"
