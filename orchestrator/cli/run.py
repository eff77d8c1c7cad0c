"""`run`: the whole line from a checked job to the account, and what a signal does to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator.cli import termination
from orchestrator.cli.logs import open_log
from orchestrator.cli.progress import Tally
from orchestrator.cli.resources import SIMULATED_PROJECT, client_of, operation_of, provider_of, service_of
from orchestrator.cli.signals import signals_handled, states_ignored
from orchestrator.cli.sink import LogSink
from orchestrator.cli.state import RunGauge, state_fields, state_line
from orchestrator.cli.telemetry import telemetry_of
from orchestrator.cli.views import keep_drawing, open_view
from orchestrator.engine import directory as directories
from orchestrator.engine.account import RunInfo
from orchestrator.engine.lock import hold
from orchestrator.engine.runner import Run
from orchestrator.engine.source import Items, collect
from orchestrator.errors import RecordUnusableError
from orchestrator.job.build import read_items, run_options
from orchestrator.job.loader import load_job, resolved
from orchestrator.job.select import selection_digest
from orchestrator.report.files import write_account
from orchestrator.report.text import render_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from orchestrator.cli.console import Console
    from orchestrator.cli.planning import Subject
    from orchestrator.cli.settings import Settings
    from orchestrator.cli.telemetry import Telemetry
    from orchestrator.cli.views import View
    from orchestrator.dcs.client import DcsClient
    from orchestrator.dcs.credentials import CredentialsProvider
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
    with hold(directory), states_ignored():
        running = Command(settings, console, spec, settings.job, directory).run(items)
        del items  # they are let go where a record has its own
        return asyncio.run(running)


@dataclass(frozen=True, slots=True)
class Command:
    """One `run`, or another verb that acts through the same engine, with the directory held.

    `job_path` is what the verb was given; `items` are None where the service is to select them.
    """

    settings: Settings
    console: Console
    spec: JobSpec
    job_path: Path
    directory: Path
    verb: str = "run"

    async def run(self, items: Items | None) -> int:
        """Do it, and return the exit code."""
        simulated = self.spec.service.simulator is not None
        named = items.ids if items is not None and simulated else None
        async with service_of(self.spec, named) as (endpoint, ids):
            if items is None and self.spec.tasks.where is None:
                items = collect(ids, shard=self.spec.share)
            with contextlib.ExitStack() as stack:
                opened = self._existing(self._identity(items, endpoint))
                if opened is not None:
                    items = None  # those of the record are the same: a million need not be held twice
                    stack.callback(opened.record.close)
                finished = opened is not None and opened.record.is_finished() and self.settings.retry is None
                provider = provider_of(self.spec, self.console.environ, check=not finished)
                client = client_of(self.spec, endpoint=endpoint, provider=provider, environ=self.console.environ)
                async with client:
                    operation = operation_of(self.spec, client)
                    if opened is None:
                        opened = await self._begin(items, operation, client, provider)
                        stack.callback(opened.record.close)
                    elif not finished and self._is_asked:
                        await self._ask(self._subject_of(opened, operation, client), operation, client, provider)
                    return await self._execute(opened, operation)

    async def _begin(
        self,
        items: Items | None,
        operation: BulkOperation,
        client: DcsClient,
        provider: CredentialsProvider | None,
    ) -> Opened:
        """The record of a new run: made when its tasks are known, and whoever can be asked has agreed."""
        selection = None
        if items is None:
            from orchestrator.cli.looking import log_sink
            from orchestrator.cli.selection import select_items

            selection = await select_items(self.spec, client, observers=[log_sink(self.settings, self.console)])
            items = selection.items
        if self._is_asked:
            from orchestrator.cli.planning import Subject

            text = selection.text if selection is not None else ""
            subject = Subject(
                spec=self.spec, items=items, endpoint=client.endpoint, project_id=client.project_id, selection=text
            )
            await self._ask(subject, operation, client, provider)
        opened = self._create(items, client.endpoint)
        for event in selection.events if selection is not None else ():
            opened.record.append(event)
        opened.record.commit()
        return opened

    @property
    def _is_asked(self) -> bool:
        """Whether somebody sits there who wants to be asked."""
        return not self.settings.yes and self.spec.service.simulator is None and self.console.can_ask

    def _subject_of(self, opened: Opened, operation: BulkOperation, client: DcsClient) -> Subject:
        """What is left of a run that is taken up again, or reopened."""
        from orchestrator.cli.planning import Subject

        run = Run(operation, opened.items, info=opened.info, record=opened.record)
        return Subject(
            spec=self.spec,
            items=opened.items,
            endpoint=client.endpoint,
            project_id=client.project_id,
            record="unfinished",
            run=run,
            reopened=self._reopened(run),
        )

    async def _ask(
        self, subject: Subject, operation: BulkOperation, client: DcsClient, provider: CredentialsProvider | None
    ) -> None:
        """Show what is about to be done, as seen now, and ask once. Where nobody is asked, none of it is imported."""
        from orchestrator.cli.confirm import confirm
        from orchestrator.cli.looking import log_sink
        from orchestrator.cli.planning import plan_in_time
        from orchestrator.report.plan_text import render_plan

        sink = log_sink(self.settings, self.console)
        credentials = await provider.fetch() if provider is not None else None
        plan = await plan_in_time(subject, operation, client, credentials=credentials, observers=[sink])
        confirm(self.console, render_plan(plan, colour=self.console.shows_colour(self.console.stderr)))

    def _identity(self, items: Items | None, endpoint: str) -> directories.Identity:
        simulated = self.spec.service.simulator is not None
        return directories.Identity(
            input=items.digest if items is not None else partial(selection_digest, self.spec),
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

    def _create(self, items: Items, endpoint: str) -> Opened:
        identity = self._identity(items, endpoint)
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
            gauge = RunGauge(run)
            log = self._log(view, opened)
            observers.append(self._log_sink(log, view, gauge, opened))
            watching = telemetry_of(run, opened, operation, settings=self.settings, console=self.console, log=log)
            async with watching as telemetry:
                observers.extend(telemetry.observers)
                report, drained = await self._watched(run, view, gauge, tally, telemetry)
                telemetry.finish(report)
                # The account comes before the last spans and metrics: a signal leaves it little time.
                files = write_account(
                    report,
                    self.directory,
                    self.spec.output.formats,
                    page=not drained,
                    command=self._again,
                )
        self._last_word(termination.of_report(report, self.directory))
        colour = self.console.shows_colour(self.console.stdout)
        self.console.say(render_text(report, files=files, colour=colour, command=self._again))
        return report.exit_code

    @property
    def _again(self) -> str:
        """The command that goes on with this run."""
        return shlex.join([self.verb, str(self.job_path), *self.settings.repeated])

    async def _watched(
        self, run: Run, view: View, gauge: RunGauge, tally: Tally, telemetry: Telemetry
    ) -> tuple[Report, bool]:
        """Run, with signals taken and progress drawn. Returns the account, and whether a signal came."""
        show = partial(self._show_state, view, gauge, tally)
        with signals_handled(drain=run.drain, abort=self._abort, show=show) as received:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keep_drawing, view, gauge, tally)
                tasks.start_soon(telemetry.keep)
                report = await run.execute(retry=self._reopened(run))
                tasks.cancel_scope.cancel()
            return report, received.draining

    def _show_state(self, view: View, gauge: RunGauge, tally: Tally) -> None:
        """Somebody asked (SIGUSR1): say where the run stands, and go on."""
        numbers, at = gauge.numbers(), time.time()
        if self.settings.log_json(terminal=self.console.can_draw):
            log = open_log(view.log_stream, json_lines=True)
            log.info("run.state", **state_fields(numbers, tally, at))
        else:
            view.log_stream.write(f"{state_line(numbers, tally, at)}\n")
            view.log_stream.flush()

    def _reopened(self, run: Run) -> list[int] | None:
        """The items that `--retry` asks for; None without it."""
        words = self.settings.retry
        return None if words is None else run.not_over(words)

    def _log(self, view: View, opened: Opened) -> FilteringBoundLogger:
        terminal = self.console.can_draw
        log = open_log(
            view.log_stream,
            json_lines=self.settings.log_json(terminal=terminal),
            colour=self.console.shows_colour(self.console.stderr),
            level=self.settings.level,
        )
        if self.settings.job_name:
            log = log.bind(job=self.settings.job_name)
        if opened.items.shard is not None:
            log = log.bind(shard=opened.items.shard.index)
        return log

    def _log_sink(self, log: FilteringBoundLogger, view: View, gauge: RunGauge, opened: Opened) -> LogSink:
        ids = opened.items.ids
        shown = gauge if view.interval is None else None  # who sees the numbers move needs no lines about them
        return LogSink(log, gauge=shown, name_of=ids.__getitem__, level=self.settings.level)

    def _last_word(self, word: Mapping[str, Any]) -> None:
        """Leave `word` where the cluster looks for it; that it cannot be left is said, and no more."""
        if complaint := termination.leave(self.console.environ, word):
            self.console.tell(f"warning: {complaint}")

    def _abort(self) -> None:
        """A second signal: end at once. The record needs nothing more; it is whole after any death."""
        restore = SHOW_CURSOR if self.console.can_draw else ""
        told = "ended at once; the record is kept: the same command resumes"
        self.console.tell(f"{restore}{told}")
        self._last_word(termination.of_problems((told,), hint="", exit_code=ABORTED))
        os._exit(ABORTED)  # no clean-up may delay it
