"""The agenda: when which items are looked at next, by shelf (the items of one stretch of the list) or singly."""

from __future__ import annotations

import heapq
import math
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.engine.places import NOWHERE
from orchestrator.engine.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from orchestrator.engine.curve import Curve
    from orchestrator.engine.options import PollOptions
    from orchestrator.engine.places import Places

NEARLY_ALL = 0.985  # of a shelf should be down when it is looked at first,
PATIENT = 1.6  # or, if that takes at most so many times as long, all but one: the last few cost a request each
TICKS = 40  # in an interval: shelves that are due in the same one are planned together
MOST_OF_REST = 0.9  # of those still up should be down at the next look
MAX_SCOUTS = 3  # shelves that are looked at every interval, for the curve's sake,
ENOUGH_SCOUTED = 100  # as long as they hold fewer items than this
OVERDUE = 2.0  # times the longest stop so far: later than nearly all
OVERDUE_AT_LEAST = 30.0  # seconds
PATIENCE = 8  # an item that is late waits for another 1/PATIENCE of its age,
FEW_ARE_WORTH = 4  # or for a quarter of that where few are left: the whole account waits for them


_Entry: TypeAlias = tuple[float, int, bool]  # when to look, at which item, and whether singly


@dataclass(slots=True)
class Shelf:
    """The pending items of one stretch of the list, due together."""

    number: int  # of the stretch
    items: array[int] = field(default_factory=lambda: array("I"))
    due: float = math.inf  # set by the agenda
    newest: float = -math.inf  # the last acceptance among them
    looked_at: float = -math.inf
    is_scout: bool = False
    readers: int = 0  # pages being read for it now
    left: int = 0  # how many were still pending at the last look


