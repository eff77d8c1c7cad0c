"""SIGTERM and SIGINT of a running command: the first one drains, the next one aborts. SIGUSR1 asks where it stands."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANDLED: Final = (signal.SIGTERM, signal.SIGINT)
ASKING: Final = signal.SIGUSR1


@dataclass(slots=True)
class Received:
    """Which signals came, in order, by name."""

    names: list[str] = field(default_factory=list)

    @property
    def draining(self) -> bool:
        """Whether any came."""
        return bool(self.names)

    @property
    def aborting(self) -> bool:
        """Whether more than one came."""
        return len(self.names) > 1


@contextlib.contextmanager
def signals_handled(
    *, drain: Callable[[str], None], abort: Callable[[], None], show: Callable[[], None] | None = None
) -> Iterator[Received]:
    """Inside the running event loop, turn the first signal into `drain(reason)` and each later one into `abort()`.

    SIGUSR1 becomes `show()`, if that is given. All are called from the loop, between two steps of tasks, never in the
    midst of one. The handlers that were there before are put back at the end.
    """
    loop = asyncio.get_running_loop()
    received = Received()

    def take(number: signal.Signals) -> None:
        received.names.append(number.name)
        if received.aborting:
            abort()
        else:
            drain(f"{number.name} received")

    before = {number: signal.getsignal(number) for number in HANDLED}
    for number in HANDLED:
        loop.add_signal_handler(number, take, number)
    if show is not None:
        before[ASKING] = signal.getsignal(ASKING)
        loop.add_signal_handler(ASKING, show)
    try:
        yield received
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            if handler is not None:  # None: a handler that is not Python's, out of our reach
                signal.signal(number, handler)


@contextlib.contextmanager
def states_ignored() -> Iterator[None]:
    """Let SIGUSR1 do nothing for the block: whoever asks too early or too late must not end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(ASKING, signal.SIG_IGN)
    try:
        yield
    finally:
        if before is not None:  # None: a handler that is not Python's, out of our reach
            signal.signal(ASKING, before)
