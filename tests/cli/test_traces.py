"""Traces are made where an SDK is configured; where they cannot be made, it is said and the run goes on."""

from __future__ import annotations

import builtins
import io
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestrator.cli import traces as module
from orchestrator.cli.logs import open_log
from orchestrator.cli.traces import is_wanted, traced
from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending
from tests.telemetry.watched import INFO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGE = """
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter as Memory
kept = Memory()
def keep(): return kept
def fail(): raise ValueError("password=hunter2-planted")
"""


@pytest.fixture
def exporters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package that announces exporters as any exporter's package does."""
    about = tmp_path / "spans_to_memory-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: spans-to-memory\nVersion: 1.0\n")
    announced = "memory = spans_to_memory:keep\nbroken = spans_to_memory:fail\notlp_proto_grpc = spans_to_memory:keep\n"
    (about / "entry_points.txt").write_text(f"[{module.EXPORTERS}]\n{announced}")
    (tmp_path / "spans_to_memory.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "spans_to_memory", raising=False)
    import spans_to_memory  # type: ignore[import-not-found]  # made just now

    return spans_to_memory.kept


class Said:
    """What was logged and printed."""

    def __init__(self) -> None:
        self.lines, self.stderr = io.StringIO(), io.StringIO()

    def run(self, environ: Mapping[str, str]) -> bool:
        """Trace a short run; whether it was traced."""
        log = open_log(self.lines, json_lines=True)
        with traced(environ, info=INFO, log=log, stderr=self.stderr) as traces:
            if traces is None:
                return False
            traces(ev.RunStarted(at=1.0, attempt=1, items=1))
            traces(ev.RunEnded(at=2.0, ending=Ending.FINISHED))
        return True


class TestWanted:
    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({}, False),
            ({"OTEL_TRACES_EXPORTER": "console"}, True),
            ({"OTEL_TRACES_EXPORTER": "none"}, False),
            ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
            ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, True),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
            ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "True"}, False),
            ({"OTEL_SERVICE_NAME": "mine"}, False),
        ],
    )
    def test_by_the_variables_of_the_specification(self, environ: dict[str, str], *, expected: bool) -> None:
        assert is_wanted(environ) is expected


class TestTraced:
    def test_nobody_asking_is_nothing_done(self) -> None:
        said = Said()
        assert not said.run({})
        assert said.lines.getvalue() == ""

    def test_spans_go_where_the_environment_says(self, exporters: Any) -> None:
        assert Said().run({"OTEL_TRACES_EXPORTER": "memory", "TRACEPARENT": f"00-{7:032x}-{8:016x}-01"})
        [span] = exporters.get_finished_spans()
        assert (span.name, span.context.trace_id) == ("stop night", 7)
        assert span.resource.attributes["service.name"] == "orchestrator"

    def test_the_console_is_stderr(self) -> None:
        """Results go to stdout, everything else to stderr."""
        said = Said()
        assert said.run({"OTEL_TRACES_EXPORTER": "console"})
        assert '"stop night"' in said.stderr.getvalue()

    def test_a_service_may_be_named_by_the_environment(self, exporters: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
        Said().run({"OTEL_TRACES_EXPORTER": "memory", "OTEL_SERVICE_NAME": "mine"})
        assert exporters.get_finished_spans()[0].resource.attributes["service.name"] == "mine"

    @pytest.mark.usefixtures("exporters")
    def test_otlp_means_the_package_of_its_protocol(self) -> None:
        assert Said().run({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
        assert module._entry_point("otlp", {}) == "otlp_proto_http"

    @pytest.mark.usefixtures("exporters")
    @pytest.mark.parametrize("names", ["nosuch", "memory,nosuch", "broken"])
    def test_an_exporter_that_is_not_there_or_fails_is_said_and_ends_nothing(self, names: str) -> None:
        said = Said()
        assert not said.run({"OTEL_TRACES_EXPORTER": names})
        assert "traces.off" in said.lines.getvalue()
        assert "hunter2-planted" not in said.lines.getvalue()

    def test_without_the_extra_it_is_said_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def without(name: str, *rest: Any, **more: Any) -> Any:
            if name.startswith("opentelemetry.sdk"):
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", without)
        monkeypatch.setattr(module, "_shared_provider", lambda: None)
        said = Said()
        assert not said.run({"OTEL_TRACES_EXPORTER": "console"})
        assert "install dcs-orchestrator[otel]" in said.lines.getvalue()

    def test_a_provider_that_the_process_was_started_with_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """And is not shut down: it is not ours."""
        kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(kept))
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
        assert Said().run({})
        assert Said().run({})
        assert len(kept.get_finished_spans()) == 2

    def test_a_process_that_never_loaded_the_sdk_has_none_to_share(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(__import__("sys").modules, "opentelemetry.sdk.trace")
        assert module._shared_provider() is None

    def test_what_the_sdk_complains_of_becomes_a_line_of_the_log(self, exporters: Any) -> None:
        del exporters
        said, log = Said(), logging.getLogger("opentelemetry.sdk")
        with traced(
            {"OTEL_TRACES_EXPORTER": "memory"},
            info=INFO,
            log=open_log(said.lines, json_lines=True),
            stderr=said.stderr,
        ):
            log.warning("cannot export to %s: token=hunter2-planted", "there")
        assert "traces.trouble" in said.lines.getvalue()
        assert "hunter2-planted" not in said.lines.getvalue()
        assert logging.getLogger("opentelemetry").handlers == []

    def test_a_collector_that_hangs_does_not_hold_up_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "CLOSING_SECONDS", 0.01)
        forever = threading.Event()
        module._finish(forever.wait)
        assert not forever.is_set()
        forever.set()
