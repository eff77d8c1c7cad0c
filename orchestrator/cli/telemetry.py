"""What watches a run from afar, as far as it was asked for: metrics served, metrics in a file, traces."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.cli.traces import traced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from structlog.typing import FilteringBoundLogger

    from orchestrator.cli.console import Console
    from orchestrator.cli.metrics import MetricsFile
    from orchestrator.cli.settings import Settings
    from orchestrator.engine.account import Report
    from orchestrator.engine.directory import Opened
    from orchestrator.engine.events import Observer
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.runner import Run
    from orchestrator.telemetry.metrics import RunMetrics


@dataclass(slots=True)
class Telemetry:
    """The observers of one run, and what is to be done while it lasts and when it has its account."""

    observers: list[Observer] = field(default_factory=list)
    metrics: RunMetrics | None = None
    file: MetricsFile | None = None

    async def keep(self) -> None:
        """Write the metrics file now and then, until cancelled; ends at once where there is none."""
        if self.file is not None:
            await self.file.keep()

    def finish(self, report: Report) -> None:
        """The run has its account."""
        if self.metrics is not None:
            self.metrics.finish(report)


@contextlib.asynccontextmanager
async def telemetry_of(
    run: Run,
    opened: Opened,
    operation: BulkOperation,
    *,
    settings: Settings,
    console: Console,
    log: FilteringBoundLogger,
) -> AsyncIterator[Telemetry]:
    """Watch `run` for the block, as options and environment ask for. What is not asked for is not even imported.

    Raises `InputError` where the address or the file cannot be used: before anything is sent.
    """
    telemetry = Telemetry()
    async with contextlib.AsyncExitStack() as stack:
        traces = stack.enter_context(traced(console.environ, info=opened.info, log=log, stderr=console.stderr))
        if traces is not None:
            telemetry.observers.append(traces)
        if settings.serve is not None or settings.metrics_file is not None:
            from orchestrator.telemetry.metrics import RunMetrics

            metrics = telemetry.metrics = RunMetrics(
                ledger=run.ledger,
                operation=operation,
                info=opened.info,
                shard=opened.items.shard,
                job_name=settings.job_name,
            )
            telemetry.observers.append(metrics)
            if settings.metrics_file is not None:
                from orchestrator.cli.metrics import MetricsFile

                telemetry.file = MetricsFile(settings.metrics_file, metrics, log)
                telemetry.file.begin()
                stack.callback(telemetry.file.end)
            if settings.serve is not None:
                from orchestrator.cli.serve import served

                url = await stack.enter_async_context(served(settings.serve, metrics))
                log.info("metrics.served", url=f"{url}/metrics")
        yield telemetry
