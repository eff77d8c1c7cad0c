"""The watch: makes looks, turns what they show into events, and sends each item on to who deals with it next."""

from __future__ import annotations

import math
from itertools import compress
from typing import TYPE_CHECKING

from orchestrator.engine import events as ev
from orchestrator.engine.cells import cells
from orchestrator.engine.ids import ABSENT
from orchestrator.engine.model import Phase, Verdict
from orchestrator.engine.states import FIRST_FINAL, IS_OPEN, State
from orchestrator.errors import RunRefusedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.engine.agenda import Agenda
    from orchestrator.engine.context import Context
    from orchestrator.engine.curve import Curve
    from orchestrator.engine.model import Failure, Page
    from orchestrator.engine.places import Places
    from orchestrator.engine.ready import Ready
    from orchestrator.engine.rollcall import RollCall
    from orchestrator.engine.slots import Lane

# A further sighting in the same status is news to these: they wait for exactly that, or count how often.
ALWAYS_NEWS = frozenset({State.UNSEEN, State.MISSING, State.AMBIGUOUS, State.REFUSED, State.CONFIRMING})
FIRST_ROWS = 8  # of a page, among which one of ours is looked for: it tells who else is there
COARSE = 2  # intervals between two looks at a scout: after a longer time nobody knows when it ended
LOOK_AGAIN = 30.0  # seconds until an item is looked at again whose look failed as often as is allowed


