"""What happens in a run, said in log lines: stable dotted names and fields, a fold of its events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from orchestrator.engine import events
from orchestrator.engine.model import Ending, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from structlog.typing import FilteringBoundLogger

    from orchestrator.cli.progress import Gauge, Numbers
    from orchestrator.engine.model import Failure

PROGRESS_EVERY: Final = 10.0  # seconds between two lines of progress
WINDOW: Final = 10.0  # seconds in which a name may repeat `BURST` times; the rest is counted
BURST: Final = 5

_Fields: TypeAlias = dict[str, Any]


class LogSink:
    """An observer that says what happens: routine at debug, milestones at info, trouble at warning.

    Repeats of a name within ten seconds are bounded; the next line of that name says how many were left out.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        *,
        gauge: Gauge | None = None,
        name_of: Callable[[int], str] | None = None,
        level: int = logging.INFO,
    ) -> None:
        """Make a sink.

        Args:
            log: where the lines go.
            gauge: if given, a `run.progress` line every ten seconds of events says where the run stands.
            name_of: the id of an item, for lines about one.
            level: the least that `log` writes, so that what it would drop is not even composed.

        """
        self._log = log
        self._gauge = gauge
        self._name_of = name_of or str
        self._routine = level <= logging.DEBUG
        self._brake = _Brake()
        self._progress_due = 0.0
        self._batches_accepted = 0
        self._folds: Mapping[type[events.Event], Callable[[Any], None]] = {
            events.RunStarted: self._run_started,
            events.Seen: self._seen,
            events.Missed: self._missed,
            events.Gone: self._gone,
            events.BatchIntended: self._batch_intended,
            events.BatchAnswered: self._batch_answered,
            events.BatchReturned: self._batch_returned,
            events.BatchLost: self._batch_lost,
            events.BatchSpoiled: self._batch_spoiled,
            events.Resubmitted: self._resubmitted,
            events.Rejected: self._rejected,
            events.Reopened: self._reopened,
            events.RequestEnded: self._request_ended,
            events.Tallied: self._tallied,
            events.QuotaLearned: self._quota_learned,
            events.CurveLearned: self._curve_learned,
            events.ListingRefused: self._listing_refused,
            events.Noted: self._noted,
            events.RunEnded: self._run_ended,
        }

    def __call__(self, event: events.Event, /) -> None:
        """Take note of `event`."""
        self._folds[type(event)](event)
        if self._gauge is not None and event.at >= self._progress_due:
            self._tell_progress(event.at, self._gauge.numbers())

    def _run_started(self, event: events.RunStarted) -> None:
        self._progress_due = event.at + PROGRESS_EVERY
        if event.attempt == 1:
            self._log.info("run.started", attempt=event.attempt, tasks=event.items)
        else:
            over = event.items - event.left
            self._log.info("run.resumed", attempt=event.attempt, tasks=event.items, left=event.left, settled=over)

    def _run_ended(self, event: events.RunEnded) -> None:
        fields: _Fields = {"ending": event.ending.value}
        if event.reason:
            fields["reason"] = event.reason
        if event.ending is Ending.FINISHED:
            self._log.info("run.ended", **fields)
        else:
            self._log.warning("run.ended", **fields)
        self._gauge = None  # what comes after the end is no progress

    def _seen(self, event: events.Seen) -> None:
        if self._routine:
            name = "page.seen" if event.source == "list" else "task.seen"
            self._log.debug(name, statuses=_sizes(event.statuses), request_id=event.request_id)

    def _missed(self, event: events.Missed) -> None:
        if self._routine:
            self._log.debug("tasks.missed", tasks=len(event.items))

    def _gone(self, event: events.Gone) -> None:
        self._warn(event.at, "task.gone", task=self._name_of(event.item), **_failure(event.failure))

    def _batch_intended(self, event: events.BatchIntended) -> None:
        if self._routine:
            self._log.debug("batch.intended", batch=event.batch, tasks=len(event.items))

    def _batch_answered(self, event: events.BatchAnswered) -> None:
        if event.accepted:
            self._batches_accepted += 1
            if self._batches_accepted == 1:
                # A milestone: credentials, permission and ids are good.
                self._log.info("batch.first_accepted", batch=event.batch, tasks=len(event.accepted))
            if self._routine:
                self._log.debug(
                    "batch.accepted", batch=event.batch, tasks=len(event.accepted), request_id=event.request_id
                )
        for name, failures in (("batch.refused", event.refused), ("batch.rejected", event.rejected)):
            if failures:
                item, failure = next(iter(failures.items()))
                self._warn(
                    event.at,
                    name,
                    batch=event.batch,
                    tasks=len(failures),
                    first=self._name_of(item),
                    **_failure(failure, request_id=event.request_id),
                )
        if event.unmentioned:
            self._warn(
                event.at,
                "batch.unmentioned",
                batch=event.batch,
                tasks=len(event.unmentioned),
                request_id=event.request_id,
            )

    def _batch_returned(self, event: events.BatchReturned) -> None:
        if event.failure.verdict is not Verdict.THROTTLED:
            self._warn(event.at, "batch.returned", batch=event.batch, tasks=len(event.items), **_failure(event.failure))
        elif self._routine:  # `request.throttled` has said what matters
            self._log.debug("batch.throttled", batch=event.batch, tasks=len(event.items))

    def _batch_lost(self, event: events.BatchLost) -> None:
        self._warn(event.at, "batch.lost", batch=event.batch, tasks=len(event.items), **_failure(event.failure))

    def _batch_spoiled(self, event: events.BatchSpoiled) -> None:
        self._warn(event.at, "batch.spoiled", batch=event.batch, tasks=len(event.items), **_failure(event.failure))

    def _resubmitted(self, event: events.Resubmitted) -> None:
        if event.reissue:
            self._warn(event.at, "tasks.reissued", tasks=len(event.items))
        else:
            self._note(event.at, "tasks.resubmitted", tasks=len(event.items))

    def _reopened(self, event: events.Reopened) -> None:
        self._log.info("tasks.reopened", tasks=len(event.items))

    def _rejected(self, event: events.Rejected) -> None:
        for item, failure in event.items.items():
            self._warn(event.at, "task.rejected", task=self._name_of(item), **_failure(failure))

    def _request_ended(self, event: events.RequestEnded) -> None:
        if event.result == "ok":
            if self._routine:
                self._log.debug(
                    "request.ended",
                    api=event.api,
                    seconds=round(event.seconds, 3),
                    attempt=event.attempt,
                    request_id=event.request_id,
                )
            return
        fields: _Fields = {"api": event.api, "attempt": event.attempt}
        if event.delay:
            fields["delay"] = round(event.delay, 3)
        if event.failure is not None:
            fields |= _failure(event.failure, request_id=event.request_id)
        if event.result == "throttled":
            self._note(event.at, "request.throttled", **fields)
        else:
            self._warn(event.at, f"request.{event.result}", **fields)

    def _tallied(self, _: events.Tallied) -> None:
        """Counts for the record: each request was said already."""

    def _quota_learned(self, event: events.QuotaLearned) -> None:
        quota = event.quota
        self._log.info("quota.learned", api=event.api, limit=quota.limit, seconds=quota.seconds, policy=quota.policy)

    def _curve_learned(self, event: events.CurveLearned) -> None:
        if self._routine:
            self._log.debug("curve.learned", tasks=sum(event.buckets))

    def _listing_refused(self, event: events.ListingRefused) -> None:
        self._log.warning("listing.refused", **_failure(event.failure))

    def _noted(self, event: events.Noted) -> None:
        self._note(event.at, event.name, text=event.text)

    def _note(self, at: float, name: str, **fields: Any) -> None:
        if self._brake.lets(at, name, fields):
            self._log.info(name, **fields)

    def _warn(self, at: float, name: str, **fields: Any) -> None:
        if self._brake.lets(at, name, fields):
            self._log.warning(name, **fields)

    def _tell_progress(self, at: float, numbers: Numbers) -> None:
        self._progress_due = at + PROGRESS_EVERY
        fields: _Fields = {
            "tasks": numbers.total,
            "over": numbers.over,
            "waiting": numbers.waiting,
            "failed": numbers.failed,
            "to_send": numbers.to_send,
        }
        if numbers.throttled_until is not None and numbers.throttled_until > at:
            fields["throttled_for"] = round(numbers.throttled_until - at, 1)
        self._log.info("run.progress", **fields)


class _Brake:
    """Lets a name pass a few times in a window, and counts what it held back."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, int]] = {}  # name: start of its window, times asked in it

    def lets(self, at: float, name: str, fields: _Fields) -> bool:
        """Whether `name` may be said now; `fields` get `suppressed` when some before it were not."""
        start, asked = self._windows.get(name, (at, 0))
        if at - start >= WINDOW:
            if asked > BURST:
                fields["suppressed"] = asked - BURST
            start, asked = at, 0
        self._windows[name] = (start, asked + 1)
        return asked < BURST


def _failure(failure: Failure, *, request_id: str = "") -> _Fields:
    """A failure's fields; its message was redacted by who built it."""
    fields: _Fields = {"verdict": failure.verdict.value}
    if failure.status:
        fields["status"] = failure.status
    if failure.code:
        fields["code"] = failure.code
    if failure.message:
        fields["message"] = failure.message
    if request := failure.request_id or request_id:
        fields["request_id"] = request
    return fields


def _sizes(parts: Mapping[str, Sequence[int]]) -> dict[str, int]:
    return {name: len(items) for name, items in parts.items()}
