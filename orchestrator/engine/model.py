"""The nouns of the engine: what a status means, what an answer means, what an item can come to.

An *item* is one id of the input; inside the engine it is an `int`, its place in the deduplicated input.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Outcome(enum.Enum):
    """What an item can come to; every unique id ends in exactly one. Operations name the first two."""

    DONE = "done"  # we asked (accepted, or the answer was lost), and the goal was seen
    ALREADY = "already"  # the goal was seen, and no request of ours was accepted or left unanswered
    ENDED = "ended"  # over in another way
    NOT_FOUND = "not_found"  # the service does not know it, confirmed singly
    REJECTED = "rejected"  # the service refused this id for good
    SKIPPED = "skipped"  # neither to be acted on nor over
    TIMED_OUT = "timed_out"  # sent or seen going, and not over at the deadline
    UNCONFIRMED = "unconfirmed"  # the same, when the run was interrupted or aborted
    NOT_ATTEMPTED = "not_attempted"  # the run ended before it was sent


class Phase(enum.Enum):
    """What a status means to one operation. Statuses are an open set: an unknown one is `ALIEN`."""

    ACTIONABLE = "actionable"  # the operation may be sent
    GOING = "going"  # it is on its way to the goal: wait, do not send again
    GOAL = "goal"  # what the operation wants
    ENDED = "ended"  # over in another way
    ALIEN = "alien"  # none of these: never touched, never called done


class Ending(enum.Enum):
    """How a run ended."""

    FINISHED = "finished"  # nobody is left
    DEADLINE = "deadline"  # `limits.deadline` passed
    INTERRUPTED = "interrupted"  # a signal, a cancellation, the service unreachable
    ABORTED = "aborted"  # a guard
    REFUSED = "refused"  # the service refused the whole run


FINISHED = frozenset({Ending.FINISHED, Ending.DEADLINE})  # running it again would only say the same


class Verdict(enum.Enum):
    """What an unsuccessful answer means for the request, its items and the run."""

    THROTTLED = "throttled"  # not processed, a quota is used up: wait; costs no attempt
    UNAUTHENTICATED = "unauthenticated"  # not processed: read the credentials again once, ask alone
    FORBIDDEN = "forbidden"  # this identity lacks the permission for this API
    RUN_REFUSED = "run_refused"  # project, region, endpoint, account: nothing of this run can succeed
    UNREACHED = "unreached"  # certainly not processed (never connected): send again after a pause
    LOST = "lost"  # perhaps processed (time-out, reset, 5xx): an action is verified by looking
    BAD_ITEM = "bad_item"  # one or more of the ids spoil the whole request: isolate
    BUSY = "busy"  # the item's state forbids it now: look, then try again
    GONE = "gone"  # the service does not know the item
    REJECTED = "rejected"  # refused for good, this item only


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A quota as the service states it: at most `limit` requests in any `seconds`."""

    policy: str  # whom it counts: "user", "api", "ip", "app"; "" where the text does not say
    limit: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An unsuccessful answer (or a refusal of one item inside a successful one), translated once.

    `message` is redacted and bounded by who builds it. `status` is the HTTP status, 0 where there was no answer.
    """

    verdict: Verdict
    code: str = ""
    message: str = ""
    status: int = 0
    request_id: str = ""
    retry_after: float | None = None  # seconds, where the service named a time to wait
    quota: Quota | None = None  # with THROTTLED, where the text has numbers

    @property
    def text(self) -> str:
        """One line for people: `HTTP 400 DCS.4855: invalid migration task id (request 0a1b…)`."""
        head = " ".join(part for part in (f"HTTP {self.status}" if self.status else "", self.code) if part)
        tail = f" (request {self.request_id})" if self.request_id else ""
        return f"{head}: {self.message}{tail}" if head else f"{self.message}{tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The answer to one submitted batch, matched by id. An id in neither part is unknown, not done."""

    accepted: Sequence[str]
    refused: Mapping[str, Failure] = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One list page: `ids[k]` has `statuses[k]`, in the list's order.

    `count` is the service's number, if any (of all items, or of this page: nobody says).
    """

    ids: Sequence[str]
    statuses: Sequence[str]
    count: int | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a single look at one item said."""

    status: str
    request_id: str = ""
