"""Selects the tasks of a job from the service's list: once, before anything else, at the engine's own desk."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.dcs.wire import MAX_PAGE
from orchestrator.engine import events as ev
from orchestrator.engine.listing import Listing
from orchestrator.engine.model import Verdict
from orchestrator.engine.slots import Lane
from orchestrator.engine.source import MAX_IDS, collect
from orchestrator.engine.visit import visit
from orchestrator.errors import RunRefusedError, ServiceError, UnreachableError
from orchestrator.job.build import run_options
from orchestrator.job.select import Selector, describe, selection_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Page
    from orchestrator.engine.source import Items
    from orchestrator.job.spec import JobSpec

PERMISSION = (
    "tasks.where reads the service's list, which needs the permission dcs:migrationTask:list; "
    "grant it, or name the tasks in tasks.file"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was selected, and what happened on the way: requests and learned quotas belong into the record."""

    items: Items
    events: Sequence[ev.Event]
    listed: int  # tasks in the service's list
    notes: Sequence[str] = ()


async def select_items(spec: JobSpec, client: DcsClient, *, observers: Sequence[ev.Observer] = ()) -> Selection:
    """Read the list and keep what `tasks.where` takes; possibly nothing.

    Raises `RunRefusedError` where the list may not be read, `UnreachableError` where it cannot be.
    """
    where = spec.tasks.where
    if where is None:
        raise TypeError("the job selects nothing")
    selector, options = Selector(where), run_options(spec)
    kept: list[ev.Event] = []
    taken: dict[str, None] = {}
    seen: set[str] = set()

    def emit(event: ev.Event) -> None:
        if isinstance(event, ev.Tallied | ev.QuotaLearned):
            kept.append(event)
        for observer in observers:
            observer(event)

    async with visit(client.pacing, options, emit=emit) as desk:

        async def read(offset: int, limit: int) -> Page:
            page, rows = await desk.ask("list", Lane.SURVEY, lambda: client.list_detailed(offset, limit))
            for item_id, row in zip(page.ids, rows, strict=False):
                if item_id and item_id not in seen:
                    seen.add(item_id)
                    if selector.takes(row):
                        taken[item_id] = None
            return page

        listing = Listing(read, page_size=MAX_PAGE, workers=options.submit.workers)
        try:
            await listing.run()
        except ServiceError as error:
            raise _explained(error) from error
    items = collect(
        taken,
        exclude=spec.tasks.exclude,
        malformed="skip",
        shard=spec.share,
        max_ids=max(MAX_IDS, spec.limits.max_tasks),
        may_be_empty=True,
    )
    notes = [f"selected by the service: {describe(where)}; {len(taken):,} of {len(seen):,} tasks in its list"]
    if selector.undated:
        notes.append(f"{selector.undated:,} tasks were passed over: when they were created could not be read")
    kept.append(ev.Noted(at=time.time(), name="selection.made", text="; ".join(notes)))
    return Selection(
        items=replace(items, digest=selection_digest(spec)), events=kept, listed=len(seen), notes=tuple(notes)
    )


def _explained(error: ServiceError) -> RunRefusedError | UnreachableError:
    failure = error.failure
    if failure.verdict in (Verdict.FORBIDDEN, Verdict.RUN_REFUSED, Verdict.UNAUTHENTICATED, Verdict.REJECTED):
        remedy = f"; {PERMISSION}" if failure.verdict is Verdict.FORBIDDEN else ""
        return RunRefusedError(replace(failure, message=f"{failure.message}{remedy}"))
    return UnreachableError(
        f"the service's list could not be read ({failure.text}); nothing was selected and nothing was sent"
    )
