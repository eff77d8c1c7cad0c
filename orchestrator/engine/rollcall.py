"""The roll call: walks the whole list to see whether items are still in it that a single look still shows.

Where the goal is to be gone, a single look has not the last word: a service may go on describing what it no longer
has. An item that was asked to go, looks as it did, and stands in no page of two walks, is gone. The first walk goes up
the list and the second down: rows that move under deletions hide from the one, under insertions from the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.model import Failure, Phase, Verdict
from orchestrator.engine.slots import Lane
from orchestrator.engine.states import State
from orchestrator.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.engine.context import Context
    from orchestrator.engine.watch import Watch

MAX_PAGES = 100_000  # a walk ends somewhere, even where the service says the same again and again
SETTLED_HERE = (State.WAITING, State.REFUSED)
DOUBT_AFTER = 10.0  # seconds: an accepted item that looks as it did for so long is in doubt
ABSENT = Failure(verdict=Verdict.GONE, message="no page of the list shows it, though a single look still does")


class RollCall:
    """Knows whom to doubt, and settles the doubt. Only where to be gone is the goal, and where there is a list."""

    def __init__(self, context: Context, *, watch: Watch) -> None:
        self._context = context
        self._watch = watch
        self._doubted: set[int] = set()
        self._absent: set[int] = set()  # of these, who has not shown yet
        self._called = anyio.Event()
        self._pause = context.options.poll.interval
        self._is_refused = False  # this identity may not list

    def doubts(self, item: int) -> bool:
        """Whether the item, just looked at singly, is to be settled here: then nobody else need care for it."""
        ledger, state = self._context.ledger, self._context.ledger.state[item]
        if self._is_refused or ledger.phase_of(item) is not Phase.ACTIONABLE:
            return False
        if state == State.WAITING:
            in_doubt = self._context.clock.stamp() - ledger.accepted_last(item) >= DOUBT_AFTER
        else:
            in_doubt = state == State.REFUSED and ledger.failures[item].verdict is Verdict.GONE
        if in_doubt:
            self._doubted.add(item)
            self._called.set()
        return in_doubt

    async def run(self) -> None:
        """Call the roll whenever there is doubt, until cancelled."""
        while True:
            await self._called.wait()
            self._called = anyio.Event()
            while self._doubted:
                await anyio.sleep(self._pause)
                await self._settle()

    async def _settle(self) -> None:
        """One walk up and one down; who shows in neither is gone."""
        context, doubted = self._context, frozenset(self._doubted)
        self._absent = set(doubted)
        try:
            length, step = await self._walk_up()
            await self._walk_down(length, step)
        except ServiceError as error:
            self._is_refused = error.failure.verdict is Verdict.FORBIDDEN
            self._hand_back(self._doubted if self._is_refused else doubted - self._absent)
            return
        self._hand_back(doubted - self._absent)
        self._doubted -= self._absent
        for item in sorted(self._absent):
            if context.ledger.state[item] in SETTLED_HERE:
                context.emit(ev.Gone(at=context.clock.stamp(), item=item, failure=ABSENT))
        poll = context.options.poll
        self._pause = poll.interval if self._absent else min(2 * self._pause, max(poll.max_interval, poll.interval))

    async def _walk_up(self) -> tuple[int, int]:
        """Read from the list's beginning to its end, which is an empty page, whatever the service says it counts.

        Returns how long the list is and how many rows a page has.
        """
        offset, step = 0, 1
        for _ in range(MAX_PAGES):
            rows = await self._read(offset) if self._absent else 0
            if not rows:
                break
            offset += rows
            step = max(step, rows)
        return offset, step

    async def _walk_down(self, length: int, step: int) -> None:
        for offset in range(length // step * step, -1, -step):
            if self._absent:
                await self._read(offset)

    async def _read(self, offset: int) -> int:
        page, found = await self._watch.page(offset, Lane.LOOK)
        self._absent -= found
        return len(page.ids)

    def _hand_back(self, items: Iterable[int]) -> None:
        """These are in the list (or nobody can tell): others care for them again."""
        state = self._context.ledger.state
        known = list(items)
        self._doubted.difference_update(known)
        self._watch.go_on([item for item in known if state[item] in SETTLED_HERE])
