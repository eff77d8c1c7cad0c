"""A signal: whoever waits learns that something changed. It costs next to nothing while nobody does.

Here, and where else a request waits on its way (`line`, `slots`, locks), the primitives are asyncio's own: those of
anyio ask each time which library runs the loop and look for a cancelled scope, at up to five times the cost.
"""

from __future__ import annotations

from asyncio import Event, get_running_loop
from math import inf

SHORTEST = 1e-6  # seconds; by less the loop would ring before its clock has moved, and who asks again would for ever


class Signal:
    """Given again and again. `event` is that of the next time: take it, look whether it is needed, then wait for it."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: Event | None = None

    @property
    def event(self) -> Event:
        """What is set when the signal is given next."""
        if self._event is None:
            self._event = Event()
        return self._event

    async def wait(self, seconds: float = inf) -> None:
        """Wait until the signal is given, or for `seconds`. Who else waits may be woken by the end of these, too."""
        event = self.event
        if seconds == inf:
            await event.wait()
            return
        alarm = get_running_loop().call_later(max(seconds, SHORTEST), self.give)  # a tenth of what a cancel scope costs
        try:
            await event.wait()
        finally:
            alarm.cancel()

    def give(self) -> None:
        """Tell all who wait."""
        event, self._event = self._event, None
        if event is not None:
            event.set()
