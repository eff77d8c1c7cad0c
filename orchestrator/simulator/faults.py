"""Accidents: which request meets which, and what the caller gets to see of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator.simulator import chance
from orchestrator.simulator.answers import HTML, JSON, Fault, Problem, Reply, reply
from orchestrator.simulator.options import FaultKind, SimulatorOptions

# These strike before the request can have an effect, or after it has had one, by their nature.
_BEFORE = frozenset({"error_401", "error_503_retry_after", "reset_before"})
_AFTER = frozenset({"reset_after", "truncated", "empty", "slow", "not_json", "wrong_types", "huge"})

_ON_SOCKET: dict[FaultKind, Fault] = {
    "reset_before": "reset",
    "reset_after": "reset",
    "truncated": "truncated",
    "hang": "hang",
    "slow": "slow",
}
_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>"
)
_LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in to the network.</body></html>"
_NONSENSE: dict[FaultKind, tuple[int, bytes, str]] = {
    "error_502_html": (502, _BAD_GATEWAY, HTML),
    "empty": (200, b"", JSON),
    "not_json": (200, _LOGIN_PAGE, HTML),
    "wrong_types": (200, b'{"count":"many","migration_tasks":{"status":[1,null]}}', JSON),
}
_ERRORS: dict[FaultKind, tuple[int, str, str]] = {
    "error_401": (
        401,
        "{gateway}.0301",
        "Incorrect IAM authentication information: verify aksk signature fail",
    ),
    "error_500": (500, "DCS.5000", "Internal service error."),
    "error_503_retry_after": (503, "{gateway}.0613", "IAM is currently unavailable."),
    "timeout_504": (504, "{gateway}.0203", "Backend timeout."),
}


@dataclass(frozen=True, slots=True)
class Accident:
    """One fault about to strike one request."""

    kind: FaultKind
    after: bool
    """Whether the request takes effect first."""


class Accidents:
    """Draws the accidents of one service."""

    def __init__(self, options: SimulatorOptions) -> None:
        self._faults = options.faults
        self._shape = options.error_shape
        self._gateway = options.gateway
        self._draws = chance.stream(options.seed, "faults")
        self._met = 0
        self.is_off = not (self._faults.rate or self._faults.script or self._faults.outages)

    def next(self, api: str, elapsed: float) -> Accident | None:
        """Draw what this request meets; `elapsed` is seconds since the first request."""
        faults = self._faults
        if self.is_off or api not in faults.apis:
            return None
        for outage in faults.outages:
            if outage.after <= elapsed < outage.after + outage.seconds:
                return self._accident(outage.kind)
        self._met += 1
        if self._met <= len(faults.script):
            kind = faults.script[self._met - 1]
            return None if kind == "none" else self._accident(kind)
        if self._draws.random() < faults.rate:
            return self._accident(self._draws.choice(faults.kinds))
        return None

    def _accident(self, kind: FaultKind) -> Accident:
        if kind in _BEFORE or kind in _AFTER:
            return Accident(kind, kind in _AFTER)
        return Accident(kind, self._draws.random() < self._faults.after_effect)

    def spoil(self, accident: Accident, request_id: str, answer: Callable[[], Reply]) -> Reply:
        """Give the caller's view of the accident; `answer` lets the request take effect."""
        good = answer() if accident.after else reply(200, b"", request_id)
        match accident.kind:
            case "reset_before" | "reset_after" | "truncated" | "hang" | "slow":
                delays = {"hang": math.inf, "slow": self._faults.seconds}
                fault = _ON_SOCKET[accident.kind]
                return replace(good, fault=fault, delay=delays.get(fault, good.delay))
            case "timeout_504":
                return replace(self._error(accident.kind, request_id), delay=self._faults.seconds)
            case "error_401" | "error_500" | "error_503_retry_after":
                return self._error(accident.kind, request_id)
            case _:
                return self._nonsense(accident.kind, request_id)

    def _nonsense(self, kind: FaultKind, request_id: str) -> Reply:
        """Give an answer whose body is not what it ought to be."""
        if kind == "huge":
            padding = b" " * self._faults.huge_bytes
            return reply(200, b'{"count":0,"migration_tasks":[' + padding + b"]}", request_id)
        status, body, content_type = _NONSENSE[kind]
        return reply(status, body, request_id, kind=content_type)

    def _error(self, kind: FaultKind, request_id: str) -> Reply:
        status, code, message = _ERRORS[kind]
        problem = Problem(
            status,
            code.format(gateway=self._gateway),
            message,
            headers={"Retry-After": "2"} if kind == "error_503_retry_after" else {},
            by_gateway=kind != "error_500",
        )
        return problem.reply(request_id, shape=self._shape)
