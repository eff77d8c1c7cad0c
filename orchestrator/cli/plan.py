"""`orchestrator plan`: what a run would do, seen now; nothing is sent and nothing is written."""

from __future__ import annotations

import asyncio
import io
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.cli.looking import log_sink
from orchestrator.cli.planning import Subject, make_plan
from orchestrator.cli.recorded import reading
from orchestrator.cli.resources import SIMULATED_PROJECT, client_of, operation_of, provider_of, service_of
from orchestrator.cli.selection import select_items
from orchestrator.engine.directory import NAME, SIMULATED, Identity
from orchestrator.engine.lock import share
from orchestrator.engine.runner import Run
from orchestrator.engine.source import collect
from orchestrator.errors import DirectoryBusyError, RecordError
from orchestrator.job.build import read_items
from orchestrator.job.loader import load_job
from orchestrator.job.select import selection_digest
from orchestrator.report.plan import write_document
from orchestrator.report.plan_text import render_plan

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.events import Observer
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.source import Items
    from orchestrator.job.spec import JobSpec
    from orchestrator.report.plan import Plan


def plan(settings: Settings, console: Console) -> int:
    """Show the plan on stdout, as a table or as JSON. Raises what keeps it from being made."""
    if settings.job is None:
        raise TypeError("the parser lets no plan through without a job file")
    spec = load_job(settings.job, overrides=settings.overrides, environ=console.environ)
    items = read_items(spec, console.stdin_bytes) if spec.tasks.ids or spec.tasks.file else None
    made = asyncio.run(_plan(settings, console, spec, items))
    if settings.json:
        stream = io.StringIO()
        write_document(made, stream)
        console.say(stream.getvalue())
    else:
        console.say(render_plan(made, colour=console.shows_colour(console.stdout)))
    return 0


async def _plan(settings: Settings, console: Console, spec: JobSpec, items: Items | None) -> Plan:
    sink = log_sink(settings, console)
    async with service_of(spec, items.ids if items is not None else None) as (endpoint, ids):
        provider = provider_of(spec, console.environ)
        async with client_of(spec, endpoint=endpoint, provider=provider, environ=console.environ) as client:
            if items is None and spec.tasks.where is None:
                items = collect(ids)
            operation = operation_of(spec, client)
            subject = await _subject(spec, items, operation, client, sink)
            credentials = await provider.fetch() if provider is not None else None
            return await make_plan(subject, operation, client, credentials=credentials, observers=[sink])


async def _subject(
    spec: JobSpec, items: Items | None, operation: BulkOperation, client: DcsClient, sink: Observer
) -> Subject:
    """What is planned: the tasks of an unfinished run of this very job, else those that the job names or selects."""
    identity = Identity(
        input=items.digest if items is not None else partial(selection_digest, spec),
        operation=spec.operation,
        project_id=spec.service.project_id or SIMULATED_PROJECT,
        endpoint=SIMULATED if spec.service.simulator is not None else client.endpoint,
    )
    state, recorded, run = _record_of(spec.output.dir, identity, operation)
    text = ""
    if recorded is not None:
        items = recorded
    elif items is None:
        selection = await select_items(spec, client, observers=[sink])
        items, text = selection.items, selection.text
    return Subject(
        spec=spec,
        items=items,
        endpoint=client.endpoint,
        project_id=client.project_id,
        selection=text,
        record=state,
        run=run,
    )


def _record_of(directory: Path, identity: Identity, operation: BulkOperation) -> tuple[str, Items | None, Run | None]:
    """What a run would find in its directory, and the tasks and the run of a record that it would go on with."""
    if identity.endpoint == SIMULATED or not (directory / NAME).exists():
        return "none", None, None
    try:
        with share(directory), reading(directory) as opened:
            if identity.differences(opened.identity):
                return "other", None, None
            run = Run(operation, opened.items, info=opened.info, record=opened.record)
            return "finished" if run.history.is_finished else "unfinished", opened.items, run
    except DirectoryBusyError:
        return "held", None, None
    except RecordError:
        return "unusable", None, None
