"""A stage for the engine's tests: builds a run over the fake service, plays it, and keeps what happened."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from orchestrator.engine.account import Report, RunInfo
from orchestrator.engine.model import Failure, Verdict
from orchestrator.engine.options import LimitOptions, PollOptions, RetryOptions, RunOptions, SubmitOptions
from orchestrator.engine.record import Record
from orchestrator.engine.runner import Run
from orchestrator.engine.source import collect
from orchestrator.testing import FakeOperation, FakeTask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from orchestrator.engine import events as ev

    Offload = Callable[[Callable[[], None]], Awaitable[None]]

E = TypeVar("E")

EPOCH = 1_700_000_000.0
INFO = RunInfo(run_id="r1", name="test", operation="stop")

BUSY = Failure(verdict=Verdict.BUSY, code="BUSY", message="the state forbids it", status=400)
NEVER = Failure(verdict=Verdict.REJECTED, code="NEVER", message="refused for good", status=400)
LOST = Failure(verdict=Verdict.LOST, message="no answer", status=504)
LOST_AFTER = Failure(verdict=Verdict.LOST, message="after")
UNREACHED = Failure(verdict=Verdict.UNREACHED, message="connection refused")
FORBIDDEN = Failure(verdict=Verdict.FORBIDDEN, code="NO", message="no permission", status=403)
UNAUTHENTICATED = Failure(verdict=Verdict.UNAUTHENTICATED, code="WHO", message="signature", status=401)
REFUSED = Failure(verdict=Verdict.RUN_REFUSED, code="ACCOUNT", message="the account is frozen", status=403)
THROTTLED = Failure(verdict=Verdict.THROTTLED, code="SLOW", message="too many", status=429)


def running(count: int, **kinds: Any) -> dict[str, FakeTask]:
    """So many tasks that may be stopped, `t0` and on."""
    return {f"t{number}": FakeTask(**kinds) for number in range(count)}


def options(
    *,
    submit: Mapping[str, Any] | None = None,
    retry: Mapping[str, Any] | None = None,
    poll: Mapping[str, Any] | None = None,
    **limits: Any,
) -> RunOptions:
    """Options that differ from the defaults in these."""
    return RunOptions(
        submit=SubmitOptions(**(submit or {})),
        retry=RetryOptions(**(retry or {})),
        poll=PollOptions(**(poll or {})),
        limits=LimitOptions(**limits),
    )


async def inline(call: Callable[[], None]) -> None:
    """Do the record's work at once: threads and a jumping clock do not go together."""
    call()


class Slow:
    """Do the record's work after `seconds`, as a disk does."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def __call__(self, call: Callable[[], None]) -> None:
        """Take a while, then do it."""
        await anyio.sleep(self.seconds)
        call()


class Stage:
    """One operation, and all that a run over it said."""

    def __init__(
        self,
        operation: FakeOperation,
        ids: Iterable[str] | None = None,
        *,
        options: RunOptions | None = None,
        record: Record | None = None,
    ) -> None:
        self.operation = operation
        self.ids = list(operation.tasks) if ids is None else list(ids)
        self.events: list[ev.Event] = []
        self.times: list[float] = []  # the loop's time of each event
        self.options = options or RunOptions()
        self.record = record
        self.run: Run

    def set_up(self, *observers: ev.Observer) -> Run:
        """Make the run without starting it."""
        self.run = Run(
            self.operation,
            collect(self.ids),
            info=INFO,
            options=self.options,
            record=self.record,
            observers=[self._note, *observers],
            now=lambda: EPOCH + anyio.current_time(),
            random=Random(7),
        )
        return self.run

    def _note(self, event: ev.Event) -> None:
        self.events.append(event)
        self.times.append(anyio.current_time())

    async def play(self, *, retry: Sequence[int] | None = None) -> Report:
        """Run to the end. The account must close, however it ended."""
        report = await self.set_up().execute(retry=retry)
        report.check()
        assert [row.task_id for row in report.rows()] == self.ids
        return report

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def batches(self) -> list[list[str]]:
        """What was sent, batch by batch."""
        return self.operation.calls("stop")


def outcomes(report: Report) -> dict[str, str]:
    """Each id's outcome."""
    return {row.task_id: row.outcome for row in report.rows()}


def counted(report: Report) -> dict[str, int]:
    """The outcomes that occur."""
    return {name: number for name, number in report.outcomes.items() if number}


def new_record(path: Path, ids: Iterable[str], *, offload: Offload = inline) -> Record:
    """A record that works without threads, and does not wait for the disk's platters: no power fails here."""
    return _hasty(Record.create(path, meta={"name": "test"}, ids=ids, offload=offload))


def reopened(path: Path) -> Record:
    """The same file, as the next process finds it."""
    return _hasty(Record.open(path, offload=inline))


def _hasty(record: Record) -> Record:
    record._connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;")
    return record
