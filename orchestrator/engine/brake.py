"""The brake: while it is held nothing new leaves; for whoever reads results more slowly than they come."""

from __future__ import annotations

import anyio


class Brake:
    """Held or not. Requests that are out when it is pulled come back, and bring what they bring."""

    def __init__(self) -> None:
        self.is_held = False
        self._released = anyio.Event()

    def hold(self) -> None:
        """Let nothing new leave."""
        if not self.is_held:
            self.is_held = True
            self._released = anyio.Event()

    def release(self) -> None:
        """Go on."""
        if self.is_held:
            self.is_held = False
            self._released.set()

    async def wait(self) -> None:
        """Wait until it is not held."""
        while self.is_held:
            await self._released.wait()
