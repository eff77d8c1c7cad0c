"""What is kept of a simulated run, for the referee: every exchange as both sides saw it, every life, every account."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.engine.account import Report, Row
    from orchestrator.engine.events import Event
    from orchestrator.simulator.core import Service
    from tests.simulation.scenario import Scenario

START = 1000.0  # the world's time at which the first life begins
TOLERANCE = 1e-5  # seconds; stamps are rounded to the microsecond
OK = 200
THROTTLED = 429
UNAUTHENTICATED = 401


@dataclass(slots=True)
class Exchange:
    """One request on the wire. Times are the world's; None where it never came to that."""

    number: int
    life: int
    api: str
    ids: tuple[str, ...]
    sent_at: float
    arrived_at: float | None = None
    closed_at: float | None = None  # when the caller had an answer, or knew that it would get none
    status: int = 0  # as the caller saw it; 0: no whole answer
    body: bytes = b""  # the beginning of one that was an error
    shown: dict[str, str] = field(default_factory=dict)  # id to status, of what a good answer to a look said
    results: dict[str, bool] = field(default_factory=dict)  # id to whether it was accepted, of a good answer to a batch
    end: str = "open"  # answered | broken | unreached | given up | open (its process died)
    page: tuple[int, int] | None = None  # offset and limit
    retry_after: float = 0.0  # seconds that the answer asks to wait
    canned: bool = False  # somebody answered in the service's stead
    sent_turn: int = 0  # in the order of all that was sent and closed
    closed_turn: int = 0

    @property
    def is_unprocessed(self) -> bool:
        """Whether the caller was told that the service did nothing."""
        refused = self.end == "answered" and self.status in {THROTTLED, UNAUTHENTICATED, 403}
        return refused or self.end == "unreached"

    def read(self, body: bytes) -> None:
        """Keep what a good answer said, as somebody else than the product reads it."""
        if self.status != OK:
            self.body = body[:1]  # only whether there was one
        elif self.api == "list" and body.startswith(b'{"count":'):
            self.shown = {task_id.decode(): status.decode() for task_id, status in _ROW.findall(body)}
        else:
            self._read_object(body)

    def _read_object(self, body: bytes) -> None:
        try:
            answer = json.loads(body)
        except ValueError:
            return
        if not isinstance(answer, dict):
            return
        rows = answer.get("migration_tasks")
        if self.api == "show" and isinstance(answer.get("status"), str):
            self.shown = {self.ids[0]: _status_in_detail(answer)}
        elif self.api == "delete":
            self.results = dict.fromkeys(answer.get("task_id_list") or (), True)
        elif self.api in {"stop", "restart"} and isinstance(rows, list):
            self.results = {row["task_id"]: row.get("result") == "success" for row in rows}


_ROW = re.compile(rb'"task_id":"([^"]+)".*?,"status":"([^"]+)"')


_SWAPPABLE = frozenset({"MIGRATING", "FULLMIGRATING", "INCRMIGEATING", "INCRMIGRATING"})


def _status_in_detail(answer: dict[str, Any]) -> str:
    status: str = answer["status"]
    swapping = answer.get("task_status") == "EXCHANGING" and status in _SWAPPABLE
    return "EXCHANGING" if swapping else status


@dataclass(slots=True, kw_only=True)
class Life:
    """One process: from taking the run up until it ended, or died."""

    number: int
    started_at: float
    ended_at: float = 0.0
    end: str = "open"  # ended | died | cancelled | record | error
    struck_at: float | None = None  # when its disturbance struck
    struck: str = ""  # what struck: death | drain | cancel | disk | torn
    skew: float = 0.0  # seconds that its stamps are ahead of the world's time
    committed_at: float = 0.0  # the last time that something of it became durable
    error: str = ""
    report: Report | None = None
    rows: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    retried: bool = False  # whether it began by reopening a finished run
    reopened: frozenset[str] = frozenset()  # for these
    workers_seen: int = 0  # the most requests in flight at once
    steps: int = 0


@dataclass(slots=True, kw_only=True)
class Story:
    """A whole simulated run."""

    scenario: Scenario
    service: Service
    epoch: float  # seconds since 1970 at the world's time 0
    ids: tuple[str, ...] = ()  # of the input, each once, in its order
    exchanges: list[Exchange] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    refolded: list[str] = field(default_factory=list)  # outcomes as the record alone tells them, after the last life
    losses: list[str] = field(default_factory=list)  # what a loss of power did to the record, and must not
    leaks: list[str] = field(default_factory=list)  # planted secrets found where they must not be
    requests: int = 0  # how many left; of a quiet run, which keeps no exchanges, as well
    undisturbed: Story | None = None  # the same seed, played without disturbances

    @property
    def last(self) -> Life:
        """The life that the run ended with."""
        return self.lives[-1]

    @property
    def verb(self) -> str:
        """The operation, which is also the API of its batches."""
        return self.scenario.verb

    def sends(self) -> list[Exchange]:
        """The requests that ask for something to be done, in the order in which they left."""
        return [exchange for exchange in self.exchanges if exchange.api == self.verb]

    def seconds(self, stamp: float) -> float:
        """The world's time of a stamp in the account."""
        for life in reversed(self.lives):
            if stamp >= self.epoch + life.started_at + life.skew - TOLERANCE:
                return stamp - self.epoch - life.skew
        return stamp - self.epoch
