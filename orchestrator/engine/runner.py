"""The runner: a run from its record, through an attempt, to its account, whatever ends it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import anyio

from orchestrator.engine import events as ev
from orchestrator.engine.account import Report, Timing
from orchestrator.engine.attempt import see_through
from orchestrator.engine.canary import Canary
from orchestrator.engine.clock import Clock
from orchestrator.engine.context import Context
from orchestrator.engine.curve import Curve
from orchestrator.engine.desk import Desk
from orchestrator.engine.endings import cause_of, ending_by
from orchestrator.engine.guards import span, too_many
from orchestrator.engine.history import History
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ending, Outcome
from orchestrator.engine.options import RunOptions
from orchestrator.engine.places import Places
from orchestrator.engine.rows import stretches_of
from orchestrator.engine.series import series_of
from orchestrator.engine.slots import Slots
from orchestrator.engine.states import FIRST_FINAL, State
from orchestrator.errors import GuardError, RecordError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from orchestrator.engine.account import Row, RunInfo
    from orchestrator.engine.brake import Brake
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.record import Record
    from orchestrator.engine.source import Items

LAST_WRITE_SECONDS = 3.0  # that the record's last words may take
FALLBACK_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Where a run stands, for whoever shows progress."""

    total: int
    over: int  # at an end that needs nobody's attention
    waiting: int  # accepted, or looked into
    failed: int  # rejected, not found, skipped
    to_send: int  # seen, or not seen yet
    opens_in: float  # seconds until the next submission may leave; inf: when one in flight is answered


