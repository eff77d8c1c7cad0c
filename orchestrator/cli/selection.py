"""Selects the tasks of a job from the service's list: once, before anything else, at the engine's own desk."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.dcs.wire import MAX_PAGE
from orchestrator.engine import events as ev
from orchestrator.engine.ids import PackedIds
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
    from orchestrator.dcs.details import TaskDetails
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
    text: str  # what was asked and how many were taken, in words


async def select_items(spec: JobSpec, client: DcsClient, *, observers: Sequence[ev.Observer] = ()) -> Selection:
    """Read the list and keep what `tasks.where` takes; possibly nothing.

    Raises `RunRefusedError` where the list may not be read, `UnreachableError` where it cannot be.
    """
    where = spec.tasks.where
    if where is None:
        raise TypeError("the job selects nothing")
    options, gathering = run_options(spec), _Gathering(Selector(where), observers)
    async with visit(client.pacing, options, emit=gathering.emit) as desk:

        async def read(offset: int, limit: int) -> Page:
            page, rows = await desk.ask("list", Lane.SURVEY, lambda: client.list_detailed(offset, limit))
            gathering.add(page, rows)
            return page

        try:
            await Listing(read, page_size=MAX_PAGE, workers=options.submit.workers).run()
        except ServiceError as error:
            raise _explained(error) from error
    items = collect(
        gathering.taken,
        exclude=spec.tasks.exclude,
        malformed="skip",
        shard=spec.share,
        max_ids=max(MAX_IDS, spec.limits.max_tasks),
        may_be_empty=True,
    )
    text = gathering.describe(describe(where))
    noted = ev.Noted(at=time.time(), name="selection.made", text=text)
    return Selection(items=replace(items, stated=selection_digest(spec)), events=(*gathering.events, noted), text=text)


class _Gathering:
    """Keeps what is selected of the pages that come, and what belongs into the record of the requests for them."""

    def __init__(self, selector: Selector, observers: Sequence[ev.Observer]) -> None:
        self.taken = PackedIds()
        self.events: list[ev.Event] = []
        self._selector = selector
        self._observers = observers
        self._seen = PackedIds()

    def emit(self, event: ev.Event) -> None:
        if isinstance(event, ev.Tallied | ev.QuotaLearned):
            self.events.append(event)
        for observer in self._observers:
            observer(event)

    def add(self, page: Page, rows: Sequence[TaskDetails]) -> None:
        if len(rows) != len(page.ids):
            raise UnreachableError(
                f"the service's list cannot be read (request {page.request_id}): its rows are not what they should be; "
                "nothing was selected and nothing was sent"
            )
        first = dict(zip(reversed(page.ids), reversed(rows), strict=True))  # of rows that name the same task
        fresh = self._seen.extend([item_id for item_id in page.ids if item_id])
        self.taken.extend([item_id for item_id in fresh if self._selector.takes(first[item_id])])

    def describe(self, question: str) -> str:
        text = f"selected by the service: {question}; {len(self.taken):,} of {len(self._seen):,} tasks in its list"
        if self._selector.undated:
            text += f"; {self._selector.undated:,} passed over because their created_at could not be read"
        return text


def _explained(error: ServiceError) -> RunRefusedError | UnreachableError:
    failure = error.failure
    if failure.verdict in (Verdict.FORBIDDEN, Verdict.RUN_REFUSED, Verdict.UNAUTHENTICATED, Verdict.REJECTED):
        remedy = f"; {PERMISSION}" if failure.verdict is Verdict.FORBIDDEN else ""
        return RunRefusedError(replace(failure, message=f"{failure.message}{remedy}"))
    return UnreachableError(
        f"the service's list could not be read ({failure.text}); nothing was selected and nothing was sent"
    )
