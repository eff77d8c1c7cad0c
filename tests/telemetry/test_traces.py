"""Spans of a run: who stands below whom, when, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Verdict
from orchestrator.telemetry.traces import RunTraces
from orchestrator.testing import FakeOperation
from tests.engine.stage import LOST_AFTER, running
from tests.telemetry.watched import INFO, watch

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

SECRET = "hunter2-SK-0123456789"
FAILURE = Failure(verdict=Verdict.LOST, status=500, code="DCS.5000", message=f"password={SECRET}", request_id="req-77")


class Traced:
    """A tracer whose spans stay in memory."""

    def __init__(self, **plain: Any) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.traces = RunTraces(provider, info=INFO, **plain)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def traced() -> Traced:
    """A run whose second stop is lost."""
    traced = Traced()
    operation = FakeOperation(running(120))
    operation.faults["stop"] = [LOST_AFTER]
    watch(operation, observers=lambda: [traced.traces])
    return traced


class TestSpans:
    def test_everything_stands_below_the_run(self, traced: Traced) -> None:
        [run] = traced.named("stop night")
        assert run.parent is None
        spans = traced.exporter.get_finished_spans()
        assert {span.context.trace_id for span in spans} == {run.context.trace_id}
        assert {span.parent.span_id for span in traced.named("batch") if span.parent} == {run.context.span_id}
        assert {span.parent.span_id for span in traced.named("list") if span.parent} == {run.context.span_id}

    def test_a_batchs_request_stands_below_the_batch(self, traced: Traced) -> None:
        batches = {span.context.span_id: span for span in traced.named("batch")}
        stops = traced.named("stop")
        assert len(stops) == len(batches) >= 3
        for stop in stops:
            assert stop.parent is not None
            batch = batches[stop.parent.span_id]
            assert batch.start_time <= stop.start_time <= stop.end_time <= batch.end_time  # type: ignore[operator]

    def test_a_request_says_what_came_of_it_and_its_id_at_the_service(self, traced: Traced) -> None:
        lost, *good = sorted(traced.named("stop"), key=lambda span: span.status.is_ok)
        assert (lost.kind, lost.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
        assert attributes(lost)["error.type"] == "lost"
        for span in good:
            assert attributes(span)["orchestrator.result"] == "ok"
            assert attributes(span)["orchestrator.request_id"].startswith("r")

    def test_the_run_says_how_it_ended(self, traced: Traced) -> None:
        [run] = traced.named("stop night")
        said = attributes(run)
        assert said["orchestrator.run.id"] == "r-1"
        assert said["orchestrator.tasks"] == 120
        assert said["orchestrator.run.ending"] == "finished"
        assert run.status.status_code is StatusCode.UNSET


class TestEnds:
    def start(self, **plain: Any) -> Traced:
        traced = Traced(**plain)
        traced.traces(ev.RunStarted(at=100.0, attempt=2, items=5))
        traced.traces(ev.BatchIntended(at=101.0, batch=1, items=[0, 1]))
        return traced

    @pytest.mark.parametrize("kind", [ev.BatchReturned, ev.BatchLost, ev.BatchSpoiled])
    def test_a_batch_that_was_not_answered_says_why(self, kind: Any) -> None:
        traced = self.start()
        traced.traces(kind(at=102.0, batch=1, items=[0, 1], failure=FAILURE))
        [batch] = traced.named("batch")
        assert batch.status.status_code is StatusCode.ERROR
        assert attributes(batch)["orchestrator.error_code"] == "DCS.5000"
        assert attributes(batch)["http.response.status_code"] == 500
        assert (batch.start_time, batch.end_time) == (101_000_000_000, 102_000_000_000)

    def test_what_is_open_ends_with_the_run(self) -> None:
        traced = self.start()
        traced.traces(ev.RunEnded(at=110.0, ending=Ending.INTERRUPTED))
        [batch], [run] = traced.named("batch"), traced.named("stop night")
        assert batch.end_time == run.end_time == 110_000_000_000
        assert run.status.status_code is StatusCode.ERROR

    def test_words_about_what_was_never_begun_are_passed_over(self) -> None:
        """A resumed run may hear of a batch of the attempt before."""
        traced = Traced()
        traced.traces(ev.BatchAnswered(at=1.0, batch=9, accepted=[1]))
        traced.traces(ev.BatchLost(at=1.0, batch=9, items=[1], failure=FAILURE))
        traced.traces(ev.RunEnded(at=2.0, ending=Ending.FINISHED))
        traced.traces(ev.Missed(at=2.0, items=[1]))
        assert traced.exporter.get_finished_spans() == ()

    def test_stands_in_the_context_of_who_started_it(self) -> None:
        outer = SpanContext(trace_id=7, span_id=8, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        traced = self.start(parent=set_span_in_context(NonRecordingSpan(outer)))
        traced.traces(ev.RunEnded(at=110.0, ending=Ending.FINISHED))
        [run] = traced.named("stop night")
        assert run.parent is not None
        assert (run.parent.trace_id, run.parent.span_id) == (7, 8)

    def test_no_message_gets_into_a_span(self) -> None:
        """Messages are the service's own words: nobody knows what is in them."""
        traced = self.start()
        traced.traces(
            ev.RequestEnded(
                at=102.0,
                api="stop",
                result="failed",
                seconds=1.0,
                attempt=1,
                failure=FAILURE,
                request_id="req-77",
                batch=1,
            )
        )
        traced.traces(ev.BatchLost(at=102.0, batch=1, items=[0, 1], failure=FAILURE))
        traced.traces(ev.RunEnded(at=103.0, ending=Ending.INTERRUPTED, reason=SECRET))
        everything = "".join(span.to_json() for span in traced.exporter.get_finished_spans())
        assert "req-77" in everything
        assert SECRET not in everything
