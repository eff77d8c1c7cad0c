"""The inspection: first sight of every item by the survey's own rules, and nothing else: no send, no record.

What `plan` and `verify` know, they know from here. List pages or single looks are chosen as a run would choose them,
and go through the same desk: paced, retried, bounded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.engine import events as ev
from orchestrator.engine.agenda import Agenda
from orchestrator.engine.clock import Clock
from orchestrator.engine.context import Context
from orchestrator.engine.curve import Curve
from orchestrator.engine.history import History
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Failure, Phase, Verdict
from orchestrator.engine.options import RunOptions
from orchestrator.engine.places import Places
from orchestrator.engine.plan import cover
from orchestrator.engine.ready import Ready
from orchestrator.engine.slots import Lane
from orchestrator.engine.states import State
from orchestrator.engine.survey import Survey
from orchestrator.engine.visit import Latency, side_by_side, visit
from orchestrator.engine.watch import Watch
from orchestrator.errors import RunRefusedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from random import Random

    from orchestrator.engine.account import RequestCounts
    from orchestrator.engine.desk import Desk
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.source import Items

FALLBACK_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen of one item: a status, or that it is not there, or why no look at it succeeded."""

    status: str = ""
    phase: Phase | None = None
    is_gone: bool = False
    failure: Failure | None = None  # with `is_gone`, or where there is no status
    is_fine: bool = False  # from a single look, which is never coarse


class Inspection:
    """Looks once at every item of `items`. `operation` is only asked to look."""

    def __init__(
        self,
        operation: BulkOperation,
        items: Items,
        *,
        options: RunOptions | None = None,
        observers: Sequence[ev.Observer] = (),
        now: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        plain = options or RunOptions()
        # Failures are what a look is there to find: no guard ends it.
        self._options = replace(plain, limits=replace(plain.limits, max_failures=1.0))
        self._operation = operation
        self._items = items
        self._now = now
        self._random = random
        self._history = History()
        self._fine: set[int] = set()
        self._unread: dict[int, Failure] = {}
        self.latency = Latency()
        self.listed = bool(operation.max_page)  # whether the list may be read
        self.refused: Failure | None = None  # why it may not
        self.ledger = Ledger(len(items.ids), phase=operation.phase)
        self.places = Places(len(items.ids), operation.max_page or FALLBACK_PAGE)
        self._observers: tuple[ev.Observer, ...] = (self._history.apply, self.latency, self._note, *observers)

    async def run(self) -> None:
        """Look at every item.

        Raises `RunRefusedError` where the service lets nobody look, `UnreachableError` where it does not answer.
        """
        context = self._context()
        async with visit(
            self._operation.pacing, self._options, emit=context.emit, now=self._now, random=self._random
        ) as desk:
            context.desk, context.clock = desk, desk.clock
            await self._survey(context)
            unseen = [item for item, state in enumerate(self.ledger.state) if state in _UNSEEN]
            for item, sight in (await self._look(desk, unseen)).items():
                self._fold(context, item, sight)

    async def look_again(self, items: Iterable[int]) -> dict[int, Sight]:
        """A single look at each of `items`, whatever was seen before. Raises as `run` does."""
        context = self._context()
        async with visit(
            self._operation.pacing, self._options, emit=context.emit, now=self._now, random=self._random
        ) as desk:
            return await self._look(desk, items)

    def sight(self, item: int) -> Sight:
        """What was seen of `item`."""
        ledger = self.ledger
        if ledger.state[item] == State.NOT_FOUND:
            return Sight(is_gone=True, failure=ledger.failures.get(item), is_fine=True)
        if item in self._unread:
            return Sight(failure=self._unread[item])
        status = ledger.words[ledger.status[item]]
        return Sight(status=status, phase=ledger.phase_of(item), is_fine=item in self._fine)

    def round_cost(self, items: Iterable[int]) -> tuple[int, int]:
        """Requests that one look at all of `items` costs: list pages, and single looks."""
        placed: dict[int, int] = {}
        singles = 0
        for item in items:
            if self.listed and self.places.is_known(item):
                placed[item] = self.places.expected(item)
            else:
                singles += 1
        plan = cover(placed, self.places.page_size)
        return len(plan.pages), len(plan.singles) + singles

    @property
    def requests(self) -> Mapping[str, RequestCounts]:
        """What was asked, by API."""
        return self._history.requests

    def _context(self) -> Context:
        return Context(
            operation=self._operation,
            ids=self._items.ids,
            options=self._options,
            ledger=self.ledger,
            clock=Clock(self._now),
            record=None,
            observers=self._observers,
        )

    async def _survey(self, context: Context) -> None:
        curve, ready = Curve(), Ready(self.ledger)
        agenda = Agenda(self.places, curve, self._options.poll)
        watch = Watch(context, places=self.places, curve=curve, agenda=agenda, ready=ready)
        await Survey(context, watch=watch, places=self.places, agenda=agenda, ready=ready).run()

    async def _look(self, desk: Desk, items: Iterable[int]) -> dict[int, Sight]:
        found: dict[int, Sight] = {}

        async def look(item: int) -> None:
            found[item] = await self._single(desk, item)

        await side_by_side(items, look, workers=self._options.submit.workers)
        return found

    async def _single(self, desk: Desk, item: int) -> Sight:
        item_id = self._items.ids[item]
        try:
            seen = await desk.ask("show", Lane.LOOK, lambda: self._operation.look(item_id))
        except ServiceError as error:
            if error.failure.verdict is Verdict.FORBIDDEN:
                raise RunRefusedError(error.failure) from error
            return Sight(failure=error.failure, is_gone=error.failure.verdict is Verdict.GONE, is_fine=True)
        return Sight(status=seen.status, phase=self._operation.phase(seen.status), is_fine=True)

    def _fold(self, context: Context, item: int, sight: Sight) -> None:
        stamp = context.clock.stamp()
        if sight.failure is None:
            self._fine.add(item)
            context.emit(ev.Seen(at=stamp, source="look", statuses={sight.status: [item]}))
        elif sight.is_gone:
            context.emit(ev.Gone(at=stamp, item=item, failure=sight.failure))
        else:
            self._unread[item] = sight.failure

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, ev.ListingRefused):
            self.listed, self.refused = False, event.failure


_UNSEEN = frozenset({State.UNSEEN, State.MISSING})
