"""The survey: first sight of every item, by list pages or by single looks, whichever is cheaper."""

from __future__ import annotations

import math
from collections import Counter, deque
from itertools import compress, count
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.cells import cells
from orchestrator.engine.model import Verdict
from orchestrator.engine.plan import FEW, cover, is_listing_cheaper
from orchestrator.engine.slots import Lane
from orchestrator.engine.states import IS_OPEN, PENDING, State
from orchestrator.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection

    from orchestrator.engine.agenda import Agenda
    from orchestrator.engine.context import Context
    from orchestrator.engine.model import Page
    from orchestrator.engine.places import Places
    from orchestrator.engine.ready import Ready
    from orchestrator.engine.watch import Watch

LATELY = 8  # pages by which it is judged whether the next one is worth its cost
ALONE = 1  # so few items are looked at singly from the start


class Survey:
    """Walks the list once. Items that it does not show are looked at singly, by whoever follows the agenda."""

    def __init__(self, context: Context, *, watch: Watch, places: Places, agenda: Agenda, ready: Ready) -> None:
        self._context = context
        self._watch = watch
        self._places = places
        self._agenda = agenda
        self._ready = ready
        self._wanted = context.ledger.state.translate(IS_OPEN)  # 1: open, not seen in the list yet
        self._unseen = self._wanted.count(1)  # how many of them there are
        self._is_resumed = self._unseen > context.ledger.totals[State.UNSEEN]
        self._next = 0  # the record index from which to read on
        self._pages_read = 0
        self._found_lately: deque[int] = deque(maxlen=LATELY)  # items seen for the first time on each of the last pages
        self._total = math.inf  # records in the list, once somebody says so
        self._at_end = False
        self._is_refused = False  # this identity may not list

    async def run(self) -> None:
        """Walk, then hand over what no page showed."""
        if self._is_resumed:
            self._hold_back()
        if self._context.operation.max_page and self._unseen > ALONE:
            if self._is_resumed:
                await self._revisit()
            await self._walk()
        self._hand_over()

    def _hold_back(self) -> None:
        """Let nobody decide at first sight on what was sent when the process died: it may only just have arrived."""
        context = self._context
        until = context.clock.stamp() + context.options.poll.first_after
        for item, state in enumerate(context.ledger.state):
            if state == State.AMBIGUOUS:
                self._agenda.undecided_until[item] = until
                self._agenda.look_at(item, until)

    async def _revisit(self) -> None:
        """Read the pages on which the attempt before saw those that are still open: mostly they are there still."""
        places = self._places
        known = filter(places.is_known, compress(count(), self._wanted))
        standing = Counter(map(places.expected, known))  # few places: all of a page are remembered as in its middle
        enough = [place for place, many in standing.items() for _ in range(min(many, FEW + 1))]  # to be worth a page
        for look in cover(dict(enumerate(enough)), places.page_size).pages:
            if not self._is_refused:
                await self._read(look.offset)
        self._at_end = False  # that the last page was among them says nothing of those before it

    async def _walk(self) -> None:
        while self._total == math.inf and self._is_worth_reading():  # one by one, so as not to read past the end
            await self._read_next()
        async with anyio.create_task_group() as tasks:
            for number in range(self._context.options.submit.workers):
                tasks.start_soon(self._read_on, name=f"survey-{number}")

    async def _read_on(self) -> None:
        """Read pages until there are no more, or single looks have become the cheaper way."""
        while self._is_worth_reading():
            await self._read_next()

    def _is_worth_reading(self) -> bool:
        if self._is_refused or self._at_end or not self._unseen or self._next >= self._total:
            return False
        left = math.ceil((self._total - self._next) / self._places.page_size) if self._total < math.inf else math.inf
        lately = sum(self._found_lately) / len(self._found_lately) if self._found_lately else 0.0
        return is_listing_cheaper(
            unseen=self._unseen, pages_left=left, pages_read=self._pages_read, found_lately=lately
        )

    async def _read_next(self) -> None:
        offset = self._next
        self._next += self._places.page_size
        await self._read(offset)

    async def _read(self, offset: int) -> None:
        self._pages_read += 1
        try:
            page, found = await self._watch.page(offset, Lane.SURVEY)
        except ServiceError as error:
            self._page_failed(offset, error)
        else:
            self._cross_off(found)
            self._measure(page, offset)

    def _cross_off(self, found: Collection[int]) -> None:
        """These were seen. Who was on its way already when the run was taken up is on the agenda from now on."""
        wanted = self._wanted
        seen = list(compress(found, cells(wanted, found)))
        for item in seen:
            wanted[item] = 0
        self._unseen -= len(seen)
        self._found_lately.append(len(seen))
        if self._is_resumed:
            self._watch.take_up(seen)

    def _page_failed(self, offset: int, error: ServiceError) -> None:
        context, failure = self._context, error.failure
        stamp = context.clock.stamp()
        if failure.verdict is Verdict.FORBIDDEN:
            self._is_refused = True
            context.emit(ev.ListingRefused(at=stamp, failure=failure))
            return
        text = (
            f"the list from record {offset} on could not be read ({failure.text}); "
            "the tasks that stand there are looked at one by one"
        )
        context.emit(ev.Noted(at=stamp, name="survey.page_failed", text=text))

    def _measure(self, page: Page, offset: int) -> None:
        """How long the list is: `count` may be of all records, or of this page only."""
        rows = len(page.ids)
        if page.count is not None and page.count > rows:
            self._total = page.count  # said of all records, it cannot be less than what we read
            if 0 < rows < self._places.page_size and offset + rows < page.count:
                self._next = min(self._next, offset + rows)  # the service gives shorter pages than we asked for
                self._places.page_size = rows
        elif rows < self._places.page_size:
            self._at_end = True

    def _hand_over(self) -> None:
        """What no page showed is looked at singly; then nothing more is to come."""
        context = self._context
        ledger, stamp = context.ledger, context.clock.stamp()
        wanted = [item for item, flag in enumerate(self._wanted) if flag]
        unseen = [item for item in wanted if ledger.state[item] == State.UNSEEN]
        if unseen:
            context.emit(ev.Missed(at=stamp, items=unseen))
        for item in wanted:
            if ledger.state[item] in PENDING:
                self._agenda.look_at(item, stamp, singly=True)
        self._ready.survey_is_over()
