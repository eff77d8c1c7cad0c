"""A read-only visit to the service: a desk of its own, an end when nobody answers, one error instead of a group."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine.clock import Clock
from orchestrator.engine.desk import Desk
from orchestrator.engine.events import RequestEnded
from orchestrator.engine.guards import span
from orchestrator.engine.slots import Slots
from orchestrator.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from orchestrator.engine.events import Event
    from orchestrator.engine.options import RunOptions
    from orchestrator.engine.pacing import Pacing

GLANCE = 1.0  # seconds between two questions whether the service still answers
PATIENCE = 60.0  # seconds without any good answer after which a visit ends, if the options do not end it earlier


@dataclass(slots=True)
class Latency:
    """An observer that measures how long good answers take."""

    seconds: float = 0.0
    answers: int = 0

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        if isinstance(event, RequestEnded) and event.result == "ok":
            self.seconds += event.seconds
            self.answers += 1

    @property
    def mean(self) -> float:
        """Seconds to a good answer on average; 0.0 while there was none."""
        return self.seconds / self.answers if self.answers else 0.0


@asynccontextmanager
async def visit(
    pacing: Pacing,
    options: RunOptions,
    *,
    emit: Callable[[Event], None],
    now: Callable[[], float] = time.time,
    random: Random | None = None,
) -> AsyncIterator[Desk]:
    """A desk for the block, which is ended with `UnreachableError` when the service gives no good answer for long.

    Of several errors at once the first is raised, alone.
    """
    desk = Desk(
        pacing=pacing,
        slots=Slots(options.submit.workers),
        retry=options.retry,
        emit=emit,
        clock=Clock(now),
        random=random or Random(),  # noqa: S311  # jitter
    )
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch_over, desk, min(PATIENCE, options.limits.give_up_after), name="watch-over")
            yield desk
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        if (tally := desk.tally()) is not None:
            emit(tally)


async def side_by_side(items: Iterable[int], act: Callable[[int], Awaitable[None]], *, workers: int) -> None:
    """Do `act` for each item, at most `workers` at a time."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await act(item)

    async with anyio.create_task_group() as tasks:
        for number in range(workers):
            tasks.start_soon(work, name=f"visit-{number}")


async def _watch_over(desk: Desk, patience: float) -> None:
    while True:
        await anyio.sleep(GLANCE)
        since = desk.failing_since
        if since is not None and desk.clock.stamp() - since >= patience:
            raise UnreachableError(
                f"no good answer from the service for {span(patience)}: check the network and the endpoint; "
                "nothing was sent"
            )


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
