"""`--metrics-file`: written at the start, now and then, and at the end; it never ends a run."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.cli import metrics as module
from orchestrator.cli.logs import open_log
from orchestrator.cli.metrics import MetricsFile
from orchestrator.engine import events as ev
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Phase
from orchestrator.errors import InputError
from orchestrator.telemetry.metrics import RunMetrics
from orchestrator.testing import FakeOperation
from tests.telemetry.watched import INFO

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def metrics() -> RunMetrics:
    return RunMetrics(ledger=Ledger(2, phase=lambda _: Phase.GOAL), operation=FakeOperation({}), info=INFO)


class Kept:
    """A file and what was logged about it."""

    def __init__(self, path: Path, metrics: RunMetrics) -> None:
        self.lines = io.StringIO()
        self.file = MetricsFile(path, metrics, open_log(self.lines, json_lines=True))


class TestMetricsFile:
    async def test_is_there_from_the_start_and_whole_at_any_time(self, tmp_path: Path, metrics: RunMetrics) -> None:
        path = tmp_path / "run.prom"
        path.write_text("old")
        Kept(path, metrics).file.begin()
        assert 'orchestrator_tasks_open{run="night",state="to_send"} 2.0' in path.read_text()
        assert os.listdir(tmp_path) == ["run.prom"]  # noqa: PTH208  # a moment, in a test

    async def test_a_file_that_cannot_be_written_is_said_before_anything_is_sent(
        self, tmp_path: Path, metrics: RunMetrics
    ) -> None:
        kept = Kept(tmp_path / "nowhere" / "run.prom", metrics)
        with pytest.raises(InputError, match=r"--metrics-file .*run.prom: No such file or directory; name a file"):
            kept.file.begin()

    async def test_is_written_now_and_then(
        self, tmp_path: Path, metrics: RunMetrics, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "EVERY", 0.001)
        path = tmp_path / "run.prom"
        kept = Kept(path, metrics)
        metrics(ev.RunStarted(at=77.0, attempt=1, items=2))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kept.file.keep)
            with anyio.fail_after(10):
                while not path.exists():  # noqa: ASYNC110  # nobody says when it is there
                    await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
        assert "orchestrator_run_start_timestamp_seconds" in path.read_text()

    async def test_trouble_later_on_is_said_once_and_ends_nothing(self, tmp_path: Path, metrics: RunMetrics) -> None:
        kept = Kept(tmp_path / "gone" / "run.prom", metrics)
        kept.file.end()
        kept.file.end()
        assert kept.lines.getvalue().count("metrics.unwritable") == 1
        (tmp_path / "gone").mkdir()
        kept.file.end()
        assert (tmp_path / "gone" / "run.prom").exists()
        (tmp_path / "gone" / "run.prom").unlink()
        (tmp_path / "gone").rmdir()
        kept.file.end()  # it was well in between: said again
        assert kept.lines.getvalue().count("metrics.unwritable") == 2

    async def test_a_link_in_its_place_is_replaced_and_not_followed(self, tmp_path: Path, metrics: RunMetrics) -> None:
        victim, path = tmp_path / "victim", tmp_path / "run.prom"
        victim.write_text("precious")
        path.symlink_to(victim)
        Kept(path, metrics).file.begin()
        assert victim.read_text() == "precious"
        assert not path.is_symlink()
