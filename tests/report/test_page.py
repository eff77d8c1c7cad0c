import io
from html.parser import HTMLParser
from typing import Any

from orchestrator.engine.account import InputCounts, Report, RunInfo, ShardCounts
from orchestrator.engine.model import Ending, Quota
from orchestrator.report import page as module
from orchestrator.report.onward import Commands
from orchestrator.report.page import write_page
from tests.report.reports import make_report, make_row, make_series

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
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def source(report: Report, commands: Commands | None = None) -> str:
    stream = io.StringIO()
    write_page(report, stream, commands)
    return stream.getvalue()


def read(report: Report, commands: Commands | None = None) -> Reader:
    reader = Reader()
    reader.feed(source(report, commands))
    reader.close()
    assert reader.open == []
    return reader


def full_report(**fields: Any) -> Report:
    return make_report([make_row("a"), make_row("b", "rejected")], series=make_series, job={"name": "x"}, **fields)


class TestPage:
    def test_says_the_verdict_first(self) -> None:
        text = read(full_report()).text
        assert text.index("1 of 2 tasks is not over.") < text.index("Outcomes") < text.index("What next")

    def test_needs_no_network_no_script_and_says_so_to_the_browser(self) -> None:
        reader, page = read(full_report()), source(full_report())
        assert not {"script", "link", "img", "iframe", "object", "a", "image", "use", "form"} & set(reader.tags)
        names = {name for name, _ in reader.attributes}
        assert not {name for name in names if name in {"src", "href", "xlink:href"} or name.startswith("on")}
        for forbidden in ("url(", "@import", "<?xml", "<!--", "javascript", "pygal"):
            assert forbidden not in page
        assert page.index("default-src 'none'") < page.index("<style>")

    def test_names_of_things_in_the_page_are_unique(self) -> None:
        ids = [value for name, value in read(full_report()).attributes if name == "id"]
        assert len(ids) == len(set(ids)) == 6

    def test_foreign_text_stays_text(self) -> None:
        evil = "<script>alert('x')</script>\x1b[0m&\"'"
        row = make_row("b", "rejected", error_code=evil, error_message=evil, status=evil, request_id=evil)
        info = RunInfo(run_id=evil, name=evil, operation=evil, reason=evil, endpoint=evil, project_id=evil)
        report = make_report(
            [row],
            info=info,
            notes=[(evil, evil)],
            ending_reason=evil,
            ending=Ending.ABORTED,
            series=make_series,
            job={evil: evil},
            versions={evil: evil},
            quotas={"stop": Quota(policy=evil, limit=1, seconds=1.0)},
        )
        reader = read(report, Commands(again=evil, directory=evil))
        assert "script" not in reader.tags
        assert reader.text.count("alert('x')") >= 16
        assert "\x1b" not in reader.text

    def test_shows_requests_quota_notes_and_input(self) -> None:
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
            "1 in 1 s",
            "none met",
            "This identity may not list.",
            "1 unique ids of 5 in the input; 2 duplicate; 1 malformed; 1 excluded.",
            "shard 1 of 4 (9 ids in all)",
        ):
            assert expected in text

    def test_a_run_without_requests_and_without_a_service_is_told_as_such(self) -> None:
        report = make_report([], requests={}, quotas={}, info=RunInfo(run_id="r", name="n", operation="stop"))
        reader = read(report)
        assert "No request was made." in reader.text
        assert "Reason" not in reader.text
        assert "svg" not in reader.tags

    def test_many_notes_are_bounded(self) -> None:
        text = read(make_report(notes=[("a.b", f"note {n}") for n in range(module.MAX_NOTES + 7)])).text
        assert "… and 7 more notes." in text

    def test_a_share_is_never_rounded_to_nothing_or_all(self) -> None:
        report = make_report(
            [make_row("a")],
            outcomes={"stopped": 99_999, "already_stopped": 0, "rejected": 1},
            input=InputCounts(input=100_000, unique=100_000),
        )
        text = read(report).text
        assert "99.9 %" in text
        assert "< 0.1 %" in text
        assert "100 %" in read(make_report()).text

    def test_stays_below_two_megabytes_whatever_the_service_says(self) -> None:
        """Letters outside of ASCII take more bytes, quoted ones more letters."""
        for letter in ("m", "统", '"'):
            rows = [
                make_row(f"{n:064}", "rejected", error_message=letter * 5_000, error_code=letter * 5_000)
                for n in range(3_000)
            ]
            assert len(source(make_report(rows, series=make_series)).encode()) < 2_000_000
