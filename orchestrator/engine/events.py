"""What happens in a run, as frozen values: the one stream that ledger, record, logs, progress and account fold.

Events are per batch, page or run, never per item: a million tasks are not a million objects in flight.
`at` is seconds since the epoch (UTC); `items` are places in the deduplicated input.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.engine.model import Ending, Failure, Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run was taken up, for the `attempt`-th time."""

    at: float
    attempt: int
    items: int
    left: int = 0  # how many of them are not final yet
    confirmations: int = 0  # how many times the goal must be seen from now on; 0: as whoever folds this was told


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Items were seen in these statuses, by a list page or a single look. Only what is news is in it."""

    at: float
    source: str  # "list" | "look"
    statuses: Mapping[str, Sequence[int]]
    offset: int | None = None  # of the list page: where to find them again when the run is taken up
    request_id: str = ""
    phases: Mapping[str, str] | None = None  # what words mean that were not seen before in this attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """No list page shows these items; each is to be looked at singly before anything is said of it."""

    at: float
    items: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The service said, asked for this very item, that it does not know it."""

    at: float
    item: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchIntended:
    """This batch is about to go. Durable before the request leaves."""

    at: float
    batch: int
    items: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswered:
    """The service answered item by item. Items of the batch in no part were not mentioned: unknown."""

    at: float
    batch: int
    accepted: Sequence[int]
    refused: Mapping[int, Failure] = field(default_factory=dict)  # looked into, then tried again
    rejected: Mapping[int, Failure] = field(default_factory=dict)  # for good
    unmentioned: Sequence[int] = ()
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReturned:
    """The batch was certainly not processed (throttled, never connected, not authenticated): its items wait again."""

    at: float
    batch: int
    items: Sequence[int]
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLost:
    """Nobody knows whether the batch was processed: its items are verified by looking."""

    at: float
    batch: int
    items: Sequence[int]
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSpoiled:
    """The batch was refused whole because of some id in it: its parts go on alone."""

    at: float
    batch: int
    items: Sequence[int]
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Resubmitted:
    """These items were sent before, were looked at since and stand where they stood: they may be sent again."""

    at: float
    items: Sequence[int]
    reissue: bool  # True: accepted, and did not leave its state for `poll.reissue_after`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Refused for good outside of a batch: tried as often as `retry.attempts` allows, or not even to be looked at."""

    at: float
    items: Mapping[int, Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A finished run was asked to try these items again: they begin anew."""

    at: float
    items: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEnded:
    """One request came back, or did not. Counted, measured and logged; kept in the record as `Tallied`."""

    at: float
    api: str
    result: str  # "ok" | "throttled" | "retried" | "failed"
    seconds: float
    attempt: int
    delay: float = 0.0  # seconds until it is tried again
    failure: Failure | None = None
    request_id: str = ""
    batch: int = 0  # which batch it carried, 0: none


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """How many requests came back since the last of these: `{api: {result: n}}`."""

    at: float
    requests: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLearned:
    """The service stated a quota."""

    at: float
    api: str
    quota: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveLearned:
    """How long it takes from acceptance to the goal, as `engine.curve` counts it: kept for a run taken up again."""

    at: float
    buckets: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRefused:
    """This identity may not list: everything is looked at singly."""

    at: float
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something a person should know: `name` is a dotted word that does not change, `text` a sentence."""

    at: float
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The run ended; items still open come to what `ending` says."""

    at: float
    ending: Ending
    reason: str = ""


Event: TypeAlias = (
    RunStarted
    | Seen
    | Missed
    | Gone
    | BatchIntended
    | BatchAnswered
    | BatchReturned
    | BatchLost
    | BatchSpoiled
    | Resubmitted
    | Rejected
    | Reopened
    | RequestEnded
    | Tallied
    | QuotaLearned
    | CurveLearned
    | ListingRefused
    | Noted
    | RunEnded
)


class Observer(Protocol):
    """Anything that is called with each event, in order, in the run's own task. It must not block."""

    def __call__(self, event: Event, /) -> None:
        """Take note of `event`."""
