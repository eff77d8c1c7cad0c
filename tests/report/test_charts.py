import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from orchestrator.report.charts import Curve, clock, curves, histogram, ring, span, ticks, time_ticks

SVG = "{http://www.w3.org/2000/svg}"
LINES = [Curve(points=[(0.0, 0.0), (50.0, 10.0)], filled=True), Curve(points=[(0.0, 0.0), (50.0, 12.0)])]
PICTURES = {
    "ring": lambda: ring({"stopped": 9, "rejected": 1, "ended": 0}, title="Outcomes"),
    "curves": lambda: curves(LINES, title="Outcomes"),
    "histogram": lambda: histogram([0, 4, 9], width=0.5, title="Outcomes"),
}


def drawn(kind: str) -> ET.Element:
    return ET.fromstring(PICTURES[kind]())  # noqa: S314  # our own


@pytest.mark.parametrize("kind", PICTURES)
class TestPictures:
    def test_are_shapes_and_texts_only(self, kind: str) -> None:
        picture = drawn(kind)
        assert {element.tag for element in picture.iter()} <= {
            SVG + tag for tag in ("svg", "g", "path", "rect", "text", "title")
        }
        assert not [
            name for element in picture.iter() for name in element.attrib if name in {"style", "id"} or "href" in name
        ]

    def test_have_a_name_for_those_who_do_not_see_them(self, kind: str) -> None:
        picture = drawn(kind)
        assert (picture.get("role"), picture.get("aria-label")) == ("img", "Outcomes")

    def test_are_the_same_for_the_same_numbers(self, kind: str) -> None:
        assert PICTURES[kind]() == PICTURES[kind]()


class TestRing:
    def test_has_a_sector_for_each_share_that_is_not_nothing(self) -> None:
        picture = drawn("ring")
        assert len(picture.findall(f".//{SVG}path")) == 2
        assert [title.text for title in picture.iter(f"{SVG}title")][:1] == ["stopped: 9"]


class TestHistogram:
    def test_has_a_bar_for_each_bin_that_is_not_empty(self) -> None:
        picture = drawn("histogram")
        assert len(picture.findall(f".//{SVG}rect")) == 2
        assert "9 in 1 to 1.5 s" in [title.text for title in picture.iter(f"{SVG}title")]


class TestCurves:
    def test_lines_without_points_and_lines_of_zeros_are_drawn_as_nothing(self) -> None:
        assert "<svg" in curves([Curve(points=[]), Curve(points=[(0.0, 0.0)])], title="t")

    def test_a_filled_line_and_a_plain_one_differ(self) -> None:
        assert PICTURES["curves"]().count("nofill") == 1


class TestAxes:
    @pytest.mark.parametrize(
        ("top", "last", "number"), [(0, 1, 2), (1, 1, 2), (7, 8, 5), (100, 100, 6), (1_200_000, 1_200_000, 7)]
    )
    def test_numbers_are_whole_round_and_reach_the_top(self, top: float, last: float, number: int) -> None:
        assert (ticks(top)[-1], len(ticks(top))) == (last, number)

    @pytest.mark.parametrize(
        ("end", "labels"),
        [
            (0.0, ["0 s", "0.1 s"]),
            (0.25, ["0 s", "0.1 s", "0.2 s"]),
            (20.0, ["0 s", "5 s", "10 s", "15 s", "20 s"]),
            (400.0, ["0:00 min", "2:00 min", "4:00 min", "6:00 min"]),
            (130.0, ["0:00 min", "0:30 min", "1:00 min", "1:30 min", "2:00 min"]),
            (9_000.0, ["0:00 h", "0:30 h", "1:00 h", "1:30 h", "2:00 h", "2:30 h"]),
            (400_000.0, ["0 d", "1 d", "2 d", "3 d", "4 d"]),
            (4_000_000.0, ["0 d", "10 d", "20 d", "30 d", "40 d"]),
        ],
    )
    def test_times_are_round_in_their_own_units(self, end: float, labels: list[str]) -> None:
        times = time_ticks(end)
        assert [clock(round(time, 3), times[-1]) for time in times] == labels

    def test_a_bin_in_words(self) -> None:
        assert span(4, 0.5) == "2 to 2.5 s"


def test_the_library_leaves_no_hook_in_the_imports_of_the_process() -> None:
    """It would slow down, and warn at, every import after it."""
    code = (
        "import sys; from orchestrator.report.charts import ring; ring({'a': 1}, title='t'); import wave; "
        "assert 'pygal' in sys.modules and 'pygal' not in {type(finder).__module__ for finder in sys.meta_path}"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)  # noqa: S603  # ours
