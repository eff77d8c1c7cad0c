"""The account: what users get when a run is over, a fold of the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.engine.model import Ending
from orchestrator.errors import AccountError, TasksNotOverError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orchestrator.engine.model import Quota
    from orchestrator.engine.series import Series

MAX_NAMED = 5  # ids named in an error's text


class Row(NamedTuple):
    """What came of one id. Stamps are seconds since the epoch; empty text or None where there is nothing to say."""

    task_id: str
    outcome: str
    status: str
    first_status: str
    error_code: str
    error_message: str
    stop_requests: int
    accepted_at: float | None
    finished_at: float | None
    seconds_to_stop: float | None
    request_id: str


class Stretch(NamedTuple):
    """Consecutive rows, column by column: who writes a million of them has no use for a million objects.

    There is at least one. The columns are those of `Row` that do not follow from others, equally long.
    """

    task_id: Sequence[str]
    outcome: Sequence[str]
    status: Sequence[str]
    first_status: Sequence[str]
    error_code: Sequence[str]
    error_message: Sequence[str]
    stop_requests: Sequence[int]
    accepted_at: Sequence[float | None]
    finished_at: Sequence[float | None]
    request_id: Sequence[str]

    def row(self, place: int) -> Row:
        """One of them."""
        return next(Stretch._make(column[place : place + 1] for column in self).rows())

    def rows(self) -> Iterator[Row]:
        """The same, row by row."""
        *others, request_ids = self
        seconds = map(seconds_between, self.accepted_at, self.finished_at)
        return map(Row._make, zip(*others, seconds, request_ids, strict=True))


def seconds_between(accepted_at: float | None, finished_at: float | None) -> float | None:
    """How long it took, to the millisecond, where both stamps are known."""
    return None if accepted_at is None or finished_at is None else round(finished_at - accepted_at, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputCounts:
    """How the input became unique ids: `input == unique + duplicates + malformed + excluded`."""

    input: int
    unique: int
    duplicates: int = 0
    malformed: int = 0
    excluded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCounts:
    """Which share of the whole this is; `input` counts the unique ids of the whole, `digest` recognises them."""

    index: int
    count: int
    input: int
    digest: str = field(default="", compare=False, repr=False)  # "": of a record that does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What the run was, as told by who started it."""

    run_id: str
    name: str
    operation: str
    reason: str = ""
    endpoint: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Start and end (seconds since the epoch), and the time spent running over all attempts (seconds)."""

    started_at: float
    finished_at: float
    elapsed_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCounts:
    """Requests of one API: `sent == ok + throttled + retried + failed`."""

    ok: int = 0
    throttled: int = 0
    retried: int = 0
    failed: int = 0

    @property
    def sent(self) -> int:
        """All of them."""
        return self.ok + self.throttled + self.retried + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The account of one run. `outcomes` has every outcome's word, zero counts included, and adds up to `unique`."""

    info: RunInfo
    ending: Ending
    ending_reason: str
    input: InputCounts
    outcomes: Mapping[str, int]
    over: frozenset[str]  # the outcomes that need nobody's attention
    requests: Mapping[str, RequestCounts]
    quotas: Mapping[str, Quota]
    timing: Timing
    attempts: int
    notes: Sequence[tuple[str, str]]  # (dotted name, sentence): what a person should know
    stretches: Callable[[], Iterator[Stretch]]  # the rows in input order, many at a time
    shard: ShardCounts | None = None
    series: Callable[[], Series | None] = lambda: None  # the run over time, for pictures
    job: Mapping[str, Any] = field(default_factory=dict)  # the resolved job without secrets, where a record keeps it
    versions: Mapping[str, str] = field(default_factory=dict)  # what the run was begun with

    @property
    def not_over(self) -> int:
        """How many tasks are not over, or not there."""
        return sum(n for outcome, n in self.outcomes.items() if outcome not in self.over)

    @property
    def outcome(self) -> str:
        """`succeeded`, `partial`, `aborted` or `interrupted`."""
        return judge(self.ending, self.not_over)[0]

    @property
    def exit_code(self) -> int:
        """The command's exit code for this account."""
        return judge(self.ending, self.not_over)[1]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many tasks came to each outcome."""
        return self.outcomes

    def rows(self) -> Iterator[Row]:
        """One row for each unique id, in input order."""
        for stretch in self.stretches():
            yield from stretch.rows()

    def rows_not_over(self) -> Iterator[Row]:
        """The rows of all tasks that are not over, or not there; reads no further than it must."""
        left = self.not_over
        for stretch in self.stretches() if left else ():
            if self.over.issuperset(stretch.outcome):
                continue
            for row in stretch.rows():
                if row.outcome not in self.over:
                    yield row
                    left -= 1
            if left <= 0:
                return

    @property
    def not_stopped(self) -> list[Row]:
        """The rows of all tasks that are not over, or not there."""
        return list(self.rows_not_over())

    def check(self) -> None:
        """Raise `AccountError` unless every unique id has exactly one outcome."""
        total = sum(self.outcomes.values())
        if total != self.input.unique:
            raise AccountError(
                f"the account does not close: {total} outcomes for {self.input.unique} unique ids; "
                "this is a bug of ours, the run's record is kept: please report it with run.db"
            )

    def raise_for_failures(self) -> None:
        """Raise `TasksNotOverError` if any task is not over, or the run did not finish."""
        if self.exit_code == 0:
            return
        named = [f"{row.task_id} ({row.outcome})" for row in islice(self.rows_not_over(), MAX_NAMED)]
        more = self.not_over - len(named)
        listing = ", ".join(named) + (f" and {more} more" if more > 0 else "")
        because = f"; the run was {self.ending.value}: {self.ending_reason}" if self.ending_reason else ""
        error = TasksNotOverError(f"{self.not_over} of {self.input.unique} tasks are not over: {listing}{because}")
        error.report = self
        raise error


def judge(ending: Ending, not_over: int) -> tuple[str, int]:
    """The run's outcome in one word, and its exit code."""
    match ending:
        case Ending.FINISHED | Ending.DEADLINE:
            return ("succeeded", 0) if not_over == 0 else ("partial", 1)
        case Ending.REFUSED:
            return "aborted", 3
        case Ending.ABORTED:
            return "aborted", 4
        case Ending.INTERRUPTED:
            return "interrupted", 75
