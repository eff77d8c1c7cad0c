"""A run whose results are read as they come: started, paused, ended and left by whoever reads."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel
import anyio.to_thread

from orchestrator.engine import events as ev
from orchestrator.engine.brake import Brake
from orchestrator.engine.runner import Run
from orchestrator.engine.signal import Signal
from orchestrator.engine.states import FIRST_FINAL
from orchestrator.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from anyio.abc import TaskGroup, TaskStatus

    from orchestrator.engine.account import Report, Row
    from orchestrator.engine.source import Items
    from orchestrator.undertaking import Undertaking


class Results:
    """One run: `async with` starts it, `async for` gives each id's `Row` as it becomes final, each id once.

    Ids whose fate only the run's end decides (`timed_out`, `not_attempted` …) come last, before the iteration ends.
    While `max_unread` results lie unread the run pauses: nothing new is sent or looked at, and what is in flight may
    bring a few more. Leaving the block ends the run, if it is not over, in the task that entered it; the record, if
    there is one, can be resumed.

    After the last result the iteration raises what ended the run early, if anything did: a `RunError` with the
    account as its `report`, or what an observer or the operation raised by mistake.
    """

    def __init__(self, undertaking: Undertaking, *, max_unread: int | None) -> None:
        if max_unread is not None and max_unread < 1:
            raise InputError(f"max_unread: {max_unread} will not do; it is 1 or more")
        self._undertaking = undertaking
        self._max_unread = max_unread  # None: nobody reads
        self._brake = Brake()
        self._news = Signal()
        self._unread: deque[int] = deque()
        self._given = bytearray()  # by item: handed out, or waiting to be
        self._known: Iterator[int] = iter(())  # final when the run began, or by its end
        self._is_over = False
        self._error: Exception | None = None
        self._report: Report | None = None
        self._tasks: TaskGroup
        self._run: Run

    @property
    def report(self) -> Report:
        """The account, once the run is over: after the last result, or after the block. Raises `RuntimeError`."""
        if self._report is None:
            raise RuntimeError("the run is not over: its report is there after the last result, or after the block")
        return self._report

    async def finish(self) -> Report:
        """Let the run go on to its end unread, and return its account. Raises what ended the run early."""
        self._max_unread = None
        self._unread.clear()
        self._brake.release()
        while not self._is_over:
            await self._news.wait()
        self._raise_error()
        return self.report

    async def __aenter__(self) -> Self:
        items = await self._undertaking.read_ids()
        tasks = self._tasks = anyio.create_task_group()
        await tasks.__aenter__()
        try:
            await tasks.start(self._work, items, name="run")
        except BaseException:
            await self._end_tasks()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._end_tasks()
        finally:
            self._report = self._report or self._run.report()
        if error is None:
            self._raise_error()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        await anyio.lowlevel.checkpoint()
        while (item := self._next_item()) is None:
            if self._is_over:
                self._raise_error()
                raise StopAsyncIteration
            await self._news.wait()
        return next(self._run.rows((item,)))

    async def _end_tasks(self) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)  # an error of the block is not the group's to wrap

    def _raise_error(self) -> None:
        """Raise what ended the run early, the first time."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _next_item(self) -> int | None:
        item = next(self._known, None)
        if item is None and self._unread:
            item = self._unread.popleft()
            if self._max_unread is not None and len(self._unread) <= self._max_unread // 2:
                self._brake.release()
        return item

    async def _work(self, items: Items, *, task_status: TaskStatus[None]) -> None:
        """Run to the end. Once begun, no error leaves this task: it would cancel whoever reads, not tell them."""
        with ExitStack() as stack:
            run = self._run = await self._open(items, stack)
            kept = stack.pop_all()
        self._given = bytearray(run.ledger.count)
        self._known = self._not_given(lambda item: run.ledger.state[item] >= FIRST_FINAL)
        task_status.started()
        try:
            with kept:
                self._report = await run.execute()
            self._error = run.cause
        except Exception as error:  # noqa: BLE001  # handed to the reader as it is
            self._error = error
        self._report = self._report or run.report()
        if isinstance(self._error, RunError):
            self._error.report = self._report
        self._known = chain(self._known, self._unread_ones(), self._not_given(lambda _: True))
        self._is_over = True
        self._tell()

    async def _open(self, items: Items, stack: ExitStack) -> Run:
        undertaking, opened = self._undertaking, None
        if undertaking.record is not None:
            make = partial(undertaking.open, Path(undertaking.record), items, stack)
            opened = await anyio.to_thread.run_sync(make)  # the host's loop does not wait for the disk
        return Run(
            undertaking.operation,
            items if opened is None else opened.items,
            info=undertaking.info() if opened is None else opened.info,
            options=undertaking.options,
            record=None if opened is None else opened.record,
            observers=(self._note, *undertaking.observers),
            brake=self._brake,
        )

    def _note(self, event: ev.Event, /) -> None:
        """Keep the items that this event made final."""
        if self._max_unread is None:
            return
        items: Iterable[int]
        match event:
            case ev.Seen():
                items = chain.from_iterable(event.statuses.values())
            case ev.BatchAnswered():
                items = event.rejected
            case ev.Rejected():
                items = event.items
            case ev.Gone():
                items = (event.item,)
            case _:
                return
        state, given = self._run.ledger.state, self._given
        for item in items:
            if state[item] >= FIRST_FINAL and not given[item]:
                given[item] = 1
                self._unread.append(item)
        if len(self._unread) >= self._max_unread:
            self._brake.hold()
        if self._unread:
            self._tell()

    def _tell(self) -> None:
        self._news.give()

    def _unread_ones(self) -> Iterator[int]:
        while self._unread:
            yield self._unread.popleft()

    def _not_given(self, wanted: Callable[[int], bool]) -> Iterator[int]:
        """The items of this kind that nobody was given yet, in input order; they are given now."""
        given = self._given
        for item in range(len(given)):
            if not given[item] and wanted(item):
                given[item] = 1
                yield item
