"""The account over time: curves and a distribution for pictures, folded from the ledger's arrays and the timeline."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, compress
from math import isnan
from operator import eq, sub
from typing import TYPE_CHECKING

from orchestrator.engine.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Quota
    from orchestrator.engine.timeline import Timeline

CURVE_BINS = 120
DURATION_BINS = 24  # about so many; their width is a round number
SAMPLE = 100_000  # durations that quantiles are taken from
SHORTEST_BIN = 0.1  # seconds
STRETCH = 10_000  # items that are looked at at a time
MAX_MET = 40_000  # values told apart while counting
IS_DONE = bytes(state == State.DONE for state in range(256))  # for `bytes.translate`


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
    fold = _folded(ledger, timeline, edges)
    return Series(
        seconds=seconds,
        starts=tuple(timeline.starts),
        width=width,
        accepted=tuple(accumulate(fold.accepted.counts())),
        done=tuple(accumulate(fold.done.counts())),
        unheard=fold.unheard,
        durations=_durations(fold.taken, fold.spanned) if fold.taken else None,
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


class _Bins:
    """How many values fall in which bin. They repeat by the page and by the batch, so each is placed once."""

    def __init__(self, place: Callable[[float], int], number: int) -> None:
        self._place = place
        self._counts = [0] * number
        self._met: Counter[float] = Counter()  # not placed yet

    def add(self, values: Iterable[float]) -> None:
        """Count these."""
        self._met.update(values)
        if len(self._met) > MAX_MET:
            self._settle()

    def counts(self) -> list[int]:
        """Of each bin."""
        self._settle()
        return self._counts

    def _settle(self) -> None:
        for value, many in self._met.items():
            self._counts[self._place(value)] += many
        self._met.clear()


class _Fold:
    """What the ledger says of time, folded a stretch of items at a time."""

    def __init__(self, timeline: Timeline, edges: list[float]) -> None:
        self.accepted, self.done = (_Bins(partial(bisect_right, edges), len(edges) + 1) for _ in range(2))
        self.taken = array("d")  # seconds from acceptance to goal; no list: a million tasks are eight megabytes
        self.unheard = 0  # at the goal, and their acceptance has no time
        self.spanned = 0  # of those who are in none of `taken`: their wait spanned a pause
        self._timeline = timeline

    def add(self, at_goal: bytearray, accepted: Sequence[float], finished: Sequence[float]) -> None:
        """Fold neighbouring items: whether they are at the goal, and their stamps."""
        self.accepted.add(_known(accepted))
        if 0 in at_goal:
            accepted, finished = list(compress(accepted, at_goal)), list(compress(finished, at_goal))
        self.done.add(finished)
        known = _known(accepted)
        if known is not accepted:
            finished = [at for at, begun in zip(finished, accepted, strict=True) if begun == begun]  # noqa: PLR0124
            self.unheard += len(accepted) - len(known)
        if len(self._timeline.starts) > 1:
            in_one = list(map(eq, self._timeline.attempts(known), self._timeline.attempts(finished)))
            self.spanned += in_one.count(False)
            known, finished = list(compress(known, in_one)), list(compress(finished, in_one))
        seconds = list(map(sub, finished, known))
        if min(seconds, default=0.0) < 0.0:  # a clock that went back is no time
            seconds = [max(0.0, each) for each in seconds]
        self.taken.extend(seconds)


def _known(stamps: Sequence[float]) -> Sequence[float]:
    """`stamps` without those that are NaN."""
    return [at for at in stamps if at == at] if isnan(sum(stamps)) else stamps  # noqa: PLR0124  # not NaN


def _folded(ledger: Ledger, timeline: Timeline, edges: list[float]) -> _Fold:
    fold = _Fold(timeline, edges)
    for start in range(0, ledger.count, STRETCH):
        some = slice(start, start + STRETCH)
        fold.add(ledger.state[some].translate(IS_DONE), ledger.accepted_at[some], ledger.finished_at[some])
    return fold


def _durations(taken: array[float], spanned: int) -> Durations:
    """The distribution of `taken`, in seconds, of which there is at least one."""
    sample = sorted(taken[:: 1 + len(taken) // SAMPLE])
    p99, longest = _quantile(sample, 0.99), max(taken)
    width = nice(max(p99 / DURATION_BINS, SHORTEST_BIN))
    bins = int(p99 / width) + 1
    if longest < 1.25 * bins * width:  # a tail that short is shown as it is
        bins = int(longest / width) + 1
    placed = _Bins(lambda seconds: min(bins, int(seconds / width)), bins + 1)
    for start in range(0, len(taken), STRETCH):
        placed.add(taken[start : start + STRETCH])
    counts = placed.counts()
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
