"""A run's metrics: an observer that counts, and a collector that Prometheus' client asks for the numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder

from orchestrator._version import __version__
from orchestrator.engine import events as ev
from orchestrator.engine.model import Outcome, Phase
from orchestrator.engine.states import FIRST_FINAL, State
from orchestrator.telemetry import catalogue as names
from orchestrator.telemetry.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from orchestrator.engine.account import Report, RunInfo, ShardCounts
    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.telemetry.catalogue import Metric as Entry

FINAL = {
    State.DONE: Outcome.DONE,
    State.ALREADY: Outcome.ALREADY,
    State.ENDED: Outcome.ENDED,
    State.NOT_FOUND: Outcome.NOT_FOUND,
    State.REJECTED: Outcome.REJECTED,
    State.SKIPPED: Outcome.SKIPPED,
}
TO_SEND = (State.UNSEEN, State.MISSING, State.READY)
BATCH_RESULTS = {
    ev.BatchAnswered: "answered",
    ev.BatchReturned: "returned",
    ev.BatchLost: "lost",
    ev.BatchSpoiled: "spoiled",
}


class RunMetrics:
    """The numbers of one run, in registries of their own. Give it to the run as an observer.

    Counts per task are read off the ledger when they are asked for, so that watching costs next to nothing. Ask in
    the run's event loop (`exposition`, `text`), or register it with a registry of yours as a collector.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        operation: BulkOperation,
        info: RunInfo,
        shard: ShardCounts | None = None,
        job_name: str = "",
    ) -> None:
        """Make the metrics of a run; what the `ledger` of a resumed run knows already is counted.

        `job_name` is what the cluster calls the run, where there is one.
        """
        self._ledger = ledger
        self._operation = operation
        self._info = info
        self._shard = shard
        self._job_name = job_name
        self._requests: dict[tuple[str, ...], Buckets] = {}
        self._durations = Buckets(names.DURATION.buckets)
        self._measured = bytearray(ledger.count)  # tasks whose duration is counted
        self._batches: Counter[str] = Counter()
        self._started_at = self._ended_at = self._last_answer_at = 0.0  # stamps
        self._attempt = 0
        self._report: Report | None = None
        self._folds: Mapping[type[ev.Event], Callable[[Any], None]] = {
            ev.RunStarted: self._run_started,
            ev.RunEnded: self._run_ended,
            ev.RequestEnded: self._request_ended,
            ev.Seen: self._seen,
            ev.Gone: self._gone,
            **dict.fromkeys(BATCH_RESULTS, self._batch_ended),
        }
        self._measure(item for item, state in enumerate(ledger.state) if state == State.DONE)
        self._own = CollectorRegistry()
        self._own.register(self)
        self._served = CollectorRegistry()
        self._served.register(self)
        ProcessCollector(registry=self._served)

    def __call__(self, event: ev.Event, /) -> None:
        """Take note of `event`."""
        fold = self._folds.get(type(event))
        if fold is not None:
            fold(event)

    def finish(self, report: Report) -> None:
        """The run has its account: every outcome is given out, and the exit code."""
        self._report = report

    @property
    def unready(self) -> str:
        """Why the run is not at work, in a word; empty when it is, and the service has answered."""
        if self._ended_at:
            return "ended"
        if not self._started_at:
            return "starting"
        return "" if self._last_answer_at else "no answer from the service yet"

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """What a scraper that accepts `accept` is answered, the process' own numbers too, and its content type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._served), content_type

    def text(self) -> str:
        """The run's numbers as text, as the textfile collector of the node exporter reads them."""
        return generate_latest(self._own).decode()

    def collect(self) -> Iterator[Metric]:
        """Prometheus' client asks for the numbers."""
        yield self._info_family()
        yield self._tasks()
        yield self._family(names.OPEN, {("to_send",): self._to_send(), ("waiting",): self._waiting()})
        yield self._histograms(names.DURATION, {(): self._durations})
        yield self._histograms(names.REQUESTS, self._requests)
        pacing = self._operation.pacing
        in_flight = pacing.in_flight()
        yield self._family(names.IN_FLIGHT, {(api,): number for api, number in in_flight.items()})
        yield self._family(names.BATCHES, {(word,): self._batches[word] for word in BATCH_RESULTS.values()})
        quotas: dict[tuple[str, ...], float] = {
            (api, quota.policy, f"{quota.seconds:g}"): quota.limit
            for api, known in pacing.quotas().items()
            for quota in known
        }
        yield self._family(names.QUOTA_LIMIT, quotas)
        waits = {(api,): pacing.opens_in(api) for api in in_flight}
        yield self._family(names.QUOTA_WAIT, {key: wait for key, wait in waits.items() if wait < float("inf")})
        yield from self._moments()

    def _moments(self) -> Iterator[Metric]:
        moments = [
            (names.STARTED, self._started_at),
            (names.LAST_ANSWER, self._last_answer_at),
            (names.ATTEMPT, self._attempt),
            (names.ENDED, self._ended_at),
        ]
        for entry, value in moments:
            if value:
                yield self._family(entry, {(): value})
        if self._report is not None:
            yield self._family(names.EXIT_CODE, {(): self._report.exit_code})

    def _info_family(self) -> Metric:
        family = InfoMetricFamily(names.RUN_INFO.name, names.RUN_INFO.help, labels=[names.RUN_LABEL])
        shard = f"{self._shard.index}/{self._shard.count}" if self._shard is not None else ""
        facts = (self._info.run_id, self._info.operation, __version__, shard, self._job_name)
        family.add_metric([self._info.name], dict(zip(names.RUN_INFO.labels, facts, strict=True)))
        return family

    def _tasks(self) -> Metric:
        if self._report is not None:
            return self._family(names.TASKS, {(word,): number for word, number in self._report.outcomes.items()})
        labels, totals = self._operation.labels, self._ledger.totals
        counts: dict[tuple[str, ...], float] = {(labels.get(outcome, outcome.value),): 0 for outcome in Outcome}
        for state, outcome in FINAL.items():
            counts[labels.get(outcome, outcome.value),] = totals[state]
        return self._family(names.TASKS, counts)

    def _to_send(self) -> int:
        return 0 if self._report is not None else sum(self._ledger.totals[state] for state in TO_SEND)

    def _waiting(self) -> int:
        return 0 if self._report is not None else sum(self._ledger.totals[:FIRST_FINAL]) - self._to_send()

    def _family(self, entry: Entry, values: Mapping[tuple[str, ...], float]) -> Metric:
        kind = CounterMetricFamily if entry.kind == "counter" else GaugeMetricFamily
        family = kind(entry.name, entry.help, labels=[names.RUN_LABEL, *entry.labels])
        for labels, value in values.items():
            family.add_metric([self._info.name, *labels], value)
        return family

    def _histograms(self, entry: Entry, values: Mapping[tuple[str, ...], Buckets]) -> Metric:
        family = HistogramMetricFamily(entry.name, entry.help, labels=[names.RUN_LABEL, *entry.labels])
        for labels, buckets in values.items():
            family.add_metric([self._info.name, *labels], buckets=buckets.cumulative(), sum_value=buckets.total)
        return family

    def _run_started(self, event: ev.RunStarted) -> None:
        self._started_at, self._attempt, self._ended_at = event.at, event.attempt, 0.0

    def _run_ended(self, event: ev.RunEnded) -> None:
        self._ended_at = event.at

    def _request_ended(self, event: ev.RequestEnded) -> None:
        key = (event.api, event.result, status_class(event))
        buckets = self._requests.get(key)
        if buckets is None:
            buckets = self._requests[key] = Buckets(names.REQUESTS.buckets)
        buckets.add(event.seconds)
        if event.result == "ok":
            self._last_answer_at = event.at

    def _batch_ended(self, event: ev.Event) -> None:
        self._batches[BATCH_RESULTS[type(event)]] += 1

    def _seen(self, event: ev.Seen) -> None:
        for status, items in event.statuses.items():
            if self._operation.phase(status) is Phase.GOAL:
                self._measure(items)

    def _gone(self, event: ev.Gone) -> None:
        self._measure((event.item,))

    def _measure(self, items: Iterable[int]) -> None:
        """Count how long those of `items` took that are at their goal and not counted yet."""
        ledger, measured, add = self._ledger, self._measured, self._durations.add
        state, accepted_at, finished_at = ledger.state, ledger.accepted_at, ledger.finished_at
        for item in items:
            if state[item] == State.DONE and not measured[item]:
                measured[item] = 1
                seconds = finished_at[item] - accepted_at[item]
                if seconds == seconds:  # noqa: PLR0124  # NaN: the answer was lost, nobody knows when it was accepted
                    add(max(0.0, seconds))


def status_class(event: ev.RequestEnded) -> str:
    """`2xx`, `4xx`, `5xx`, or `none` where there was no answer."""
    if event.failure is None:
        return "2xx"
    return f"{event.failure.status // 100}xx" if event.failure.status else "none"
