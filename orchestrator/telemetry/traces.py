"""Spans of a run, its batches and its requests: an observer over OpenTelemetry, where that is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from orchestrator._version import __version__
from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from orchestrator.engine.account import RunInfo
    from orchestrator.engine.model import Failure

SCOPE = "orchestrator"
NANOSECONDS = 1_000_000_000


class RunTraces:
    """A span for the run, below it one for each batch and each request; a batch's request stands below the batch.

    Spans carry numbers, results, the service's error codes and request ids; never ids of tasks, messages, or anything
    of a credential.
    """

    def __init__(self, provider: TracerProvider, *, info: RunInfo, parent: Context | None = None) -> None:
        """Trace a run with tracers of `provider`; `parent` is the context that the run's span stands in."""
        self._tracer: Tracer = provider.get_tracer(SCOPE, __version__)
        self._info = info
        self._parent = parent
        self._run: Span | None = None
        self._batches: dict[int, Span] = {}
        self._folds: Mapping[type[ev.Event], Callable[[Any], None]] = {
            ev.RunStarted: self._run_started,
            ev.RunEnded: self._run_ended,
            ev.RequestEnded: self._request_ended,
            ev.BatchIntended: self._batch_intended,
            ev.BatchAnswered: self._batch_answered,
            ev.BatchReturned: self._batch_failed,
            ev.BatchLost: self._batch_failed,
            ev.BatchSpoiled: self._batch_failed,
        }

    def __call__(self, event: ev.Event, /) -> None:
        """Take note of `event`."""
        fold = self._folds.get(type(event))
        if fold is not None:
            fold(event)

    def _run_started(self, event: ev.RunStarted) -> None:
        self._run = self._tracer.start_span(
            f"{self._info.operation} {self._info.name}",
            context=self._parent,
            kind=SpanKind.INTERNAL,
            start_time=_nanoseconds(event.at),
            attributes={
                "orchestrator.run.id": self._info.run_id,
                "orchestrator.run.name": self._info.name,
                "orchestrator.operation": self._info.operation,
                "orchestrator.run.attempt": event.attempt,
                "orchestrator.tasks": event.items,
                "server.address": self._info.endpoint,
            },
        )

    def _run_ended(self, event: ev.RunEnded) -> None:
        for span in self._batches.values():  # cut short with the run
            span.end(_nanoseconds(event.at))
        self._batches.clear()
        if self._run is not None:
            self._run.set_attribute("orchestrator.run.ending", event.ending.value)
            if event.ending is not Ending.FINISHED:
                self._run.set_status(Status(StatusCode.ERROR, event.ending.value))
            self._run.end(_nanoseconds(event.at))
            self._run = None

    def _batch_intended(self, event: ev.BatchIntended) -> None:
        self._batches[event.batch] = self._tracer.start_span(
            "batch",
            context=self._below(self._run),
            start_time=_nanoseconds(event.at),
            attributes={"orchestrator.batch": event.batch, "orchestrator.tasks": len(event.items)},
        )

    def _batch_answered(self, event: ev.BatchAnswered) -> None:
        span = self._batches.pop(event.batch, None)
        if span is not None:
            span.set_attributes(
                {
                    "orchestrator.accepted": len(event.accepted),
                    "orchestrator.refused": len(event.refused),
                    "orchestrator.rejected": len(event.rejected),
                    "orchestrator.unmentioned": len(event.unmentioned),
                }
            )
            span.end(_nanoseconds(event.at))

    def _batch_failed(self, event: ev.BatchReturned | ev.BatchLost | ev.BatchSpoiled) -> None:
        span = self._batches.pop(event.batch, None)
        if span is not None:
            span.set_attributes(_why(event.failure))
            span.set_status(Status(StatusCode.ERROR, event.failure.verdict.value))
            span.end(_nanoseconds(event.at))

    def _request_ended(self, event: ev.RequestEnded) -> None:
        attributes: dict[str, str | int] = {
            "orchestrator.api": event.api,
            "orchestrator.result": event.result,
            "orchestrator.attempt": event.attempt,
        }
        if event.request_id:
            attributes["orchestrator.request_id"] = event.request_id
        if event.failure is not None:
            attributes |= _why(event.failure)
        span = self._tracer.start_span(
            event.api,
            context=self._below(self._batches.get(event.batch, self._run)),
            kind=SpanKind.CLIENT,
            start_time=_nanoseconds(event.at - event.seconds),
            attributes=attributes,
        )
        if event.failure is not None:
            span.set_status(Status(StatusCode.ERROR, event.failure.verdict.value))
        span.end(_nanoseconds(event.at))

    def _below(self, span: Span | None) -> Context | None:
        return self._parent if span is None else trace.set_span_in_context(span, self._parent)


def _why(failure: Failure) -> dict[str, str | int]:
    """A failure's attributes, by the field's own names where it has them (https://opentelemetry.io/docs/specs/semconv/http/)."""
    attributes: dict[str, str | int] = {"error.type": failure.verdict.value}
    if failure.status:
        attributes["http.response.status_code"] = failure.status
    if failure.code:
        attributes["orchestrator.error_code"] = failure.code
    return attributes


def _nanoseconds(at: float) -> int:
    return int(at * NANOSECONDS)
