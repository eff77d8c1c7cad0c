"""The run's clock: stamps for people that never jump, because after the start they follow the loop's own clock."""

from __future__ import annotations

import time
from asyncio import get_running_loop
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def loop_time() -> float:
    """The event loop's clock, in seconds: `anyio.current_time()`, without asking each time which library runs it."""
    return get_running_loop().time()


class Clock:
    """Seconds since the epoch, read once from `now` and then advanced by the event loop's clock.

    They begin at `not_before` where `now` is behind it: the machine's clock was set back, or is another machine's,
    since an attempt before this one was dated. Stamps of all attempts are compared, so none may run backwards.
    """

    def __init__(self, now: Callable[[], float], *, not_before: float = 0.0) -> None:
        self._epoch = max(now(), not_before) - loop_time()

    def stamp(self) -> float:
        """This moment, in seconds since the epoch (to the microsecond: a stamp survives being written down)."""
        return round(self._epoch + loop_time(), 6)


def steady(now: Callable[[], float] = time.time, *, ticks: Callable[[], float] = time.monotonic) -> Callable[[], float]:
    """A `now` that was read once and then goes by `ticks`: for whoever measures by it and has no event loop."""
    epoch = now() - ticks()
    return lambda: epoch + ticks()
