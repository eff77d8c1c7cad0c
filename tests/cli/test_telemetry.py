"""The whole command, watched from afar: metrics in a file and over HTTP, traces; and what it costs when it is off."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.parser import build_parser
from orchestrator.cli.settings import Address, gather
from orchestrator.errors import InputError
from tests.verbs.stage import Stage, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with opened(tmp_path, tasks=30, strangers=5) as stage:
        yield stage


class TestRun:
    def test_writes_the_metrics_of_its_account(self, stage: Stage, tmp_path: Path) -> None:
        file = tmp_path / "run.prom"
        result = stage.call("run", stage.path, "--metrics-file", str(file))
        assert result.code == 0, result.err
        assert 'orchestrator_tasks{outcome="stopped",run="story"} 30.0' in file.read_text()
        assert 'orchestrator_run_exit_code{run="story"} 0.0' in file.read_text()

    def test_a_finished_run_writes_them_again_without_a_request(self, stage: Stage, tmp_path: Path) -> None:
        stage.call("run", stage.path)
        before, file = stage.requests(), tmp_path / "run.prom"
        environ = {"ORCHESTRATOR_METRICS_FILE": str(file)}
        assert stage.call("run", stage.path, environ=environ).code == 0
        assert stage.requests() == before
        assert 'orchestrator_tasks{outcome="stopped",run="story"} 30.0' in file.read_text()

    def test_answers_while_it_lasts(self, tmp_path: Path) -> None:
        with opened(tmp_path, tasks=30, stop_seconds=1.0) as stage:
            self._serve(stage)

    def _serve(self, stage: Stage) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        answers: list[str] = []

        def ask() -> None:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not answers:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as answer:
                        answers.append(answer.read().decode())
                except OSError:
                    time.sleep(0.01)  # not there yet

        asking = threading.Thread(target=ask)
        asking.start()
        result = stage.call("run", stage.path, "--serve", str(port))
        asking.join()
        assert result.code == 0, result.err
        assert "orchestrator_tasks_open" in answers[0]
        assert f"http://127.0.0.1:{port}/metrics" in result.err

    def test_is_traced_where_that_is_configured(self, stage: Stage) -> None:
        result = stage.call("run", stage.path, environ={"OTEL_TRACES_EXPORTER": "console"})
        assert result.code == 0, result.err
        assert '"stop story"' in result.err
        ids = set(re.findall(r'"orchestrator.request_id": "(\w+)"', result.err))
        assert ids  # the service's own

    @pytest.mark.parametrize("where", ["taken", "nowhere"])
    def test_what_cannot_be_served_or_written_ends_it_before_anything_is_sent(
        self, stage: Stage, tmp_path: Path, where: str
    ) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            options = {
                "taken": ("--serve", f"127.0.0.1:{taken.getsockname()[1]}"),
                "nowhere": ("--metrics-file", str(tmp_path / "no" / "run.prom")),
            }[where]
            result = stage.call("run", stage.path, *options)
        assert result.code == 2
        assert options[0] in result.err
        assert stage.requests() == 0
        assert stage.call("run", stage.path).code == 0  # the record that was made is no hindrance


class TestOff:
    def test_costs_not_even_an_import(self, stage: Stage) -> None:
        code = (
            "import sys, json; from orchestrator.cli.main import main; code = main(sys.argv[1:], environ={}); "
            "known = {name.split('.')[0] for name in sys.modules}; "
            "print(json.dumps([code, sorted(known & {'prometheus_client', 'opentelemetry'})]))"
        )
        told = subprocess.run(  # noqa: S603  # ours
            [sys.executable, "-c", code, "run", stage.path], check=True, capture_output=True, text=True
        ).stdout
        assert json.loads(told.splitlines()[-1]) == [0, []]


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "host", "port"),
        [
            ("9090", "127.0.0.1", 9090),
            ("0", "127.0.0.1", 0),
            ("0.0.0.0:9090", "0.0.0.0", 9090),  # noqa: S104  # asked for
            ("metrics.local:80", "metrics.local", 80),
            ("[::1]:9090", "::1", 9090),
        ],
    )
    def test_is_this_machine_only_unless_a_host_is_named(self, text: str, host: str, port: int) -> None:
        given = build_parser().parse_args(["run", "job.yaml", "--serve", text])
        assert gather(given, {}).serve == Address(host=host, port=port)
        given = build_parser().parse_args(["run", "job.yaml"])
        assert gather(given, {"ORCHESTRATOR_SERVE": text}).serve == Address(host=host, port=port)

    @pytest.mark.parametrize("text", ["", "x", "65536", "127.0.0.1", "::1:80", ":80", "a b:80", "٣"])
    def test_anything_else_is_refused_with_the_remedy(self, text: str) -> None:
        given = build_parser().parse_args(["run", "job.yaml", "--serve", text])
        if not text:
            assert gather(given, {}).serve is None
            return
        with pytest.raises(InputError, match=r"write PORT, HOST:PORT or \[IPv6\]:PORT"):
            gather(given, {})

    def test_reads_as_it_was_given(self) -> None:
        assert str(Address(host="::1", port=9)) == "[::1]:9"
        assert str(Address(host="a", port=9)) == "a:9"
