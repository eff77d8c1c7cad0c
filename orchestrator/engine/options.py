"""The engine's options: the one set of defaults. The job file's sections have the same names and derive from these.

All durations are seconds. Numbers that make no sense raise `InputError` at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.engine.bounds import POSITIVE, SHARE, at_least, insist


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """How batches leave."""

    batch_size: int = 50  # ids a request; never more than the operation's own ceiling
    workers: int = 8  # requests in flight at most, all lanes together

    def __post_init__(self) -> None:
        insist("submit", self, batch_size=at_least(1), workers=at_least(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceOptions:
    """A ceiling of the user's on top of what is learned from the service. It belongs to the client."""

    requests_per_second: float | None = None
    burst: int | None = None  # requests at once at most under that ceiling; None: evenly spread
    learn: bool = True  # read the quota out of the service's throttled answers

    def __post_init__(self) -> None:
        if self.requests_per_second is not None:
            insist("pace", self, requests_per_second=POSITIVE)
        if self.burst is not None:
            insist("pace", self, burst=at_least(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOptions:
    """How often and how fast a failed request, or a refused item, is tried again."""

    attempts: int = 8  # the first included
    base_backoff: float = 0.5  # doubling, full jitter
    max_backoff: float = 60.0

    def __post_init__(self) -> None:
        insist("retry", self, attempts=at_least(1), base_backoff=at_least(0), max_backoff=POSITIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOptions:
    """When tasks are looked at."""

    first_after: float = 2.0
    interval: float = 2.0  # the shortest time between two looks at the same item
    max_interval: float = 60.0  # the longest between two looks at an overdue item
    reissue_after: float = 300.0  # accepted, yet still in an actionable state for so long: ask again
    max_reissues: int = 1
    confirmations: int = 1  # how many times the goal must be seen

    def __post_init__(self) -> None:
        durations = dict.fromkeys(("interval", "max_interval", "reissue_after"), POSITIVE)
        insist("poll", self, first_after=at_least(0), **durations, max_reissues=at_least(0), confirmations=at_least(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """Guards. `max_failures` is a count (int) or a share of the unique ids (float, 0.0 to 1.0; 1.0 is off)."""

    deadline: float = 7200.0  # time spent running, over all attempts of the run
    max_tasks: int = 100_000
    max_failures: int | float = 0.5
    failure_sample: int = 100  # a share is judged only after this many items
    give_up_after: float = 300.0  # no successful answer at all for so long: interrupted
    canary: int = 0  # this many first, seen at their goal, before the rest goes

    def __post_init__(self) -> None:
        failures = SHARE if isinstance(self.max_failures, float) else at_least(0)
        counts = {"max_tasks": at_least(1), "failure_sample": at_least(1), "canary": at_least(0)}
        insist("limits", self, deadline=POSITIVE, give_up_after=POSITIVE, max_failures=failures, **counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Everything that one run can be told."""

    submit: SubmitOptions = field(default_factory=SubmitOptions)
    retry: RetryOptions = field(default_factory=RetryOptions)
    poll: PollOptions = field(default_factory=PollOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
