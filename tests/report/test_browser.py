"""The page as people get it: opened in a real browser, on a phone and a desk, light and dark, and on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.report.browser import Tab, running
from tests.report.reports import make_row, make_series, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
EVIL = "<script>document.title='x'</script><img src=http://example.com/x>\x1b[0m"

# Letters of a picture that are cut off by its edge, and labels of an axis that run into each other.
CUT = """[...document.querySelectorAll('svg.chart')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
  }).map(text => text.textContent);
})"""
CRAMPED = """[...document.querySelectorAll('svg.chart .axis.x')].flatMap(axis => {
  const boxes = [...axis.querySelectorAll('text')].map(text => [text.getBoundingClientRect(), text.textContent]);
  return boxes.slice(1).filter(([box], place) => box.left < boxes[place][0].right + 2).map(([, text]) => text);
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[str]:
    with running() as address:
        yield address


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every section, hostile texts, long words, a run of hours that was resumed."""
    rows = [make_row(f"{number:032x}") for number in range(50)]
    rows += [make_row("b" * 64, "rejected", error_code=EVIL, error_message=EVIL * 5, request_id="r" * 64)]
    rows += [make_row(f"c-{number}", "timed_out", status="MIGRATING") for number in range(30)]
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    return written(
        path, rows, series=make_series, notes=[(EVIL, EVIL)], job={"name": EVIL, "tasks": {"ids": ["x" * 200]}}
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
class TestInABrowser:
    async def test_asks_nobody_and_complains_of_nothing(
        self, browser: str, page: Path, width: int, scheme: str
    ) -> None:
        async with Tab(browser) as tab:
            await tab.open(page, width=width, scheme=scheme)
            assert tab.fetched == [page.as_uri()]
            assert tab.complaints == []
            assert await tab.evaluate("document.title") == "old-migrations: partial"

    async def test_never_scrolls_sideways(self, browser: str, page: Path, width: int, scheme: str) -> None:
        async with Tab(browser) as tab:
            await tab.open(page, width=width, scheme=scheme)
            assert await tab.evaluate("innerWidth") == width
            assert await tab.evaluate("document.documentElement.scrollWidth") <= width

    async def test_no_letter_of_a_picture_is_cut_or_overlaps(
        self, browser: str, page: Path, width: int, scheme: str
    ) -> None:
        async with Tab(browser) as tab:
            await tab.open(page, width=width, scheme=scheme)
            assert await tab.evaluate("document.querySelectorAll('svg.chart').length") == 5
            assert await tab.evaluate(CUT) == []
            assert await tab.evaluate(CRAMPED) == []

    async def test_pictures_have_the_colours_of_the_scheme(
        self, browser: str, page: Path, width: int, scheme: str
    ) -> None:
        async with Tab(browser) as tab:
            await tab.open(page, width=width, scheme=scheme)
            paper = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
            assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}[scheme]
            sector = await tab.evaluate("getComputedStyle(document.querySelector('.ring .slice path')).fill")
            assert sector == {"light": "rgb(47, 158, 99)", "dark": "rgb(63, 191, 123)"}[scheme]
            assert len(await tab.screenshot()) > 20_000


class TestOnPaper:
    async def test_is_printed_dark_on_light_whatever_the_screen(self, browser: str, page: Path) -> None:
        async with Tab(browser) as tab:
            await tab.open(page, width=1280, scheme="dark", media="print")
            assert await tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert (await tab.printed()).startswith(b"%PDF-")
            assert tab.complaints == []
