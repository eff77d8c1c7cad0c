"""Traces of a run, where the environment configures an SDK (`OTEL_…`) and the extra `otel` is installed."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from orchestrator._version import __version__
from orchestrator.dcs.redaction import presentable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from opentelemetry.sdk.trace import TracerProvider
    from structlog.typing import FilteringBoundLogger

    from orchestrator.engine.account import RunInfo
    from orchestrator.telemetry.traces import RunTraces

# Any of these means that somebody wants traces: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
CONFIGURES: Final = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTERS: Final = "opentelemetry_traces_exporter"  # the SDK's own name for where exporters announce themselves
CLOSING_SECONDS: Final = 2.0  # the last spans may take so long; a collector that hangs does not hold up the end
EXTRA: Final = "install dcs-orchestrator[otel]"


@contextlib.contextmanager
def traced(
    environ: Mapping[str, str], *, info: RunInfo, log: FilteringBoundLogger, stderr: TextIO
) -> Iterator[RunTraces | None]:
    """An observer that traces the run; None where nobody asks for traces, or where it cannot be done (it is said)."""
    shared = _shared_provider()
    if shared is None and not is_wanted(environ):
        yield None
        return
    with _troubles_logged(log):
        provider = shared or _provider(environ, log, stderr)
        if provider is None:
            yield None
            return
        from orchestrator.telemetry.traces import RunTraces

        try:
            yield RunTraces(provider, info=info, parent=_parent(environ))
        finally:
            _finish(provider.force_flush if provider is shared else provider.shutdown)


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment configures an SDK, and does not switch it off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return _exporter_names(environ) != ["none"] and any(environ.get(name, "").strip() for name in CONFIGURES)


def _shared_provider() -> TracerProvider | None:
    """The provider that the process was started with (`opentelemetry-instrument orchestrator …`), if it was."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return None
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    provider = trace.get_tracer_provider()
    return provider if isinstance(provider, TracerProvider) else None


def _provider(environ: Mapping[str, str], log: FilteringBoundLogger, stderr: TextIO) -> TracerProvider | None:
    """A provider of this run's own: nothing global is set."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ImportError:
        log.info("traces.off", problem="OTEL_… is set, and the SDK is not installed", hint=EXTRA)
        return None
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "orchestrator"}
    provider = TracerProvider(
        resource=Resource.create({**named, "service.version": __version__}), shutdown_on_exit=False
    )
    for name in _exporter_names(environ):
        if name == "console":  # results go to stdout, everything else to stderr
            provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=stderr)))
            continue
        exporter = _exporter(_entry_point(name, environ), log)
        if exporter is None:
            provider.shutdown()
            return None
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(name: str, log: FilteringBoundLogger) -> Any:
    """An exporter by the name under which its package announces it; None, with a word why, where there is none."""
    found = list(metadata.entry_points(group=EXPORTERS, name=name))
    if not found:
        log.warning("traces.off", problem=f"no exporter {name} is installed (OTEL_TRACES_EXPORTER)", hint=EXTRA)
        return None
    try:
        return found[0].load()()
    except Exception as error:  # noqa: BLE001 - a foreign package; traces never end a run
        log.warning("traces.off", problem=presentable(f"exporter {name}: {type(error).__name__}: {error}"))
        return None


def _exporter_names(environ: Mapping[str, str]) -> list[str]:
    names = environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    return [name.strip() for name in names.split(",") if name.strip()]


def _entry_point(name: str, environ: Mapping[str, str]) -> str:
    """The specification's `otlp` means one of two packages; over HTTP where nothing else is said."""
    if name != "otlp":
        return name
    variables = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next((environ[variable].strip() for variable in variables if environ.get(variable)), "http/protobuf")
    return "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"


def _parent(environ: Mapping[str, str]) -> Any:
    """The context that whoever started this process is in, by the usual variables (`TRACEPARENT`)."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {key.lower(): environ[key] for key in ("TRACEPARENT", "TRACESTATE") if environ.get(key)}
    return TraceContextTextMapPropagator().extract(carrier) if carrier else None


def _finish(close: Any) -> None:
    """Let the last spans go, for a bounded time: the SDK itself would try for a minute and more."""
    thread = threading.Thread(target=close, name="traces", daemon=True)
    thread.start()
    thread.join(CLOSING_SECONDS)


@contextlib.contextmanager
def _troubles_logged(log: FilteringBoundLogger) -> Iterator[None]:
    """What the SDK complains of becomes lines of our log, instead of raw text between them."""
    theirs, handler = logging.getLogger("opentelemetry"), _Handler(log)
    before = theirs.propagate
    theirs.addHandler(handler)
    theirs.propagate = False
    try:
        yield
    finally:
        theirs.removeHandler(handler)
        theirs.propagate = before


class _Handler(logging.Handler):
    """Passes the SDK's complaints on."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.warning("traces.trouble", problem=presentable(record.getMessage()))
