"""The poller: carries the agenda out, page by page and look by look, until nobody is left."""

from __future__ import annotations

import math
from itertools import compress
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.cells import cells
from orchestrator.engine.line import Line
from orchestrator.engine.model import Verdict
from orchestrator.engine.plan import FEW, PageLook, cover
from orchestrator.engine.slots import Lane
from orchestrator.engine.states import IS_PENDING, PENDING, State
from orchestrator.errors import ServiceError

if TYPE_CHECKING:
    from orchestrator.engine.agenda import Agenda, Shelf
    from orchestrator.engine.context import Context
    from orchestrator.engine.curve import Curve
    from orchestrator.engine.model import Failure
    from orchestrator.engine.places import Places
    from orchestrator.engine.watch import Watch

STRAYS = 3  # items missing from their page that are looked for singly at once
DOUBTED = 100  # items of one page that are looked at singly because the list may be coarse
FEW_WHILE_SPENT = 50  # due items in all that are looked at singly while no page can be had for long
RETRY_PAGE = 5.0  # seconds until a page is read again that could not be had
QUOTA_SHARE = 0.5  # of a known quota may be spent on looking at everything at every interval


class Poller:
    """One planner; pages and single looks each have their own hands, so that neither waits for the other's quota."""

    def __init__(self, context: Context, *, watch: Watch, agenda: Agenda, places: Places, curve: Curve) -> None:
        self._context = context
        self._watch = watch
        self._agenda = agenda
        self._places = places
        self._curve = curve
        self._pages: Line[tuple[PageLook, list[Shelf]]] = Line()
        self._singles: Line[int] = Line()
        self._queued: set[int] = set()  # items in `_singles`, or being looked at
        self._chased: set[int] = set()  # items that were missing from their page, and are looked for on another

    async def run(self) -> None:
        """Look at whatever is due, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for number in range(self._context.options.submit.workers):
                tasks.start_soon(self._read_pages, name=f"poll-page-{number}")
                tasks.start_soon(self._look_at_singles, name=f"poll-single-{number}")
            while True:
                self._plan_round()
                await self._wait_until_due()

    async def _wait_until_due(self) -> None:
        due = self._agenda.awaited = self._agenda.next_due()
        wait = due - self._context.clock.stamp()
        if wait > 0:
            await self._agenda.changed.wait(wait)

    def _plan_round(self) -> None:
        """Queue the cheapest requests that cover what is due now."""
        now = self._context.clock.stamp()
        self._measure_quiet()
        due = self._due_items(now)
        shelves = self._agenda.pop_shelves(now)
        if not due and not shelves:
            return
        owner: dict[int, int] = {}  # the shelf on which an item stands
        for number, shelf in enumerate(shelves):
            expected = self._tidy(shelf)
            owner.update(dict.fromkeys(expected, number))
            due.update(expected)
        plan = cover(due, self._places.page_size, few=self._few(len(due)))
        take = self._put_off if self._is_list_spent else self._queue_page
        for look in plan.pages:
            on_it = set(map(owner.get, look.items))
            take(look, [shelf for number, shelf in enumerate(shelves) if number in on_it])
        for item in plan.singles:
            self._look_singly(item)
        for shelf in shelves:
            if not shelf.readers and shelf.due == math.inf:
                self._reschedule(shelf, looked_at=now)

    @property
    def _is_list_spent(self) -> bool:
        """Whether the list's own quota lets no page be had for longer than an interval."""
        opens_in = self._context.desk.pacing.quota_opens_in("list")
        return self._context.options.poll.interval < opens_in < math.inf

    def _few(self, due: int) -> int:
        """So many due items of one page, or fewer, are looked at singly."""
        if self._do_without_pages(due):
            return FEW_WHILE_SPENT
        return FEW if self._watch.may_look else 0

    def _do_without_pages(self, items: int) -> bool:
        """Whether so many are looked at singly, wherever they stand: the list's quota is spent, and they are few."""
        return items <= FEW_WHILE_SPENT and self._watch.may_look and self._is_list_spent

    def _put_off(self, look: PageLook, shelves: list[Shelf]) -> None:
        """Plan the page anew when the quota allows one, or few are left: by then others are due with it."""
        opens_in = self._context.desk.pacing.quota_opens_in("list")
        at = self._context.clock.stamp() + min(opens_in, self._context.options.poll.interval)
        on_shelves: set[int] = set()
        for shelf in shelves:
            on_shelves.update(shelf.items)
            if not shelf.readers:
                self._agenda.schedule(shelf, at)
        for item in look.items:
            if item not in on_shelves:
                self._agenda.look_at(item, at)

    def _due_items(self, now: float) -> dict[int, int]:
        """The items whose own time has come and that a page may show, with their places; the others are queued."""
        state = self._context.ledger.state
        due: dict[int, int] = {}
        for item, singly in self._agenda.pop_singles(now):
            if state[item] not in PENDING:
                continue
            if singly or not self._places.is_known(item):
                self._look_singly(item)
            else:
                due[item] = self._places.expected(item)
        return due

    def _queue_page(self, look: PageLook, shelves: list[Shelf]) -> None:
        for shelf in shelves:
            shelf.readers += 1
        self._pages.put((look, shelves))

    def _measure_quiet(self) -> None:
        """Where looking at everything is cheap it is done at every interval: how cheap depends on the quota."""
        interval = self._context.options.poll.interval
        rate = self._context.desk.pacing.lasting_rate("list")
        agenda = self._agenda
        wished = max(agenda.QUIET_COST, len(agenda.shelves) / agenda.SHELVES_PER_LOOK)
        agenda.quiet_cost = min(wished, max(1.0, QUOTA_SHARE * rate * interval))
        often = min(agenda.pages_left, agenda.quiet_cost)  # so many shelves are looked at as soon as may be
        pending = sum(self._context.ledger.totals[state] for state in PENDING)
        agenda.spacing = interval if self._do_without_pages(pending) else max(interval, often / rate)

    def _tidy(self, shelf: Shelf) -> dict[int, int]:
        """Keep on the shelf who is still pending, once. Returns where each of them should stand now."""
        stands = bytes(cells(self._context.ledger.state, shelf.items))
        pending = list(compress(shelf.items, stands.translate(IS_PENDING)))
        expected = self._places.all_expected(pending)
        self._agenda.keep(shelf, expected)
        return expected

    def _reschedule(self, shelf: Shelf, *, looked_at: float) -> None:
        """Say when the shelf is looked at next, and take from it what it says of how long stops take."""
        self._tidy(shelf)
        if shelf.is_scout:
            self._curve.pending += len(shelf.items) - shelf.left
            self._remember_curve(emptied=shelf.left > 0 and not shelf.items)
        shelf.left = len(shelf.items)
        shelf.looked_at = looked_at
        now = self._context.clock.stamp()
        if not shelf.items:
            shelf.due = math.inf
            self._agenda.emptied(now)
            return
        self._agenda.schedule(shelf, self._agenda.worth_at(shelf, now, crowded=self._agenda.is_crowded))

    def _remember_curve(self, *, emptied: bool) -> None:
        if emptied and self._curve.seen:
            self._context.emit(ev.CurveLearned(at=self._context.clock.stamp(), buckets=self._curve.buckets))

    def _look_singly(self, item: int) -> None:
        if item not in self._queued:
            self._queued.add(item)
            self._singles.put(item)

    async def _look_at_singles(self) -> None:
        while True:
            item = await self._singles.take()
            if self._context.ledger.state[item] in PENDING:
                await self._watch.single(item, Lane.LOOK)
            self._queued.discard(item)  # not before: what this look shows decides whether another one is needed

    async def _read_pages(self) -> None:
        while True:
            await self._read_page(*await self._pages.take())

    async def _read_page(self, look: PageLook, shelves: list[Shelf]) -> None:
        try:
            _, found = await self._watch.page(look.offset, Lane.LOOK, waits_for_quota=False)
        except ServiceError as error:
            if error.failure.verdict is Verdict.THROTTLED:
                for shelf in shelves:
                    shelf.readers -= 1
                self._put_off(look, shelves)
                return
            if error.failure.verdict is Verdict.FORBIDDEN:
                self._go_on_without_list(error.failure)
            looked_at = self._context.clock.stamp() + RETRY_PAGE
        else:
            looked_at = self._context.clock.stamp()
            self._follow_up(look, found)
        for shelf in shelves:
            shelf.readers -= 1
            if not shelf.readers:
                self._reschedule(shelf, looked_at=looked_at)

    def _go_on_without_list(self, failure: Failure) -> None:
        """The permission to list was taken away: everybody is looked at singly from now on."""
        context = self._context
        stamp = context.clock.stamp()
        context.emit(ev.ListingRefused(at=stamp, failure=failure))
        for shelf in self._agenda.shelves.values():
            self._tidy(shelf)
            for item in shelf.items:
                self._places.forget(item)
                self._agenda.look_at(item, stamp, singly=True)
            self._agenda.keep(shelf, ())
        self._pages.clear()

    def _follow_up(self, look: PageLook, found: set[int]) -> None:
        """Who should be on this page and is not is looked for; who waits too long is asked for again."""
        state, now = self._context.ledger.state, self._context.clock.stamp()
        absent = set(look.items) - found
        missing = [item for item in look.items if item in absent and state[item] in PENDING] if absent else []
        elsewhere = len(missing) > STRAYS and self._moved_away(missing, look)
        self._chased -= found
        for item in missing:
            chased = elsewhere and item not in self._chased  # once: perhaps it stands in the list no more
            if chased:
                self._chased.add(item)
            else:
                self._chased.discard(item)
                self._places.forget(item)
            self._agenda.look_at(item, now, singly=not chased)
        waiting: list[int] = []
        if State.WAITING in cells(state, look.items):
            waiting = [item for item in look.items if item in found and state[item] == State.WAITING]
            self._watch.reissue_overdue(waiting, trusted=self._watch.list_is_fine)
        if not self._watch.list_is_fine:
            self._doubt_the_list(waiting, now)

    def _doubt_the_list(self, waiting: list[int], now: float) -> None:
        """A list that never showed anybody on the way may hide the goal as well: the overdue are looked at singly."""
        overdue_at = now - self._agenda.overdue_age
        accepted = self._context.ledger.accepted_last
        for item in [item for item in waiting if accepted(item) < overdue_at][:DOUBTED]:
            self._agenda.look_at(item, now, singly=True)

    def _moved_away(self, missing: list[int], look: PageLook) -> bool:
        """Whether the list has drifted so that most of `missing` should now stand on another page."""
        size = self._places.page_size
        away = sum(not look.offset <= self._places.expected(item) < look.offset + size for item in missing)
        return 2 * away > len(missing)
