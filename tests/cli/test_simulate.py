from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from orchestrator.cli.settings import Settings
from orchestrator.cli.simulate import describe_job, read_options
from orchestrator.errors import InputError
from orchestrator.simulator.options import SimulatorOptions
from tests.cli.streams import call, terminal


def options_of(*traits: str, tasks: int | None = None, seed: int | None = None) -> SimulatorOptions:
    return read_options(Settings(verb="simulate", traits=traits, tasks=tasks, seed=seed))


class TestOptions:
    def test_values_are_yaml_and_keys_may_be_paths(self) -> None:
        options = options_of("tasks=7", "stop_seconds.median=3", "quotas.stop={limit: 20, seconds: 5}", "forget=0.5")
        assert (options.tasks, options.stop_seconds.median, options.forget) == (7, 3, 0.5)
        assert options.quotas["stop"].limit == 20

    def test_the_short_options_win(self) -> None:
        options = options_of("tasks=7", "seed=1", tasks=9, seed=2)
        assert (options.tasks, options.seed) == (9, 2)

    @pytest.mark.parametrize(
        ("traits", "words"),
        [
            (("no_such=1",), "no_such"),
            (("forget=7",), "forget"),
            (("forget={",), "is not YAML"),
            (("seed=1", "seed.x=2"), "has no parts"),
        ],
    )
    def test_bad_ones_are_told(self, traits: tuple[str, ...], words: str) -> None:
        with pytest.raises(InputError, match=words):
            options_of(*traits)

    def test_bad_ones_are_exit_2(self) -> None:
        assert call("simulate", "--set", "no_such=1").code == 2


class TestJobFile:
    def test_uses_the_stand_in(self) -> None:
        text = describe_job("http://127.0.0.1:80", SimulatorOptions(), Path("my-ids.txt"))
        assert "endpoint: http://127.0.0.1:80\n" in text
        assert "credentials: none\n" in text
        assert "file: my-ids.txt\n" in text

    def test_follows_how_it_authenticates(self) -> None:
        options = SimulatorOptions(auth="token", project_id="f" * 32)
        text = describe_job("http://127.0.0.1:80", options, None)
        assert "credentials: token\n" in text
        assert f"project_id: {'f' * 32}\n" in text
        assert "file: ids.txt\n" in text


class TestServing:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_serves_what_it_announced_until_a_signal(self, tmp_path: Path, number: signal.Signals) -> None:
        ids = tmp_path / "ids.txt"
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "orchestrator", "simulate", "--tasks", "12", "--ids", str(ids)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            job = tmp_path / "job.yaml"
            job.write_text("".join(process.stdout.readline() for _ in range(10)))
            text = job.read_text()
            [url] = re.findall(r"endpoint: (\S+)", text)
            [project] = re.findall(r"project_id: (\S+)", text)
            with urllib.request.urlopen(f"{url}/v2/{project}/migration-tasks?limit=1000") as answer:  # noqa: S310
                listed = {task["task_id"] for task in json.load(answer)["migration_tasks"]}
            assert listed == set(ids.read_text().split())
            assert len(listed) == 12
            assert call("validate", str(job)).out.endswith("12 unique ids\n")
            os.kill(process.pid, number)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()
        assert (process.returncode, out) == (0, "")
        assert "serving at" in err
        assert "Traceback" not in err

    def test_ctrl_c_at_a_terminal_ends_it(self) -> None:
        with terminal() as far:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator", "simulate", "--tasks", "3"],
                stdin=far.slave,
                stdout=far.slave,
                stderr=far.slave,
                start_new_session=True,
            )
            try:
                shown = far.read_until("until Ctrl-C or SIGTERM")
                os.killpg(process.pid, signal.SIGINT)
                assert process.wait(20) == 0
            finally:
                process.kill()
                process.wait()
        assert "--ids ids.txt writes" in shown

    def test_a_port_that_is_taken_is_told(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            result = call("simulate", "--tasks", "1", "--port", str(port))
        assert result.code == 2
        assert f"cannot listen on 127.0.0.1:{port}: the port is taken" in result.err

    @pytest.mark.parametrize("ids", [True, False])
    def test_ends_in_process_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: bool) -> None:  # noqa: FBT001
        from orchestrator.simulator import server

        async def serve(_: object, *, announce: object, **__: object) -> None:
            assert callable(announce)
            announce("http://127.0.0.1:1")

        monkeypatch.setattr(server, "serve", serve)
        result = call("simulate", "--tasks", "3", *(("--ids", str(tmp_path / "ids")) if ids else ()))
        assert result.code == 0
        assert "3 tasks at http://127.0.0.1:1" in result.out
        assert ("hint: --ids" in result.err) is not ids
        assert (tmp_path / "ids").exists() is ids
