"""The parts that a simulated service's options are made of: durations, quotas, faults, churn, credentials."""

import math
from dataclasses import dataclass, field
from typing import Literal

Api = Literal["stop", "restart", "delete", "list", "show"]
FaultKind = Literal[
    "error_401",
    "error_500",
    "error_502_html",
    "error_503_retry_after",
    "timeout_504",
    "reset_before",
    "reset_after",
    "truncated",
    "empty",
    "hang",
    "slow",
    "not_json",
    "wrong_types",
    "huge",
]

MILLION_YEARS = 3e13  # seconds; no duration may be longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A duration that varies: lognormal, seconds. A `sigma` of 0 makes it exact."""

    median: float
    sigma: float = 0.0

    def problems(self) -> list[str]:
        """What is wrong with the numbers, if anything."""
        return within("median", self.median, 0, MILLION_YEARS) + within("sigma", self.sigma, 0, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One throttling rule: at most `limit` requests in `seconds`."""

    limit: int
    seconds: float
    kind: Literal["fixed", "sliding", "bucket"] = "fixed"
    """`fixed` windows begin at `phase`; `sliding` ones look back from each request; a `bucket` refills evenly."""
    policy: Literal["user", "api", "ip", "app"] = "user"
    """Only a word in the text of the refusal: the simulator has one user."""
    phase: float = 0.0
    """Seconds by which the fixed windows are shifted."""
    strangers: float = 0.0
    """Requests a second that somebody else takes out of the same quota."""
    wording: Literal["gateway", "iam", "bare"] = "gateway"
    """`gateway` names the window, `iam` names it in another form, `bare` does not say any number."""
    retry_after: bool = False
    """Whether the refusal carries a Retry-After header."""

    def problems(self) -> list[str]:
        """What is wrong with the numbers, if anything."""
        return [
            *within("limit", self.limit, 1, 1_000_000_000),
            *within("seconds", self.seconds, 0.001, MILLION_YEARS),
            *within("phase", self.phase, -MILLION_YEARS, MILLION_YEARS),
            *within("strangers", self.strangers, 0, 10_000),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A stretch of time in which every request meets the same fault."""

    after: float
    """Seconds since the first request."""
    seconds: float
    kind: FaultKind = "reset_before"

    def problems(self) -> list[str]:
        """What is wrong with the numbers, if anything."""
        return [
            *within("after", self.after, 0, MILLION_YEARS),
            *within("seconds", self.seconds, 0, MILLION_YEARS),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Accidents that meet requests which authentication and quota let through."""

    rate: float = 0.0
    """The share of requests that meet one of `kinds`."""
    kinds: tuple[FaultKind, ...] = (
        "error_500",
        "error_502_html",
        "error_503_retry_after",
        "timeout_504",
        "reset_before",
        "reset_after",
        "truncated",
        "empty",
    )
    apis: tuple[Api, ...] = ("stop", "restart", "delete", "list", "show")
    """Only requests to these are counted and struck."""
    script: tuple[FaultKind | Literal["none"], ...] = ()
    """What the first requests meet, one by one, before the rate takes over."""
    outages: tuple[Outage, ...] = ()
    after_effect: float = 0.5
    """Where a fault could strike before or after the request took effect: the share that strikes after."""
    seconds: float = 3.0
    """How long a gateway time-out and a slow answer take."""
    huge_bytes: int = 64 * 1024 * 1024
    """The size of a huge answer."""

    def problems(self) -> list[str]:
        """What is wrong with the numbers, if anything."""
        return [
            *within("rate", self.rate, 0, 1),
            *within("after_effect", self.after_effect, 0, 1),
            *within("seconds", self.seconds, 0, MILLION_YEARS),
            *within("huge_bytes", self.huge_bytes, 1, 1 << 30),
            *(["kinds: at least one is needed"] if self.rate and not self.kinds else []),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """Strangers that come and go while the service runs: list offsets shift under the reader's feet."""

    created: float = 0.0
    """New tasks a second."""
    deleted: float = 0.0
    """Tasks of strangers deleted a second."""

    def problems(self) -> list[str]:
        """What is wrong with the numbers, if anything."""
        return within("created", self.created, 0, 10_000) + within("deleted", self.deleted, 0, 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """One set of credentials that the service accepts; hidden from `repr`."""

    ak: str = "SIMULATORACCESSKEY00"
    sk: str = field(default="simulator-secret-key-0000000000000000000", repr=False)
    security_token: str = field(default="", repr=False)
    """If set, requests must bring it as X-Security-Token."""
    token: str = field(default="simulator-token", repr=False)


def within(name: str, value: float, low: float, high: float) -> list[str]:
    """Give the problem with a number that is out of its range, if it is."""
    if math.isfinite(value) and low <= value <= high:
        return []
    return [f"{name}: {value:g} is not between {low:g} and {high:g}"]
