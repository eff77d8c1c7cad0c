"""What a simulated service is like: every trait, quota and fault of it, off by default and cheap while off."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from orchestrator.simulator.parts import (
    MILLION_YEARS,
    Api,
    Churn,
    FaultKind,
    Faults,
    Outage,
    Quota,
    Secrets,
    Spread,
    within,
)
from orchestrator.simulator.reading import read

__all__ = ["Api", "Churn", "FaultKind", "Faults", "Outage", "Quota", "Secrets", "SimulatorOptions", "Spread"]

_STATUS = re.compile(r"[A-Z][A-Z_]{0,39}")

_SHARES = (
    *("unknown", "refuse_once", "refuse_always", "forget", "ends_in_error", "ends_by_itself", "flap"),
    *("restarted", "vanishes", "unlisted", "exchanging", "unmentioned", "repeated"),
)
_COUNTS = (("tasks", 0, 10_000_000), ("strangers", 0, 10_000_000), ("batch_limit", 1, 100_000))
_DURATIONS = ("stop_delay", "exchange_seconds", "lock_seconds")


def _mix() -> Mapping[str, float]:
    return {"MIGRATING": 60, "INCRMIGEATING": 10, "FULLMIGRATING": 5, "TERMINATED": 20, "SUCCESS": 3, "FAILED": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """All options of a simulated service; durations are seconds, shares are 0 to 1.

    Shares are of the job's tasks that stand in a stoppable state at the start, drawn independently of each
    other and exactly (a share of 0.1 of 200 tasks is 20 of them). `refuse_once`, `refuse_always`, `forget`,
    `unmentioned` and `repeated` are dealt to the same share of those that can be restarted, too. `unknown` is a
    share of the job's ids.

    Raises:
        ValueError: A number is out of its range; the message lists every problem.

    """

    # -- the tasks --
    tasks: int = 500
    """How many ids the job names, when no ids are given."""
    strangers: int = 0
    """Tasks in the list that belong to nobody's job."""
    seed: int = 0
    """Everything that is drawn is drawn from this."""
    states: Mapping[str, float] = field(default_factory=_mix)
    """The states that tasks start in, with their weights; any word in capitals may be a state."""
    unknown: float = 0.0
    """Share of the job's ids that the service does not know."""

    # -- how they behave --
    stop_seconds: Spread = field(default=Spread(median=8.0, sigma=0.5))
    """From TERMINATING to TERMINATED."""
    stop_delay: float = 0.0
    """From an accepted stop to TERMINATING."""
    restart_seconds: Spread = field(default=Spread(median=5.0, sigma=0.4))
    """From an accepted restart to INCRMIGEATING, or to SUCCESS for a full migration."""
    delete_seconds: Spread = field(default=Spread(median=1.0, sigma=0.3))
    """From an accepted deletion to absence from the list."""
    event_seconds: Spread = field(default=Spread(median=10.0, sigma=0.7))
    """After how long things happen by themselves: `ends_by_itself`, `vanishes` (since the first request)
    and `restarted` (since TERMINATED)."""
    again: Literal["accept", "refuse"] = "accept"
    """What a stop of a TERMINATING task, or a restart of a starting one, gets."""
    refuse_once: float = 0.0
    """Share whose first stop or restart fails with `refuse_once_code`."""
    refuse_once_code: str = "DCS.4026"
    refuse_always: float = 0.0
    """Share whose every stop or restart fails with `refuse_always_code`."""
    refuse_always_code: str = "DCS.4027"
    forget: float = 0.0
    """Share whose first stop or restart is accepted without effect."""
    ends_in_error: float = 0.0
    """Share that comes to ERROR instead of TERMINATED."""
    ends_by_itself: float = 0.0
    """Share that comes to SUCCESS without being asked."""
    flap: float = 0.0
    """Share whose status swings back on its way to TERMINATED, and once more after it."""
    restarted: float = 0.0
    """Share that somebody starts again, once, some time after TERMINATED."""
    vanishes: float = 0.0
    """Share that somebody deletes while the service runs."""
    deleted_show: Literal["gone", "success"] = "gone"
    """What a single look at a deleted task finds: nothing, or still SUCCESS."""
    exchanging: float = 0.0
    """Share with an IP switch in progress (task_status EXCHANGING) that refuses to be stopped meanwhile."""
    exchange_seconds: float = 60.0
    """How long an IP switch takes, since the first request."""

    # -- what the answers look like --
    list_detail: Literal["fine", "coarse"] = "fine"
    """`coarse` lists every kind of progress, TERMINATING too, as MIGRATING; ERROR and the like as FAILED."""
    count: Literal["total", "page"] = "total"
    """What `count` in a list answer counts."""
    order: Literal["oldest", "newest"] = "newest"
    """Which task stands first in the list."""
    name_match: Literal["exact", "fuzzy"] = "fuzzy"
    """How the list compares its `name` filter; `fuzzy` is: contains."""
    churn: Churn = field(default=Churn())
    unlisted: float = 0.0
    """Share that a single look finds and the list does not."""
    unmentioned: float = 0.0
    """Share that batch answers leave out, whatever became of them."""
    repeated: float = 0.0
    """Share that batch answers mention twice."""
    shuffled: bool = False
    """Batch answers come in another order than the request."""
    refusals: Literal["detailed", "plain"] = "detailed"
    """Whether a failed item carries error_code and error_msg."""
    unknown_in_batch: Literal["spoil", "item"] = "spoil"
    """One unknown id fails the whole batch with 400 DCS.4855, or only itself."""
    batch_limit: int = 50
    """More ids in a batch are 400."""
    error_shape: Literal["v2", "v1", "flat", "camel"] = "v2"
    """In which of the service's styles its own error bodies are written."""
    gateway: Literal["APIGW", "APIG"] = "APIGW"
    """The prefix of the gateway's error codes."""
    latency: Spread = field(default=Spread(median=0.0))
    """How long an answer takes."""
    password: str = field(default="planted-redis-password", repr=False)
    """Stands in plain text in every single look, as in the vendor's examples."""

    # -- what it refuses, and what breaks --
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    """By API (stop, restart, delete, list, show) or `all`, which counts every request."""
    faults: Faults = field(default=Faults())
    auth: Literal["none", "signature", "token"] = "none"
    secrets: Secrets = field(default=Secrets())
    expire_after: float | None = None
    """Seconds since the first request after which `secrets` are refused."""
    renewed: Secrets | None = None
    """Accepted from then on."""
    clock_skew: float = 0.0
    """Seconds that the service's clock is ahead of the caller's."""
    lock_seconds: float = 300.0
    """How long the key stays locked after more than five failed authentications in a row."""
    project_id: str | None = None
    """The one project that is served; None serves every well-formed one."""
    deny: tuple[Api, ...] = ()
    """APIs that are answered 403 with `deny_code`."""
    deny_code: Literal["DCS.2003", "APIGW.0302", "PAP5.0001"] = "DCS.2003"

    keep_books: Literal["full", "counts"] = "full"
    """`counts` keeps no history and no list of arrivals: for benchmarks."""

    def __post_init__(self) -> None:
        problems = [p for name in _SHARES for p in within(name, getattr(self, name), 0, 1)]
        problems += [p for name, low, high in _COUNTS for p in within(name, getattr(self, name), low, high)]
        problems += [p for name in _DURATIONS for p in within(name, getattr(self, name), 0, MILLION_YEARS)]
        problems += within("clock_skew", self.clock_skew, -MILLION_YEARS, MILLION_YEARS)
        if self.expire_after is not None:
            problems += within("expire_after", self.expire_after, 0, MILLION_YEARS)
        problems += self._problems_of_states() + self._problems_of_parts()
        if problems:
            raise ValueError("simulator: " + "; ".join(problems))

    def _problems_of_states(self) -> list[str]:
        found = [
            f"states: {name!r} is no status; statuses are words in capitals, such as MIGRATING"
            for name in self.states
            if not _STATUS.fullmatch(name)
        ]
        for name, weight in self.states.items():
            found += within(f"states.{name}", weight, 0, 1e12)
        if not any(self.states.values()):
            found.append("states: at least one state needs a weight above 0, such as {MIGRATING: 1}")
        if len(self.states) > 100:  # noqa: PLR2004  a status is one byte in the store
            found.append("states: at most 100 different ones")
        return found

    def _problems_of_parts(self) -> list[str]:
        parts: dict[str, Spread | Quota | Faults | Churn | Outage] = {
            name: getattr(self, name)
            for name in (
                *("stop_seconds", "restart_seconds", "delete_seconds", "event_seconds", "latency"),
                *("churn", "faults"),
            )
        }
        parts |= {f"quotas.{api}": quota for api, quota in self.quotas.items()}
        parts |= {f"faults.outages[{i}]": outage for i, outage in enumerate(self.faults.outages)}
        known = ("stop", "restart", "delete", "list", "show", "all")
        found = [f"quotas: {api!r} is no API; they are {', '.join(known)}" for api in self.quotas if api not in known]
        return found + [f"{name}.{problem}" for name, part in parts.items() for problem in part.problems()]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Read the options from plain data, such as the `service.simulator` section of a job file.

        Args:
            mapping: Keys are the fields' names; parts (`stop_seconds`, `quotas.stop`, `faults` …) are mappings
                of their own. A plain number will do for a duration that does not vary.

        Raises:
            ValueError: Something in it cannot be used; the message lists every problem with its remedy.

        """
        return read(cls, mapping)
