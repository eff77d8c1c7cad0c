"""A signal: whoever waits learns that something changed. It costs next to nothing while nobody does."""

from __future__ import annotations

import anyio


class Signal:
    """Given again and again. `event` is that of the next time: take it, look whether it is needed, then wait for it."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    @property
    def event(self) -> anyio.Event:
        """What is set when the signal is given next."""
        if self._event is None:
            self._event = anyio.Event()
        return self._event

    async def wait(self) -> None:
        """Wait until the signal is given."""
        await self.event.wait()

    def give(self) -> None:
        """Tell all who wait."""
        event, self._event = self._event, None
        if event is not None:
            event.set()