class Watch:
    """Looks at pages and at single items."""

    def __init__(self, context: Context, *, places: Places, curve: Curve, agenda: Agenda, ready: Ready) -> None:
        self.may_look = True  # whether this identity may look at single items
        self.list_is_fine = False  # whether the list was seen to show what is on its way (it may be coarse)
        self.roll_call: RollCall | None = None  # who settles what single looks cannot, where to be gone is the goal
        self._context = context
        self._places = places
        self._curve = curve
        self._agenda = agenda
        self._ready = ready

    async def page(self, offset: int, lane: Lane, *, waits_for_quota: bool = True) -> tuple[Page, set[int]]:
        """Read one page of the list. Returns it and the items found on it. Raises `ServiceError`, as `Desk.ask`."""
        context = self._context
        size, asked_at = self._places.page_size, context.clock.stamp()
        page = await context.desk.ask(
            "list", lane, lambda: context.operation.page(offset, size), waits_for_quota=waits_for_quota
        )
        return page, self._page_seen(page, offset, asked_at)

    async def single(self, item: int, lane: Lane) -> None:
        """Look at one item, and see to it that it is looked at again if that came to nothing."""
        context = self._context
        item_id, asked_at = context.ids[item], context.clock.stamp()
        try:
            sighting = await context.desk.ask("show", lane, lambda: context.operation.look(item_id))
        except ServiceError as error:
            self._look_failed(item, error)
            self._ready.changed.give()  # perhaps that was the last one that a batch waited for
            return
        if context.ledger.state[item] >= FIRST_FINAL:
            return
        statuses = {sighting.status: [item]}
        context.emit(
            ev.Seen(at=context.clock.stamp(), source="look", statuses=statuses, request_id=sighting.request_id)
        )
        if self.roll_call is None or not self.roll_call.doubts(item):
            self._send_on([item], trusted=True, asked_at=asked_at)

    def _look_failed(self, item: int, error: ServiceError) -> None:
        context, failure = self._context, error.failure
        state = context.ledger.state[item]
        match failure.verdict:
            case _ if state >= FIRST_FINAL:
                pass
            case Verdict.GONE if state != State.SENDING:
                context.emit(ev.Gone(at=context.clock.stamp(), item=item, failure=failure))
            case Verdict.FORBIDDEN:
                self._look_refused(item, failure)
            case Verdict.REJECTED | Verdict.BAD_ITEM if state == State.MISSING:
                context.emit(ev.Rejected(at=context.clock.stamp(), items={item: failure}))
            case _:
                self._agenda.look_at(item, context.clock.stamp() + LOOK_AGAIN, singly=True)

    def _look_refused(self, item: int, failure: Failure) -> None:
        """This identity may not look at single items. Pages will do, but for what only a single look can tell."""
        context, state = self._context, self._context.ledger.state[item]
        is_doubtful = state in (State.AMBIGUOUS, State.REFUSED) and not self.list_is_fine
        if is_doubtful or not self._places.is_known(item):
            context.desk.close()
            raise RunRefusedError(failure)
        stamp = context.clock.stamp()
        if self.may_look:
            self.may_look = False
            text = f"this identity may not look at single tasks ({failure.text}); list pages are read instead"
            context.emit(ev.Noted(at=stamp, name="look.refused", text=text))
        self._agenda.look_at(item, stamp + context.options.poll.interval)

    def _page_seen(self, page: Page, offset: int, asked_at: float) -> set[int]:
        """Fold one page: the hot path of a large run, hence by whole columns."""
        context, phase = self._context, self._context.operation.phase
        items = context.ids.find(page.ids, self._guess(page.ids))
        found, places, words = self._known(items, page, offset)
        self._places.note(found, places)
        self._places.remember(items, offset)
        distinct = set(found)
        news = self._news(found, words) if len(distinct) == len(found) else self._last_words(found, words)
        if not self.list_is_fine:
            self.list_is_fine = any(phase(word) is Phase.GOING for word in set(page.statuses))
        if not self.list_is_fine:
            self._doubt(news)
        if news:
            stamp = context.clock.stamp()
            context.emit(ev.Seen(at=stamp, source="list", statuses=news, offset=offset, request_id=page.request_id))
            for items in news.values():
                self._send_on(items, trusted=self.list_is_fine, asked_at=asked_at)
        return distinct

    def _guess(self, ids: Sequence[str]) -> Sequence[int]:
        """The items of a page, if around the first of ours stands who stood there the last time."""
        for row, item in enumerate(self._context.ids.find(ids[:FIRST_ROWS])):
            if item != ABSENT:
                return self._places.neighbours(item, row, len(ids))
        return ()

    @staticmethod
    def _known(items: list[int], page: Page, offset: int) -> tuple[list[int], Sequence[int], Sequence[str]]:
        """The items of ours on the page, where in the list they stand, and their statuses."""
        if ABSENT not in items:
            return items, range(offset, offset + len(items)), page.statuses
        found = [item for item in items if item != ABSENT]
        places = [place for place, item in enumerate(items, start=offset) if item != ABSENT]
        words = [word for word, item in zip(page.statuses, items, strict=True) if item != ABSENT]
        return found, places, words

    def _news(self, found: Sequence[int], words: Sequence[str]) -> dict[str, list[int]]:
        """The open items by their status, where it is news; an empty status is nobody's."""
        ledger, phase = self._context.ledger, self._context.operation.phase
        status, stands = ledger.status, bytes(cells(ledger.state, found))
        distinct = dict.fromkeys(words)  # in an order that no hash seed changes
        codes = {word: ledger.code(word) for word in distinct}
        # What ends a wait is news to whoever still waits: it may have been seen first while its batch was in flight.
        decisive = {word for word in distinct if phase(word) in (Phase.GOAL, Phase.ENDED)}
        news: dict[str, list[int]] = {word: [] for word in distinct}
        if not stands.strip(_ALWAYS_NEWS):  # as at the first sight of a page
            for item, word in zip(found, words, strict=True):
                news[word].append(item)
        else:
            for item, word, state in compress(zip(found, words, stands, strict=True), stands.translate(IS_OPEN)):
                if state in _ALWAYS_NEWS or word in decisive or status[item] != codes[word]:
                    news[word].append(item)
        return {word: items for word, items in news.items() if items}

    def _last_words(self, found: Sequence[int], words: Sequence[str]) -> dict[str, list[int]]:
        """The same where rows shift under the service's own paging, and an item is there twice: the last counts."""
        last = dict(zip(found, words, strict=True))
        return self._news(list(last), list(last.values()))

    def _doubt(self, news: dict[str, list[int]]) -> None:
        """Take out what a coarse list cannot unsay: that an item is on its way, which a single look has shown."""
        context, state = self._context, self._context.ledger.state
        for word in [word for word in news if context.operation.phase(word) is Phase.ACTIONABLE]:
            if State.GOING in cells(state, news[word]):
                going = [item for item in news[word] if state[item] == State.GOING]
                news[word] = [item for item in news[word] if state[item] != State.GOING]
                for item in going:
                    self._agenda.look_at(item, context.clock.stamp() + context.options.poll.interval, singly=True)

    def go_on(self, items: Iterable[int]) -> None:
        """These stand as they did, and that can be relied on: go on with them."""
        self._send_on(list(items), trusted=True, asked_at=self._context.clock.stamp())

    def take_up(self, items: Iterable[int]) -> None:
        """These were on their way when the run was taken up again, and a page showed them unchanged: go on looking."""
        state = self._context.ledger.state
        tracked = [item for item in items if state[item] in (State.WAITING, State.GOING)]
        if tracked:
            self._track(tracked)

    def _send_on(self, items: Sequence[int], *, trusted: bool, asked_at: float) -> None:
        """Each item to who deals with it now: the queue, the agenda, or nobody any more."""
        for stands, group in self._context.ledger.by_state(items):
            if stands == State.READY:
                self._ready.put(group)
            elif stands == State.DONE:
                self._learn(group)
            elif stands in (State.AMBIGUOUS, State.REFUSED):
                self._reconsider(group, trusted=trusted, asked_at=asked_at)
            elif stands in (State.WAITING, State.GOING, State.CONFIRMING):
                self._track(group)
                self.reissue_overdue(group, trusted=trusted)

    def _learn(self, done: Sequence[int]) -> None:
        """Add to the curve how long the scouts among these took."""
        ledger, interval = self._context.ledger, self._context.options.poll.interval
        for item in self._agenda.scouts_among(done):
            finished_at, accepted_at = ledger.finished_at[item], ledger.accepted_last(item)
            if math.isnan(accepted_at):
                continue
            taken = finished_at - accepted_at
            unsure = min(taken, finished_at - self._agenda.last_look(item))
            if unsure > max(COARSE * interval, taken / 4):  # a quota made the look wait: it ended anywhere between
                taken -= unsure / 2
            self._curve.add(taken)

    def _track(self, items: Sequence[int]) -> None:
        now = self._context.clock.stamp()
        since = [now if at != at else at for at in self._context.ledger.accepted_lasts(items)]  # noqa: PLR0124  # NaN
        self._agenda.track(items, since, seen_at=now)

    def _reconsider(self, items: Iterable[int], *, trusted: bool, asked_at: float) -> None:
        """Decide on items that were refused, or whose answer was lost, now that they were seen.

        A look that was on its way before they are due to be looked into may have missed what was sent: it decides
        nothing, and another one is due then.
        """
        context, ledger = self._context, self._context.ledger
        stamp, attempts = context.clock.stamp(), context.options.retry.attempts
        again: list[int] = []
        exhausted: dict[int, Failure] = {}
        for item in items:
            if ledger.phase_of(item) is not Phase.ACTIONABLE:
                self._agenda.look_at(item, stamp + context.options.poll.interval)
            elif asked_at < (until := self._agenda.undecided_until.get(item, -math.inf)):
                self._agenda.look_at(item, until)
            elif not trusted:
                self._agenda.look_at(item, stamp, singly=True)
            elif ledger.tries[item] >= attempts and ledger.failures[item].verdict is Verdict.LOST:
                # Nobody refused it, and it may have been delivered: it is watched until the deadline.
                self._agenda.look_at(item, stamp + context.options.poll.max_interval)
            elif ledger.tries[item] >= attempts or ledger.failures[item].verdict is Verdict.BAD_ITEM:
                exhausted[item] = ledger.failures[item]
            else:
                again.append(item)
        if again:
            context.emit(ev.Resubmitted(at=stamp, items=again, reissue=False))
            self._ready.put(again)
        if exhausted:
            context.emit(ev.Rejected(at=stamp, items=exhausted))

    def reissue_overdue(self, items: Iterable[int], *, trusted: bool) -> None:
        """Ask again for accepted items that do not leave their state."""
        context, ledger, poll = self._context, self._context.ledger, self._context.options.poll
        stamp = context.clock.stamp()
        overdue = [
            item
            for item in items
            if ledger.state[item] == State.WAITING
            and stamp - ledger.accepted_last(item) >= poll.reissue_after
            and ledger.reissues[item] < poll.max_reissues
            and ledger.phase_of(item) is Phase.ACTIONABLE
        ]
        if overdue and trusted:
            context.emit(ev.Resubmitted(at=stamp, items=overdue, reissue=True))
            self._ready.put(overdue)
        else:
            for item in overdue:
                self._agenda.look_at(item, stamp, singly=True)


_ALWAYS_NEWS = bytes(sorted(ALWAYS_NEWS))
