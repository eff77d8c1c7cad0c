"""The account over time: curves and a distribution for pictures, folded from the ledger's arrays and the timeline."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from orchestrator.engine.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Quota
    from orchestrator.engine.timeline import Timeline

CURVE_BINS = 120
DURATION_BINS = 24  # about so many; their width is a round number
SAMPLE = 100_000  # durations that quantiles are taken from
SHORTEST_BIN = 0.1  # seconds
DONE = int(State.DONE)  # what stands in the ledger's array


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long it took from the first acceptance until the goal was seen, in seconds.

    `counts[k]` tasks took from `k * width` to `(k + 1) * width`, `beyond` took longer than the last bin. Those whose
    wait spanned a pause between two attempts are not in it: nobody knows when they got there; `spanned` counts them.
    """

    width: float
    counts: Sequence[int]
    beyond: int
    spanned: int
    median: float
    p90: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A run over time. Times are seconds spent running since the first start.

    `accepted[k]` and `done[k]` count the tasks that were accepted first, and at the goal, by `(k + 1) * width`;
    of those at the goal, `unheard` were in a request whose answer was lost, so that their acceptance has no time.
    `answers[api][result][k]` counts requests that came back from `k * answers_width` on. `quotas` says when which
    quota was learned.
    """

    seconds: float
    starts: Sequence[float]  # of each attempt
    width: float
    accepted: Sequence[int]
    done: Sequence[int]
    unheard: int
    durations: Durations | None
    answers_width: float
    answers: Mapping[str, Mapping[str, Sequence[int]]]
    quotas: Sequence[tuple[float, str, Quota]]


def series_of(ledger: Ledger, timeline: Timeline, *, last_at: float) -> Series | None:
    """The run over time until the stamp `last_at`; None where no time was spent."""
    seconds = timeline.offset(last_at)
    if seconds <= 0:
        return None
    width = seconds / CURVE_BINS
    edges = [timeline.stamp(width * (place + 1)) for place in range(CURVE_BINS - 1)]
    finished, taken, unheard, spanned = _finished(ledger, timeline)
    return Series(
        seconds=seconds,
        starts=tuple(timeline.starts),
        width=width,
        accepted=_cumulative(ledger.accepted_at, edges),
        done=_cumulative(finished, edges),
        unheard=unheard,
        durations=_durations(taken, spanned) if taken else None,
        answers_width=timeline.width,
        answers={
            api: {result: tuple(bins) for result, bins in results.items()} for api, results in timeline.answers.items()
        },
        quotas=tuple(timeline.quotas),
    )


def nice(value: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not below `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 5) if step * power >= value), 10 * power)


def _finished(ledger: Ledger, timeline: Timeline) -> tuple[array[float], array[float], int, int]:
    """Stamps of those at the goal, seconds since their acceptance; how many have none known, how many span a pause.

    Arrays, not tuples: a million tasks are eight megabytes each.
    """
    stamps, taken, unheard, spanned = array("d"), array("d"), 0, 0
    resumed, attempt = len(timeline.starts) > 1, timeline.attempt
    for state, accepted, finished in zip(ledger.state, ledger.accepted_at, ledger.finished_at, strict=True):
        if state != DONE:
            continue
        stamps.append(finished)
        if accepted != accepted:  # noqa: PLR0124  # NaN
            unheard += 1
        elif resumed and attempt(accepted) != attempt(finished):
            spanned += 1
        else:
            taken.append(max(0.0, finished - accepted))
    return stamps, taken, unheard, spanned


def _cumulative(stamps: array[float], edges: list[float]) -> tuple[int, ...]:
    """How many of `stamps` (NaN is none) lie before each edge, and how many in all."""
    counts = [0] * (len(edges) + 1)
    for at in stamps:
        if at == at:  # noqa: PLR0124  # not NaN
            counts[bisect_right(edges, at)] += 1
    return tuple(accumulate(counts))


def _durations(taken: array[float], spanned: int) -> Durations:
    """The distribution of `taken`, in seconds, of which there is at least one."""
    sample = sorted(taken[:: 1 + len(taken) // SAMPLE])
    p99, longest = _quantile(sample, 0.99), max(taken)
    width = nice(max(p99 / DURATION_BINS, SHORTEST_BIN))
    bins = int(p99 / width) + 1
    if longest < 1.25 * bins * width:  # a tail that short is shown as it is
        bins = int(longest / width) + 1
    counts = [0] * (bins + 1)
    for seconds in taken:
        counts[min(bins, int(seconds / width))] += 1
    return Durations(
        width=width,
        counts=tuple(counts[:bins]),
        beyond=counts[bins],
        spanned=spanned,
        median=_quantile(sample, 0.5),
        p90=_quantile(sample, 0.9),
        p99=p99,
        longest=longest,
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile: https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
