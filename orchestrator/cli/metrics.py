"""`--metrics-file`: a run's metrics as a textfile, for a node exporter that outlives a one-shot job."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TextIO

import anyio

from orchestrator.errors import InputError, RecordError
from orchestrator.report.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from orchestrator.telemetry.metrics import RunMetrics

EVERY = 15.0  # seconds between two writings while the run lasts


@dataclass(slots=True)
class MetricsFile:
    """Writes the file at the start (where trouble still is the user's to mend), now and then, and at the end."""

    path: Path
    metrics: RunMetrics
    log: FilteringBoundLogger
    _failed: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Write it for the first time. Raises `InputError` where that cannot be done."""
        try:
            self._put(self.metrics.text())
        except RecordError as error:
            cause = error.__cause__
            reason = getattr(cause, "strerror", None) or error
            raise InputError(
                f"--metrics-file {self.path}: {reason}; name a file in a directory that this user may write to"
            ) from error

    async def keep(self) -> None:
        """Write it again and again, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            text = self.metrics.text()
            await anyio.to_thread.run_sync(partial(self._try, text))

    def end(self) -> None:
        """Write it for the last time. It is never the metrics that end a run: trouble is only said."""
        self._try(self.metrics.text())

    def _try(self, text: str) -> None:
        try:
            self._put(text)
        except RecordError as error:
            if not self._failed:
                self.log.warning("metrics.unwritable", file=str(self.path), problem=str(error.__cause__ or error))
            self._failed = True
        else:
            self._failed = False

    def _put(self, text: str) -> None:
        def render(stream: TextIO) -> None:
            stream.write(text)

        write_atomically(self.path, render)
