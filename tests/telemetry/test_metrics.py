"""What the metrics say is what the account says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.engine import events as ev
from orchestrator.engine.account import ShardCounts
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ending, Failure, Phase, Quota, Verdict
from orchestrator.engine.states import State
from orchestrator.telemetry.catalogue import CATALOGUE, exposed_name, reference
from orchestrator.telemetry.metrics import RunMetrics
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import BUSY, LOST_AFTER, NEVER, THROTTLED, options, running
from tests.telemetry.watched import INFO, watch

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample by its name and labels, the run's label left out after a look at it."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("run") == "night"
            found[sample.name, frozenset(labels.items())] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"orchestrator_{name}", frozenset(labels.items())]


def total(found: Samples, name: str, **labels: str) -> float:
    """The sum over all samples that have these labels."""
    return sum(n for (known, given), n in found.items() if known == f"orchestrator_{name}" and labels.items() <= given)


def in_loop(call: Any) -> Any:
    async def inside() -> Any:
        return call()

    return asyncio.run(inside())


@pytest.fixture(scope="module")
def texts() -> tuple[Any, list[Samples]]:
    """A run with a bit of everything."""
    tasks = running(120) | {
        "over": FakeTask(status="STOPPED"),
        "ended": FakeTask(status="BROKEN"),
        "alien": FakeTask(status="NOBODY KNOWS"),
        "never": FakeTask(refusals=[NEVER]),
        "busy": FakeTask(refusals=[BUSY]),
    }
    operation = FakeOperation(tasks)
    quota = Quota(policy="user", limit=2, seconds=3.0)
    throttled = Failure(verdict=Verdict.THROTTLED, status=429, quota=quota)
    operation.faults["stop"] = [throttled, LOST_AFTER]
    operation.faults["list"] = [Failure(verdict=Verdict.LOST, status=503)]
    operation.faults["show"] = [THROTTLED]
    watched = watch(operation, ids=[*tasks, "unknown"], options=options(max_failures=1_000))
    return watched, [samples(text) for text in watched.texts]


class TestWhatTheMetricsSay:
    def test_outcomes_are_the_accounts(self, texts: tuple[Any, list[Samples]]) -> None:
        watched, (_, during, after) = texts
        for word, number in watched.report.outcomes.items():
            assert value(during, "tasks", outcome=word) == value(after, "tasks", outcome=word) == number
        assert total(after, "tasks") == watched.report.input.unique

    def test_before_the_start_everything_is_to_be_sent(self, texts: tuple[Any, list[Samples]]) -> None:
        watched, (before, _, after) = texts
        assert value(before, "tasks_open", state="to_send") == watched.report.input.unique
        assert total(before, "tasks") == total(before, "request_duration_seconds_count") == 0
        assert total(after, "tasks_open") == 0

    def test_requests_are_the_accounts(self, texts: tuple[Any, list[Samples]]) -> None:
        watched, (*_, after) = texts
        for api, counts in watched.report.requests.items():
            for result in ("ok", "throttled", "retried", "failed"):
                expected = getattr(counts, result)
                assert total(after, "request_duration_seconds_count", api=api, result=result) == expected
        assert value(after, "request_duration_seconds_count", api="list", result="retried", status="5xx") == 1
        assert value(after, "request_duration_seconds_count", api="stop", result="failed", status="none") == 1
        assert total(after, "request_duration_seconds_count", status="2xx") == sum(
            counts.ok for counts in watched.report.requests.values()
        )

    def test_durations_are_those_of_the_rows(self, texts: tuple[Any, list[Samples]]) -> None:
        watched, (*_, after) = texts
        taken = [row.seconds_to_stop for row in watched.report.rows() if row.outcome == "stopped"]
        heard = [seconds for seconds in taken if seconds is not None]
        assert 0 < len(heard) < len(taken)
        assert value(after, "task_duration_seconds_count") == len(heard)
        assert value(after, "task_duration_seconds_sum") == pytest.approx(sum(heard), abs=0.1)

    def test_batches_and_quotas_and_moments_are_there(self, texts: tuple[Any, list[Samples]]) -> None:
        watched, (before, _, after) = texts
        assert value(after, "batches_total", result="returned") == len(watched.stage.of(ev.BatchReturned)) >= 1
        assert value(after, "batches_total", result="lost") == 1
        assert value(after, "quota_limit", api="stop", policy="user", window_seconds="3") == 2
        assert value(after, "requests_in_flight", api="stop") == 0
        assert value(after, "run_start_timestamp_seconds") == watched.report.timing.started_at
        assert value(after, "run_end_timestamp_seconds") == watched.report.timing.finished_at
        assert value(after, "run_exit_code") == watched.report.exit_code == 1
        assert value(after, "run_attempts") == 1
        assert not [name for name, _ in before if "timestamp" in name or "exit_code" in name]

    def test_says_which_run_it_is(self, texts: tuple[Any, list[Samples]]) -> None:
        _, (before, *_) = texts
        [labels] = [dict(given) for name, given in before if name == "orchestrator_run_info"]
        assert (labels["run_id"], labels["operation"], labels["shard"]) == ("r-1", "stop", "")


class TestExposition:
    @pytest.fixture
    def metrics(self) -> RunMetrics:
        return RunMetrics(
            ledger=Ledger(3, phase=lambda _: Phase.GOAL),
            operation=FakeOperation({}),
            info=INFO,
            shard=ShardCounts(index=1, count=4, input=9),
            job_name="cleanup-7",
        )

    def test_speaks_the_format_that_the_scraper_accepts(self, metrics: RunMetrics) -> None:
        body, content_type = in_loop(lambda: metrics.exposition("application/openmetrics-text; version=1.0.0"))
        assert content_type.startswith("application/openmetrics-text")
        parsed: Any = read_openmetrics(body.decode())  # type: ignore[no-untyped-call]  # theirs
        names = {family.name for family in parsed}
        assert {"orchestrator_tasks", "process_cpu_seconds"} <= names
        body, content_type = in_loop(metrics.exposition)
        assert content_type.startswith("text/plain")
        assert b"process_resident_memory_bytes" in body

    def test_the_file_has_the_runs_own_numbers_only(self, metrics: RunMetrics) -> None:
        """A node exporter has a process of its own: the same names twice would spoil all of its answer."""
        text = in_loop(metrics.text)
        assert "process_" not in text
        assert 'shard="1/4"' in text
        assert 'job_name="cleanup-7"' in text

    def test_a_name_is_quoted(self) -> None:
        info = INFO.__class__(run_id="r", name='a"b\\c\nd', operation="stop")
        metrics = RunMetrics(ledger=Ledger(0, phase=lambda _: Phase.GOAL), operation=FakeOperation({}), info=info)
        text = in_loop(metrics.text)
        families = list(text_string_to_metric_families(text))
        assert {sample.labels["run"] for family in families for sample in family.samples} == {info.name}

    def test_a_resumed_run_counts_what_its_ledger_knows(self) -> None:
        ledger = Ledger(2, phase=lambda _: Phase.GOAL)
        ledger.state[0], ledger.accepted_at[0], ledger.finished_at[0] = State.DONE, 10.0, 13.0
        metrics = RunMetrics(ledger=ledger, operation=FakeOperation({}), info=INFO)
        found = samples(in_loop(metrics.text))
        assert value(found, "task_duration_seconds_sum") == 3.0

    def test_what_is_seen_again_or_gone_is_counted_once(self) -> None:
        ledger = Ledger(2, phase=lambda _: Phase.GOAL)
        metrics = RunMetrics(ledger=ledger, operation=FakeOperation({}), info=INFO)
        for item in (0, 1):
            ledger.state[item], ledger.accepted_at[item], ledger.finished_at[item] = State.DONE, 10.0, 13.0
        for _ in range(2):
            metrics(ev.Seen(at=13.0, source="list", statuses={"STOPPED": [0], "RUNS": [1]}))
            metrics(ev.Gone(at=13.0, item=1, failure=BUSY))
        assert value(samples(in_loop(metrics.text)), "task_duration_seconds_count") == 2


class TestReadiness:
    def test_is_there_between_the_first_good_answer_and_the_end(self) -> None:
        metrics = RunMetrics(ledger=Ledger(1, phase=lambda _: Phase.GOAL), operation=FakeOperation({}), info=INFO)
        assert metrics.unready == "starting"
        metrics(ev.RunStarted(at=1.0, attempt=1, items=1))
        assert metrics.unready == "no answer from the service yet"
        metrics(ev.RequestEnded(at=2.0, api="list", result="ok", seconds=0.1, attempt=1))
        assert metrics.unready == ""
        metrics(ev.RunEnded(at=3.0, ending=Ending.FINISHED))
        assert metrics.unready == "ended"


class TestCatalogue:
    def test_is_what_is_exposed_and_nothing_else(self, texts: tuple[Any, list[Samples]]) -> None:
        watched, _ = texts
        lines = [line.split() for line in watched.texts[-1].splitlines() if line.startswith("# TYPE")]
        kinds = {name: kind for _, _, name, kind in lines}
        # The text format has no infos: they are gauges there.
        assert kinds == {exposed_name(entry): entry.kind.replace("info", "gauge") for entry in CATALOGUE}

    def test_names_follow_the_convention(self) -> None:
        """Base units, `_total` for counters and for nothing else: https://prometheus.io/docs/practices/naming/."""
        for entry in CATALOGUE:
            name = exposed_name(entry)
            assert name.startswith("orchestrator_")
            assert name.endswith("_total") == (entry.kind == "counter")
            assert not name.endswith(("_ms", "_milliseconds", "_minutes"))
            if entry.kind == "histogram":
                assert name.endswith("_seconds")
                assert list(entry.buckets) == sorted(set(entry.buckets))

    def test_the_readme_has_it_word_for_word(self) -> None:
        readme = Path(__file__).parents[2] / "README.md"
        assert reference() in readme.read_text(encoding="utf-8")
