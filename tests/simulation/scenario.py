"""What a seed means: the job, the service, the wire and the disasters, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from orchestrator.engine.options import PaceOptions, RunOptions
from orchestrator.simulator.options import SimulatorOptions, Spread

if TYPE_CHECKING:
    from tests.simulation.accidents import Canned

Family = Literal["gentle", "rough", "guarded", "hostile"]
Verb = Literal["stop", "restart", "delete"]
Disaster = Literal["death", "drain", "cancel", "disk", "torn"]
Point = Literal[
    "step",
    "time",
    "commit.before",
    "commit.within",
    "commit.after",
    "request.sent",
    "request.arrived",
    "request.answered",
]
Credentials = Literal["none", "good", "renewed", "stale", "token"]
WireFault = Literal["refused", "no_address", "connect_timeout", "tls_hung_up", "proxy_stumbled"]

STOP_STATES = frozenset({"MIGRATING", "FULLMIGRATING", "INCRMIGEATING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What happens to one life, and when: at the `at`-th point of its kind, or after so many seconds."""

    disaster: Disaster
    point: Point
    at: float
    downtime: float  # seconds until the run is taken up again


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What lies between the run and the service."""

    up: Spread = field(default=Spread(median=0.0))  # seconds from sending to arrival
    faults: tuple[WireFault, ...] = ()
    rate: float = 0.0  # share of requests that do not even leave
    cut: tuple[float, float] | None = None  # from when on, and for how many seconds, nothing leaves
    canned: tuple[Canned, ...] = ()  # answers that somebody gives in the service's stead
    canned_rate: float = 0.0
    max_answer: int = 1 << 20  # bytes
    read_timeout: float = 60.0
    abandoned_arrive: float = 0.5  # share of given-up requests that reach the service all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One seed, drawn out."""

    seed: int
    family: Family = "gentle"
    verb: Verb = "stop"
    service: SimulatorOptions = field(default_factory=SimulatorOptions)
    options: RunOptions = field(default_factory=RunOptions)
    pace: PaceOptions = field(default_factory=PaceOptions)
    network: Network = field(default_factory=Network)
    stop_states: frozenset[str] = STOP_STATES
    duplicates: int = 0  # ids that the input names twice
    page_size: int = 1000
    credentials: Credentials = "none"
    commit_seconds: float = 0.0
    disturbances: tuple[Disturbance, ...] = ()
    quiet: bool = False  # nothing is kept for a referee, so that memory is the run's own
    wall: tuple[tuple[float, float], ...] = ()  # when, and by how many seconds, the machine's clock is set
    shards: int = 1  # as how many the job is run, each a process of its own with a record of its own
    retry: bool = False  # whether a finished run is reopened once
    retry_words: tuple[str, ...] = ()  # for whom; empty: for those who are not over
    retry_all: bool = False  # whether it is reopened a second time, for all who are not over
    later: RunOptions | None = None  # the options from the second life on: somebody has edited the job file
    meddling: tuple[tuple[float, Verb, int], ...] = ()  # when strangers do what to every so-many-th of our tasks

    @property
    def batch_size(self) -> int:
        """Ids a request at most."""
        return min(50, self.options.submit.batch_size)

    @property
    def bounds_failures(self) -> bool:
        """Whether so many failures end the run: a share of 1.0 is off, the count 1 is not."""
        most = self.options.limits.max_failures
        return isinstance(most, int) or most < 1.0
