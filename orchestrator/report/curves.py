"""The run over time as pictures: accepted and done, how long it took, requests against their quota."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from orchestrator.report.charts import Curve, curves, histogram
from orchestrator.report.markup import escape, figure
from orchestrator.report.quota import describe_quota
from orchestrator.report.stamps import duration
from orchestrator.report.summary import used_apis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.engine.account import Report
    from orchestrator.engine.model import Quota
    from orchestrator.engine.series import Durations, Series

POINTS = 128  # of a curve
SMOOTHED = 4  # bins that a window spans where the quota's own is finer than a bin


def over_time(report: Report) -> Iterator[str]:
    """The section with all pictures over time; nothing where nothing was recorded."""
    series = report.series()
    if series is None:
        return
    yield '<section id="time"><h2>Over time</h2>'
    if len(series.starts) > 1:
        yield (
            f'<p class="facts">Time is time spent running: the run was taken up {len(series.starts):,} times, '
            "and the pauses between are left out.</p>"
        )
    yield '<div class="figures">'
    yield from _progress(report, series)
    if series.durations is not None:
        yield from _durations(report, series.durations)
    for api in sorted(used_apis(report), key=lambda api: api not in report.quotas):  # those with a quota first
        yield from _requests(api, series, report.quotas.get(api))
    yield "</div></section>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How requests are counted for comparison with a quota: over `bins` bins, `seconds` long, of which `allowed`."""

    bins: int
    seconds: float
    allowed: float | None


def window_of(quota: Quota | None, width: float) -> Window:
    """A window of whole bins, as long as the quota's own where the bins (`width` seconds) are fine enough.

    A shorter window may hold no more than the quota allows; a longer one as much more as it is longer.
    """
    if quota is None:
        return Window(bins=1, seconds=width, allowed=None)
    bins = int(quota.seconds / width) or SMOOTHED
    seconds = bins * width
    return Window(bins=bins, seconds=seconds, allowed=quota.limit * max(1.0, seconds / quota.seconds))


def rolling(counts: Sequence[int], window: Window, *, length: int, width: float) -> list[tuple[float, float]]:
    """(end of the window, how many in it), at most `POINTS` of them: of neighbours, the highest."""
    padded = [*counts, *[0] * (length - len(counts))]
    sums = list(accumulate(padded, initial=0))
    values = [sums[end] - sums[max(0, end - window.bins)] for end in range(1, length + 1)]
    group = -(-length // POINTS)
    peaks = [max(values[place : place + group]) for place in range(0, length, group)]
    return [(0.0, 0.0), *((min(length, (place + 1) * group) * width, float(peak)) for place, peak in enumerate(peaks))]


def _progress(report: Report, series: Series) -> Iterator[str]:
    word, already = list(report.outcomes)[:2]
    goal = "stopped (seen TERMINATED)" if report.info.operation == "stop" else word
    lines = [
        Curve(points=[(0.0, 0.0), *(((k + 1) * series.width, float(n)) for k, n in enumerate(counts))], filled=filled)
        for counts, filled in ((series.done, True), (series.accepted, False))
    ]
    words = []
    if report.outcomes[already]:
        words.append(f"Not in it: {report.outcomes[already]:,} {escape(already)}.")
    if series.unheard:
        words.append(f"{series.unheard:,} of the {escape(word)} were in requests whose answer was lost.")
    title = f"Accepted, and {goal}"
    yield from figure(
        title,
        curves(lines, title=title),
        kind="progress",
        key=[("s1", f"accepted: {series.accepted[-1]:,}"), ("s0", f"{goal}: {series.done[-1]:,}")],
        words=" ".join(words),
    )


def _durations(report: Report, taken: Durations) -> Iterator[str]:
    title = "How long a stop took" if report.info.operation == "stop" else f"How long a {report.info.operation} took"
    median, p90, p99, longest = map(duration, (taken.median, taken.p90, taken.p99, taken.longest))
    words = [
        f"Half took at most <b>{median}</b>, 90 % {p90}, 99 % {p99}; the longest {longest}.",
        "From the acceptance to the look that saw it.",
    ]
    if taken.beyond:
        words.append(f"{taken.beyond:,} took longer than the picture shows.")
    if taken.spanned:
        words.append(f"{taken.spanned:,} waited through a pause of the run and are not in it.")
    picture = histogram(taken.counts, width=taken.width, title=title)
    yield from figure(title, picture, kind="durations", words=" ".join(words))


def _requests(api: str, series: Series, quota: Quota | None) -> Iterator[str]:
    width = series.answers_width
    window, length = window_of(quota, width), int(series.seconds / width) + 1
    results = series.answers.get(api, {})
    throttled = results.get("throttled", ())
    taken_in = [0] * length
    for result, counts in results.items():
        if result != "throttled":
            for place, count in enumerate(counts):
                taken_in[place] += count
    lines = [Curve(points=rolling(taken_in, window, length=length, width=width), filled=True)]
    key = [("s0", "answered")]
    if any(throttled):
        lines.append(Curve(points=rolling(throttled, window, length=length, width=width)))
        key.append(("s1", "throttled"))
    words = ""
    if quota is not None and window.allowed is not None:
        end = max(series.seconds, length * width)
        since = min((at for at, name, known in series.quotas if (name, known) == (api, quota)), default=0.0)
        # The line is the third one, whether or not there was throttling: its class colours it.
        lines += [Curve(points=[])] * (2 - len(lines))
        lines.append(Curve(points=[(min(since, end), window.allowed), (end, window.allowed)]))
        key.append(("s2", f"quota: {describe_quota(quota)}"))
        words = f"The quota was learned after {duration(since)} of running." if since else ""
    length_of_it = f"{window.seconds:g} s" if window.seconds < 120 else duration(window.seconds)  # noqa: PLR2004
    title = f"{api}: requests in any {length_of_it}"
    yield from figure(title, curves(lines, title=title), kind="requests", key=key, words=words)