class Run:
    """One run of `operation` over `items`. With a `record` that has events already, it is taken up again."""

    def __init__(
        self,
        operation: BulkOperation,
        items: Items,
        *,
        info: RunInfo,
        options: RunOptions | None = None,
        record: Record | None = None,
        observers: Sequence[ev.Observer] = (),
        now: Callable[[], float] = time.time,
        random: Random | None = None,
        brake: Brake | None = None,
    ) -> None:
        self.cause: RunError | None = None  # what ended the run before its end, as the error that it was
        self.history = History()
        self.ledger = Ledger(
            len(items.ids),
            phase=operation.phase,
            confirmations=(options or RunOptions()).poll.confirmations,
            gone_is_goal=operation.gone_is_goal,
        )
        self._operation = operation
        self._items = items
        self._info = info
        self._options = options or RunOptions()
        self._record = record
        self._meta = record.meta if record is not None else {}  # read now: an account can be given after it is closed
        self._observers = observers
        self._now = now
        self._random = random or Random()  # noqa: S311  # jitter
        self._brake = brake
        self._words = {outcome: operation.labels.get(outcome, outcome.value) for outcome in Outcome}
        self._drain = anyio.Event()
        self._drain_reason = ""
        self._places = Places(len(items.ids), operation.max_page or FALLBACK_PAGE)
        self._curve = Curve()
        self._replay()

    def _replay(self) -> None:
        if self._record is not None:
            for event in self._record.events():
                self.ledger.apply(event)
                self.history.apply(event)
                match event:
                    case ev.Seen(offset=int(offset), statuses=statuses):
                        for items in statuses.values():
                            self._places.recall(items, offset)
                    case ev.CurveLearned(buckets=buckets):
                        self._curve.restore(buckets)
                    case _:
                        pass

    def drain(self, reason: str) -> None:
        """End soon: nothing new leaves, what is in flight gets a short grace. Call it from the run's event loop."""
        self._drain_reason = self._drain_reason or reason
        self._drain.set()

    def numbers(self) -> Numbers:
        """Where the run stands now; cheap."""
        totals = self.ledger.totals
        done = totals[State.DONE] + totals[State.ALREADY] + totals[State.ENDED]
        gone = totals[State.NOT_FOUND] if self._operation.gone_is_goal else 0
        to_send = totals[State.UNSEEN] + totals[State.MISSING] + totals[State.READY]
        final = sum(totals[FIRST_FINAL:])
        return Numbers(
            total=self.ledger.count,
            over=done + gone,
            waiting=self.ledger.count - final - to_send,
            failed=final - done - gone,
            to_send=to_send,
            opens_in=self._operation.pacing.opens_in(self._operation.name),
        )

    def not_over(self, words: Collection[str] = ()) -> list[int]:
        """The items of a finished run that are not over; with `words`, those that came to one of these outcomes."""
        ending, ledger = self.history.ending or Ending.INTERRUPTED, self.ledger
        wanted = {outcome for outcome, word in self._words.items() if word in words}
        if not words:
            wanted = set(Outcome) - self._operation.over
        return [item for item in range(ledger.count) if ledger.outcome(item, ending) in wanted]

    async def execute(self, *, retry: Sequence[int] | None = None) -> Report:
        """Run to the end, and account for every item. `retry`: items of a finished run to try again.

        A run that is finished is not run again: its account is given as it was. Raises `RecordError` where the record
        cannot be written; on cancellation the record is closed in good order and the cancellation goes on.
        """
        if self.history.is_finished and retry is None:
            return self.report()
        context = self._open(retry)
        try:
            ending, reason = await self._run(context)
        except BaseException:
            with contextlib.suppress(RecordError):  # what ended the run is worse, and is not to be hidden by it
                await self._close(context, Ending.INTERRUPTED, "cancelled")
            raise
        await self._close(context, ending, reason)
        return self.report()

    def report(self) -> Report:
        """The account as the record stands now."""
        ending = self.history.ending or Ending.INTERRUPTED
        ledger, words, history = self.ledger, self._words, self.history
        counts = dict.fromkeys(words.values(), 0)
        for outcome, number in ledger.outcomes(ending).items():
            counts[words[outcome]] += number
        return Report(
            info=self._info,
            ending=ending,
            ending_reason=self.history.reason,
            input=self._items.counts,
            outcomes=counts,
            over=frozenset(words[outcome] for outcome in self._operation.over),
            requests=self.history.requests,
            quotas=self.history.tightest_quotas,
            timing=Timing(
                started_at=self.history.started_at,
                finished_at=self.history.last_at,
                elapsed_seconds=round(self.history.elapsed, 3),
            ),
            attempts=self.history.attempts,
            notes=tuple(self.history.notes),
            stretches=lambda: stretches_of(ledger, self._items.ids, ending, words),
            shard=self._items.shard,
            series=lambda: series_of(ledger, history.timeline, last_at=history.last_at),
            job=self._meta.get("job", {}),
            versions=self._meta.get("versions", {}),
        )

    def rows(self, items: Iterable[int]) -> Iterator[Row]:
        """What came of these items, as if the run ended now."""
        ending = self.history.ending or Ending.INTERRUPTED
        for stretch in stretches_of(self.ledger, self._items.ids, ending, self._words, items):
            yield from stretch.rows()

    def _open(self, retry: Sequence[int] | None) -> Context:
        clock = Clock(self._now, not_before=self.history.last_at)
        options, operation = self._options, self._operation
        context = Context(
            operation=operation,
            ids=self._items.ids,
            options=options,
            ledger=self.ledger,
            clock=clock,
            record=self._record,
            observers=(self.history.apply, *self._observers),
        )
        context.desk = Desk(
            pacing=operation.pacing,
            slots=Slots(options.submit.workers),
            retry=options.retry,
            emit=context.emit,
            clock=clock,
            random=self._random,
            brake=self._brake,
        )
        stamp = clock.stamp()
        if retry is not None:
            context.emit(ev.Reopened(at=stamp, items=list(retry)))
        spent = self.history.elapsed
        attempt, ledger = self.history.attempts + 1, self.ledger
        needed = options.poll.confirmations  # kept with the record: whoever folds it later must count as this run did
        context.emit(
            ev.RunStarted(at=stamp, attempt=attempt, items=ledger.count, left=ledger.open, confirmations=needed)
        )
        context.deadline_at = stamp + options.limits.deadline - spent
        for api, known in self.history.quotas.items():
            for quota in known.values():
                operation.pacing.learn(api, quota)
            longest = max(quota.seconds for quota in known.values())
            spent_lately = self.history.spending.of(api, since=stamp - longest)
            operation.pacing.recall(api, [(stamp - at, number) for at, number in spent_lately])
        return context

    async def _run(self, context: Context) -> tuple[Ending, str]:
        limits = self._options.limits
        whole = self._items.shard.input if self._items.shard is not None else self.ledger.count
        if (why := too_many(whole, limits.max_tasks)) is not None:
            return self._ended_by(GuardError(why))
        if (why := context.too_many_failures()) is not None:  # of the attempts before
            return self._ended_by(GuardError(why))
        left = context.deadline_at - context.clock.stamp()
        await context.flush()  # an attempt that dies in its first second has been one all the same
        try:
            with anyio.move_on_after(max(0.0, left)) as deadline:
                await see_through(context, places=self._places, curve=self._curve, drain=self._drain)
        except BaseExceptionGroup as group:
            return self._ended_by(cause_of(group))
        if not self.ledger.open:
            return Ending.FINISHED, ""
        if deadline.cancelled_caught:
            held_back = Canary(limits.canary, ledger=self.ledger, ids=self._items.ids).held_back()
            passed = f"limits.deadline ({span(limits.deadline)}) passed"
            return Ending.DEADLINE, f"{passed}; {held_back}" if held_back else passed
        return Ending.INTERRUPTED, self._drain_reason

    def _ended_by(self, error: RunError) -> tuple[Ending, str]:
        self.cause = error
        return ending_by(error), str(error)

    async def _close(self, context: Context, ending: Ending, reason: str) -> None:
        """Write the last words, even while being cancelled."""
        stamp = context.clock.stamp()
        if (tally := context.desk.tally()) is not None:
            context.emit(tally)
        context.emit(ev.RunEnded(at=stamp, ending=ending, reason=reason))
        with anyio.CancelScope(shield=True), anyio.move_on_after(LAST_WRITE_SECONDS):
            await context.flush()
