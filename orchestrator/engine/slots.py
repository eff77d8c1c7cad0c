"""The bound on requests in flight, shared by lanes: whoever waits gets its turn by weight, nobody starves."""

from __future__ import annotations

import enum
from asyncio import Event
from collections import deque

from orchestrator.engine.signal import Signal


class Lane(enum.IntEnum):
    """What a request is for; the value is its weight when several wait."""

    SUBMIT = 4
    SURVEY = 3
    LOOK = 2


class Slots:
    """At most `count` at once. Stride scheduling: https://en.wikipedia.org/wiki/Stride_scheduling."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.idle = Signal()  # the last one was given back
        self.highest = 0  # most in use at once
        self._count = count
        self._waiting: dict[Lane, deque[Event]] = {lane: deque() for lane in Lane}
        self._passes: dict[Lane, float] = dict.fromkeys(Lane, 0.0)
        self._now = 0.0  # the pass of who was served last

    @property
    def in_use(self) -> int:
        """How many are taken."""
        return self._count - self.free

    async def acquire(self, lane: Lane) -> None:
        """Wait for a slot. Whoever got one calls `release`, whatever happens."""
        if not self._waiting[lane]:  # who was idle does not bring saved-up turns along
            self._passes[lane] = max(self._passes[lane], self._now)
        if self.free and not any(self._waiting.values()):
            self._hand_over(lane)
            return
        turn = Event()
        self._waiting[lane].append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():  # the slot was ours already
                self.release()
            else:
                self._waiting[lane].remove(turn)
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.free += 1
        if self.free == self._count:
            self.idle.give()
        lanes = [lane for lane, queue in self._waiting.items() if queue]
        if lanes:
            lane = min(lanes, key=self._passes.__getitem__)
            turn = self._waiting[lane].popleft()
            self._hand_over(lane)
            turn.set()

    def _hand_over(self, lane: Lane) -> None:
        self.free -= 1
        self.highest = max(self.highest, self.in_use)
        self._now = self._passes[lane]
        self._passes[lane] += 1 / lane
