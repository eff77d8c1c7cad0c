"""`run`: the whole line from a checked job to the account, and what a signal does to it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from orchestrator.cli.confirm import Intention, confirm
from orchestrator.cli.logs import open_log
from orchestrator.cli.progress import Numbers, Tally
from orchestrator.cli.resources import SIMULATED_PROJECT, client_of, operation_of, provider_of, service_of
from orchestrator.cli.signals import signals_handled
from orchestrator.cli.sink import LogSink
from orchestrator.cli.views import keep_drawing, open_view
from orchestrator.engine import directory as directories
from orchestrator.engine.account import RunInfo
from orchestrator.engine.lock import hold
from orchestrator.engine.runner import Run
from orchestrator.engine.source import Items, collect
from orchestrator.errors import RecordUnusableError
from orchestrator.job.build import read_items, run_options
from orchestrator.job.loader import load_job, resolved
from orchestrator.report.files import write_account
from orchestrator.report.text import render_text

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.cli.views import View
    from orchestrator.engine.account import Report
    from orchestrator.engine.directory import Opened
    from orchestrator.engine.events import Observer
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.job.spec import JobSpec

ABORTED = 75
SHOW_CURSOR = "\x1b[?25h"


def run(settings: Settings, console: Console) -> int:
    """Do what the job file says; returns the exit code. Raises what ends a run before it has an account."""
    if settings.job is None:
        raise TypeError("the parser lets no run through without a job file")
    spec = load_job(settings.job, overrides=settings.overrides, environ=console.environ)
    items = read_items(spec, console.stdin_bytes) if spec.tasks.ids or spec.tasks.file else None
    directory = spec.output.dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordUnusableError(f"{directory}: {error.strerror}; choose another output.dir") from error
    with hold(directory):
        return asyncio.run(_Command(settings, console, spec, settings.job, directory).run(items))


@dataclass(frozen=True, slots=True)
class _Command:
    """One `run`, with the directory held."""

    settings: Settings
    console: Console
    spec: JobSpec
    job_path: Path
    directory: Path

    async def run(self, items: Items | None) -> int:
        async with service_of(self.spec, items.ids if items is not None else None) as (endpoint, ids):
            items = collect(ids) if items is None else items
            identity = self._identity(items, endpoint)
            with contextlib.ExitStack() as stack:
                opened = self._existing(identity)
                if opened is not None:
                    stack.callback(opened.record.close)
                finished = opened is not None and opened.record.is_finished() and self.settings.retry is None
                provider = provider_of(self.spec, self.console.environ, check=not finished)
                client = client_of(self.spec, endpoint=endpoint, provider=provider, environ=self.console.environ)
                async with client:
                    if not finished:
                        self._confirm(opened.items if opened else items, endpoint, resuming=opened is not None)
                    if opened is None:
                        opened = self._create(items, identity, endpoint)
                        stack.callback(opened.record.close)
                    return await self._execute(opened, operation_of(self.spec, client))

    def _confirm(self, items: Items, endpoint: str, *, resuming: bool) -> None:
        if self.settings.yes or self.spec.service.simulator is not None:
            return
        intention = Intention(
            operation=self.spec.operation,
            tasks=len(items.ids),
            endpoint=endpoint,
            project_id=self.spec.service.project_id or "",
            output=self.directory,
            name=self.spec.name or "",
            resuming=resuming,
        )
        confirm(self.console, intention)

    def _identity(self, items: Items, endpoint: str) -> directories.Identity:
        simulated = self.spec.service.simulator is not None
        return directories.Identity(
            input=items.digest,
            operation=self.spec.operation,
            project_id=self.spec.service.project_id or SIMULATED_PROJECT,
            endpoint=directories.SIMULATED if simulated else endpoint,
        )

    def _existing(self, identity: directories.Identity) -> Opened | None:
        """The record to go on with, if there is one. Raises `InputError` for one of another run."""
        if self.settings.fresh:
            aside = directories.put_aside(self.directory, now=time.time())
            if aside is not None:
                self.console.tell(f"the old record is kept as {aside}")
            return None
        opened = directories.open_existing(self.directory)
        if identity.endpoint == directories.SIMULATED:
            opened = directories.discard_simulated(self.directory, opened)
        if opened is not None:
            try:
                directories.require_same(opened, identity, self.directory)
            except BaseException:
                opened.record.close()
                raise
        return opened

    def _create(self, items: Items, identity: directories.Identity, endpoint: str) -> Opened:
        info = RunInfo(
            run_id=uuid.uuid4().hex,
            name=self.spec.name or self.job_path.stem,
            operation=self.spec.operation,
            reason=self.spec.reason or "",
            endpoint=endpoint,
            project_id=identity.project_id,
        )
        return directories.create(self.directory, identity=identity, info=info, items=items, job=resolved(self.spec))

    async def _execute(self, opened: Opened, operation: BulkOperation) -> int:
        tally = Tally(operation.phase)
        with open_view(self.settings.progress, self.console) as view:
            observers: list[Observer] = [tally]
            run = Run(
                operation,
                opened.items,
                info=opened.info,
                options=run_options(self.spec),
                record=opened.record,
                observers=observers,
            )
            gauge = _Gauge(run)
            observers.append(self._log_sink(view, gauge, opened))
            report, drained = await self._watched(run, view, gauge, tally)
        files = write_account(report, self.directory, self.spec.output.formats, page=not drained)
        colour = self.console.shows_colour(self.console.stdout)
        self.console.say(render_text(report, files=files, job_path=self.job_path, colour=colour))
        return report.exit_code

    async def _watched(self, run: Run, view: View, gauge: _Gauge, tally: Tally) -> tuple[Report, bool]:
        """Run, with signals taken and progress drawn. Returns the account, and whether a signal came."""
        with signals_handled(drain=run.drain, abort=self._abort) as received:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keep_drawing, view, gauge, tally)
                report = await run.execute(retry=self._reopened(run))
                tasks.cancel_scope.cancel()
            return report, received.draining

    def _reopened(self, run: Run) -> list[int] | None:
        """The items that `--retry` asks for; None without it."""
        words = self.settings.retry
        return None if words is None else run.not_over(words)

    def _log_sink(self, view: View, gauge: _Gauge, opened: Opened) -> LogSink:
        terminal = self.console.can_draw
        log = open_log(
            view.log_stream,
            json_lines=self.settings.log_json(terminal=terminal),
            colour=self.console.shows_colour(self.console.stderr),
            level=self.settings.level,
        )
        ids = opened.items.ids
        shown = gauge if view.interval is None else None  # who sees the numbers move needs no lines about them
        return LogSink(log, gauge=shown, name_of=ids.__getitem__, level=self.settings.level)

    def _abort(self) -> None:
        """A second signal: end at once. The record needs nothing more; it is whole after any death."""
        restore = SHOW_CURSOR if self.console.can_draw else ""
        self.console.tell(f"{restore}ended at once; the record is kept: the same command resumes")
        os._exit(ABORTED)  # no clean-up may delay it


@dataclass(frozen=True, slots=True)
class _Gauge:
    """The run's numbers as the progress views want them."""

    run: Run

    def numbers(self) -> Numbers:
        now = self.run.numbers()
        shut = 0 < now.opens_in < math.inf
        return Numbers(
            total=now.total,
            over=now.over,
            waiting=now.waiting,
            failed=now.failed,
            to_send=now.to_send,
            throttled_until=time.time() + now.opens_in if shut else None,
        )
