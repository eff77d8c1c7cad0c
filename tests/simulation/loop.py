"""The loop that a simulated life runs on: virtual time, counted steps, and an order that depends on the seed alone.

Two things of asyncio and anyio depend on memory addresses: the sets of tasks and of child scopes that a cancellation
walks. Tasks and scopes are numbered here, so that a seed replays exactly in any process.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from anyio._backends import _asyncio as backend

from orchestrator.testing import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextvars import Context

CLOSINGS = 10  # times that a coroutine is asked to close before it is left alone

_numbers = itertools.count(1)


class DiedError(BaseException):
    """The process is gone: nothing of it runs any further."""


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = next(_numbers)
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class NumberedScope(backend.CancelScope):
    """A cancel scope whose hash is its number."""

    __slots__ = ("_number",)
    _number: int

    def __new__(cls, *, deadline: float = float("inf"), shield: bool = False) -> Self:
        scope: Self = super().__new__(cls, deadline=deadline, shield=shield)
        scope._number = next(_numbers)
        return scope

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


@contextmanager
def numbered() -> Iterator[None]:
    """Number tasks and scopes from 1 on, for the block."""
    global _numbers  # noqa: PLW0603  what a seed replays begins with it
    before, original = _numbers, backend.CancelScope
    _numbers = itertools.count(1)
    backend.CancelScope = NumberedScope  # type: ignore[assignment, misc]  # for the block only
    try:
        yield
    finally:
        backend.CancelScope = original  # type: ignore[misc]
        _numbers = before


class _Counted(deque[asyncio.Handle]):
    """The loop's ready queue, which tells of each step before it is taken."""

    def __init__(self, on_step: Callable[[], None]) -> None:
        super().__init__()
        self._on_step = on_step

    def popleft(self) -> asyncio.Handle:
        self._on_step()
        return super().popleft()


class SimLoop(VirtualTimeLoop):
    """Virtual time from `start` on; `on_step` is called before each step and may raise `DiedError`.

    `let_others` is called with the time that it is, before anything is done at that time.
    """

    def __init__(
        self, *, start: float, on_step: Callable[[], None], let_others: Callable[[float], None] | None = None
    ) -> None:
        super().__init__()
        self._jumping.now = start
        if let_others is not None:
            self._take_turns(let_others)
        self._ready = _Counted(on_step)
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._make_task)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, *, context: Context | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        task = NumberedTask(coroutine, loop=loop, context=context, **options)
        self.tasks.append(task)
        return task

    def _take_turns(self, let_others: Callable[[float], None]) -> None:
        select = self._jumping.select

        def in_turn(timeout: float | None = None) -> Any:
            ready = select(timeout)
            let_others(self._jumping.now)
            return ready

        self._jumping.select = in_turn  # type: ignore[method-assign]  # this one's only

    def bury(self) -> None:
        """Let go of a loop whose process died: what still hangs in it is closed, and cannot do anything any more."""
        self.set_exception_handler(lambda *_: None)
        self._ready.clear()
        self._scheduled.clear()  # type: ignore[attr-defined]  # of asyncio.base_events
        self.close()
        silent, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            for task in self.tasks:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _close(task)
                backend._task_states.pop(task, None)  # else its scope keeps it, and it the whole process
            self.tasks.clear()
        finally:
            sys.unraisablehook = silent


def _close(task: asyncio.Task[Any]) -> None:
    coroutine = task.get_coro()
    for _ in range(CLOSINGS):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001, S112  its clean-up awaits, or finds nobody there: it is dead anyway
            continue
        return