class Agenda:
    """Stamps (seconds) in, due items out. Changed by the loops that see and submit, emptied by the poller."""

    QUIET_COST = 8.0  # requests an interval that may always be spent on looking at everything that is left,
    SHELVES_PER_LOOK = 32  # and one more for so many shelves: a long list has more stragglers, and one makes all wait

    def __init__(self, places: Places, curve: Curve, poll: PollOptions) -> None:
        self.shelves: dict[int, Shelf] = {}
        self.pages_left = 0  # shelves that hold items which are looked for
        self.changed = Signal()  # something is due before `awaited`
        self.awaited = math.inf  # the stamp until which the poller sleeps while that is not given
        self.quiet_cost = self.QUIET_COST  # requests that may be spent on it now
        self.spacing = poll.interval  # seconds between two looks at the same shelf, at least: quotas may want more
        self._was_crowded = False  # when shelves were put off the last time
        self._places = places
        self._curve = curve
        self._poll = poll
        self.undecided_until: dict[int, float] = {}  # stamps: from when on a look may decide on a refused or lost item
        self._shelves_due: list[tuple[float, int]] = []  # a heap; only what a shelf's `due` says, too, holds
        self._singles: list[_Entry] = []  # a heap; only those that `_entries` has, too, still hold
        self._entries: dict[int, _Entry] = {}  # of each item the one that holds
        self._scouts: set[int] = set()  # shelves
        self._scouted = 0  # items on them

    def track(self, items: Sequence[int], since: Sequence[float], *, seen_at: float = -math.inf) -> None:
        """Items are on their way, each since its stamp, last seen at `seen_at`: look when they may be there."""
        if (shared := self._places.shared_shelf(items)) is not None:
            self._put_on_shelf(shared, items, max(since))
            return
        numbers = self._places.shelves(items)
        groups: dict[int, list[int]] = {}
        newest: dict[int, float] = {}
        for item, number, at in zip(items, numbers, since, strict=True):
            if number == NOWHERE:
                self.look_at(item, self._single_due(at, seen_at), singly=True)
            else:
                groups.setdefault(number, []).append(item)
                newest[number] = max(newest.get(number, at), at)
        for number, group in groups.items():
            self._put_on_shelf(number, group, newest[number])

    def _put_on_shelf(self, number: int, items: Sequence[int], since: float) -> None:
        shelf = self.shelves.get(number)
        if shelf is None:
            is_scout = len(self._scouts) < MAX_SCOUTS and self._scouted < ENOUGH_SCOUTED
            shelf = self.shelves[number] = Shelf(number, is_scout=is_scout)
            if is_scout:
                self._scouts.add(number)
        if shelf.is_scout:
            self._scouted += len(items)
        self.pages_left += not shelf.items
        shelf.items.extend(items)
        shelf.newest = max(shelf.newest, since)
        if shelf.due == math.inf and not shelf.readers:
            self.schedule(shelf, max(since + self._poll.first_after, shelf.looked_at + self._poll.interval))

    def keep(self, shelf: Shelf, items: Collection[int]) -> None:
        """Leave these on the shelf, and nobody else."""
        self.pages_left += bool(items) - bool(shelf.items)
        shelf.items = array("I", items)

    def schedule(self, shelf: Shelf, due: float) -> None:
        """Look at the shelf at `due`, not before."""
        self._put_in_line(shelf, due)
        self._wake(due)

    def _put_in_line(self, shelf: Shelf, due: float) -> None:
        shelf.due = due
        heapq.heappush(self._shelves_due, (due, shelf.number))

    def _wake(self, due: float) -> None:
        if due < self.awaited:
            self.changed.give()

    def _single_due(self, since: float, seen_at: float) -> float:
        first = since + self._poll.first_after
        if seen_at == -math.inf:
            return first
        pause = self._poll.interval
        if len(self._entries) > self.quiet_cost:  # many such: each waits for another half of its age
            pause = min(max(pause, (seen_at - since) / 2), self._poll.max_interval)
        return max(first, seen_at + pause)

    def scouts_among(self, items: Sequence[int]) -> list[int]:
        """Those of `items` that stand on a shelf that is looked at every interval."""
        scouts = {number for number in self._scouts if self.shelves[number].items}
        if not scouts:  # they are over first
            return []
        if (shared := self._places.shared_shelf(items)) is not None:
            return list(items) if shared in scouts else []
        return [item for item, number in zip(items, self._places.shelves(items), strict=True) if number in scouts]

    def last_look(self, item: int) -> float:
        """The stamp at which the item's shelf was looked at before, `-inf` if it never was."""
        (number,) = self._places.shelves([item])
        shelf = self.shelves.get(number)
        return shelf.looked_at if shelf is not None else -math.inf

    def look_at(self, item: int, due: float, *, singly: bool = False) -> None:
        """Look at one item at `due`; `singly` where a list page would not do.

        An item is in line once: what the earliest look shows decides whether another one is needed, and when.
        """
        before = self._entries.get(item)
        if before is not None:
            if before[0] <= due and before[2] >= singly:
                return
            due, singly = min(due, before[0]), singly or before[2]
        entry = self._entries[item] = due, item, singly
        heapq.heappush(self._singles, entry)
        self._wake(due)

    def pop_singles(self, now: float) -> list[tuple[int, bool]]:
        """The items whose own time has come, and whether they must be looked at singly."""
        due = []
        while self._singles and self._singles[0][0] <= now:
            entry = heapq.heappop(self._singles)
            if self._entries.get(entry[1]) is entry:
                del self._entries[entry[1]]
                due.append(entry[1:])
        return due

    def pop_shelves(self, now: float) -> list[Shelf]:
        """The shelves that are worth a look now; those that are not yet are put off."""
        crowded = self._was_crowded = self.is_crowded
        worth_it = []
        while self._shelves_due and self._shelves_due[0][0] <= now:
            due, number = heapq.heappop(self._shelves_due)
            shelf = self.shelves[number]
            if shelf.due != due:
                continue
            at = self.worth_at(shelf, now, crowded=crowded)
            if at <= now:
                shelf.due = math.inf
                worth_it.append(shelf)
            else:
                self._put_in_line(shelf, at)
        return worth_it

    def emptied(self, now: float) -> None:
        """A shelf has nobody left. When that makes looks cheap, nobody is put off any longer."""
        if not self._was_crowded or self.is_crowded:
            return
        self._was_crowded = False
        for shelf in self.shelves.values():
            if now < shelf.due < math.inf:
                self.schedule(shelf, max(now, min(shelf.due, shelf.looked_at + self.spacing)))

    def next_due(self) -> float:
        """The stamp of the next thing to do."""
        line = self._shelves_due
        while line and self.shelves[line[0][1]].due != line[0][0]:
            heapq.heappop(line)
        return min(line[0][0] if line else math.inf, self._singles[0][0] if self._singles else math.inf)

    @property
    def is_crowded(self) -> bool:
        """Whether looking at everything at every interval would cost too many requests."""
        return self.pages_left > self.quiet_cost

    @property
    def overdue_age(self) -> float:
        """The age (seconds since acceptance) from which on an item is later than nearly all."""
        return max(OVERDUE_AT_LEAST, OVERDUE * self._curve.longest)

    def worth_at(self, shelf: Shelf, now: float, *, crowded: bool) -> float:
        """When the shelf is worth a look: where a look is likely to find it down, and soon where looks are cheap."""
        poll, curve = self._poll, self._curve
        soonest = max(shelf.looked_at + self.spacing, min(shelf.newest, now))
        latest = shelf.looked_at + poll.max_interval if shelf.looked_at > -math.inf else math.inf
        age = now - shelf.newest
        if age > self.overdue_age and shelf.looked_at > -math.inf:
            patience = PATIENCE if crowded else PATIENCE * FEW_ARE_WORTH
            return min(max(soonest, shelf.looked_at + age / patience), latest)
        if not crowded or shelf.is_scout:
            return soonest
        if shelf.looked_at == -math.inf:
            nearly_all = curve.age_at(NEARLY_ALL)
            if nearly_all is None:  # wait for the scouts to tell, but not for ever: perhaps none of them was accepted
                return self._at_tick(max(soonest, min(now + poll.interval, shelf.newest + poll.max_interval)))
            all_but_one = curve.age_at(1 - 1 / max(1, len(shelf.items))) or math.inf
            return self._at_tick(shelf.newest + max(nearly_all, min(all_but_one, PATIENT * nearly_all)))
        reached = curve.share(shelf.looked_at - shelf.newest)
        then = curve.age_at(reached + (1 - reached) * MOST_OF_REST)
        wish = shelf.newest + then if then is not None else shelf.looked_at + age / PATIENCE
        return self._at_tick(min(max(soonest, wish), latest))

    def together(self, at: float) -> float:
        """When an interval ends in which `at` lies: what can wait until then is looked at in one go."""
        return _next(at, self._poll.interval)

    def _at_tick(self, at: float) -> float:
        """The next tick from `at` on; a tick is short beside an interval."""
        return _next(at, self._poll.interval / TICKS)


def _next(at: float, step: float) -> float:
    """The first multiple of `step` from `at` on."""
    return math.ceil(at / step) * step
