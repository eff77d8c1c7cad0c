"""Pictures for the page: SVG without script or style, nothing fetched; the page's own style sheet colours them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from orchestrator.engine.series import nice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WIDTH, HEIGHT = 430, 240  # the picture's own units: small, so that its letters are readable on a phone
RING = 240
LETTERS: Final = 13  # font size in these units; the style sheet has the same
TICKS, TIME_TICKS = 6, 5  # labels on an axis, about: times are wider
MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds
# Seconds between two labels of a time axis.
TIME_STEPS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY),
)
# Parts of the library's pictures that are no shapes, by tag and class: background, legend, what a script would use.
BALLAST: Final[Mapping[str, frozenset[str]]] = {
    "desc": frozenset({"x", "y", "value"}),
    "rect": frozenset({"background"}),
    "g": frozenset({"overlay", "text-overlay", "tooltip-overlay", "legends", "titles"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line of a chart: points (x, y) with x rising, and whether the area under it is filled."""

    points: Sequence[tuple[float, float]]
    filled: bool = False


def ring(shares: Mapping[str, int], *, title: str) -> str:
    """A ring of shares, one sector each, in order; `serie-0` is the first one's class."""
    chart = _chart("Pie", title, width=RING, height=RING, inner_radius=0.62)
    for name, number in shares.items():
        chart.add(name, [{"value": number, "label": f"{name}: {number:,}"}])
    return _svg(chart)


def curves(lines: Sequence[Curve], *, title: str) -> str:
    """Lines over the time spent running."""
    end = max((line.points[-1][0] for line in lines if line.points), default=0.0)
    top = max((y for line in lines for _, y in line.points), default=0.0)
    x_labels, y_labels = time_ticks(end), ticks(top)
    chart = _chart(
        "XY",
        title,
        width=WIDTH,
        height=HEIGHT,
        show_dots=False,
        xrange=(0, max(end, x_labels[-1])),
        range=(0, y_labels[-1]),
        x_labels=x_labels,
        y_labels=y_labels,
        x_value_formatter=_clock_of(x_labels),
        value_formatter=_whole,
    )
    for line in lines:
        chart.add("", list(line.points), fill=line.filled)
    return _svg(chart)


def histogram(counts: Sequence[int], *, width: float, title: str) -> str:
    """Bars side by side: `counts[k]` from `k * width` to `(k + 1) * width` seconds."""
    y_labels = ticks(max(counts, default=0))
    x_labels = time_ticks(len(counts) * width)
    chart = _chart(
        "Histogram",
        title,
        width=WIDTH,
        height=HEIGHT,
        xrange=(0, max(len(counts) * width, x_labels[-1])),
        range=(0, y_labels[-1]),
        x_labels=x_labels,
        y_labels=y_labels,
        x_value_formatter=_clock_of(x_labels),
        value_formatter=_whole,
    )
    bars = [
        {"value": (number, place * width, (place + 1) * width), "label": f"{number:,} in {span(place, width)}"}
        for place, number in enumerate(counts)
        if number
    ]
    chart.add("", bars)
    return _svg(chart)


def span(place: int, width: float) -> str:
    """The bin `place` of a histogram in words: `2 to 2.5 s`."""
    return f"{place * width:g} to {(place + 1) * width:g} s"


def ticks(top: float) -> list[float]:
    """Round numbers from 0 to one that is not below `top`, whole ones."""
    step = max(1.0, nice(top / TICKS)) if top > 0 else 1.0
    return [step * number for number in range(max(1, math.ceil(top / step)) + 1)]


def time_ticks(end: float) -> list[float]:
    """Round times from 0 to `end` seconds, the last one not after it unless there is no other."""
    wanted = end / TIME_TICKS
    step = next((step for step in TIME_STEPS if step >= wanted), None) or nice(wanted / DAY) * DAY
    return [step * number for number in range(max(1, math.floor(end / step)) + 1)]


def clock(seconds: float, last: float) -> str:
    """A time on an axis that goes up to `last`: `40 s`, `2:30 min`, `1:15 h`, `0.5 d`."""
    if last >= 2 * DAY:
        return f"{seconds / DAY:g} d"
    if last >= 2 * HOUR:
        return f"{round(seconds) // HOUR}:{round(seconds) % HOUR // MINUTE:02d} h"
    if last >= 2 * MINUTE:
        return f"{round(seconds) // MINUTE}:{round(seconds) % MINUTE:02d} min"
    return f"{seconds:g} s"


def _clock_of(labels: Sequence[float]) -> Callable[[float], str]:
    last = labels[-1]
    return lambda seconds: clock(round(seconds, 3), last)


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _library() -> Any:
    """The charting library, imported when a picture is drawn: nothing else needs it."""
    import pygal

    # It hooks itself into all later imports of the process, by a protocol that Python has given up, for plug-ins that
    # are of no use here.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal


def _chart(kind: str, title: str, **options: Any) -> Any:
    pygal = _library()
    letters = dict.fromkeys(("label_font_size", "major_label_font_size"), LETTERS)
    plain = {
        "margin": 8,
        "margin_right": 8 if kind == "Pie" else 24,  # half of the last label stands beyond the axis
        "js": (),
        "no_prefix": True,
        "disable_xml_declaration": True,
        "show_legend": False,
        "truncate_label": -1,
        "no_data_text": "",
        "style": pygal.style.Style(font_family="sans-serif", **letters),
    }
    chart = getattr(pygal, kind)(**plain, **options)
    chart.add_xml_filter(lambda root: _bare(root, title))
    return chart


def _svg(chart: Any) -> str:
    svg: str = chart.render(is_unicode=True)
    return svg


def _bare(root: Any, title: str) -> Any:
    """Take out of the library's picture what needs a script, styles it, or fetches: shapes and texts stay."""
    _strip(root)
    root.attrib.pop("id", None)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", title)
    return root


def _strip(element: Any) -> None:
    for child in list(element):
        if _is_ballast(child):
            element.remove(child)
            continue
        if child.tag == "desc":  # what a script would show beside the pointer; as a title, the browser shows it
            child.tag = "title"
            child.attrib.clear()
        _strip(child)


def _is_ballast(element: Any) -> bool:
    """Whether `element` is of no use on the page: comments, scripts, styles, layers that only a script would fill."""
    if not isinstance(element.tag, str) or element.tag in {"defs", "title"}:
        return True
    return not BALLAST.get(element.tag, frozenset()).isdisjoint(element.get("class", "").split())
