"""A run in virtual time with observers of ours, for the tests of metrics and traces."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.engine.account import RunInfo
from orchestrator.telemetry.metrics import RunMetrics
from orchestrator.testing import VirtualTimeLoop
from tests.engine.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.engine.account import Report
    from orchestrator.engine.events import Observer
    from orchestrator.testing import FakeOperation

INFO = RunInfo(run_id="r-1", name="night", operation="stop", endpoint="https://dcs.example.com", project_id="p1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What came of it: the account, the metrics, and what they said as text in the run's own loop."""

    stage: Stage
    report: Report
    metrics: RunMetrics
    texts: list[str]


def watch(operation: FakeOperation, *, observers: Callable[[], list[Observer]] = list, **plain: Any) -> Watched:
    """Play a run to its end, asking for the metrics before, and after, and after its account."""

    async def play() -> Watched:
        stage = Stage(operation, **plain)
        run = stage.set_up()
        metrics = RunMetrics(ledger=run.ledger, operation=operation, info=INFO)
        run._observers = [*run._observers, metrics, *observers()]
        texts = [metrics.text()]
        report = await run.execute()
        texts.append(metrics.text())
        metrics.finish(report)
        return Watched(stage=stage, report=report, metrics=metrics, texts=[*texts, metrics.text()])

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(play())
