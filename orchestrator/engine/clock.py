"""The run's clock: stamps for people that never jump, because after the start they follow the loop's own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Seconds since the epoch, read once from `now` and then advanced by the event loop's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._epoch = now() - anyio.current_time()

    def stamp(self) -> float:
        """This moment, in seconds since the epoch (to the microsecond: a stamp survives being written down)."""
        return round(self._epoch + anyio.current_time(), 6)
