"""A job as a record keeps it, made into a job again: for what is done later about the same tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orchestrator.dcs.regions import checked_endpoint, is_loopback, is_vendor
from orchestrator.errors import InputError
from orchestrator.job.loader import check
from orchestrator.job.overrides import apply_overrides
from orchestrator.job.problems import Problems
from orchestrator.job.reader import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.job.spec import JobSpec

SETTABLE: Final = ("service", "submit", "pace", "retry", "poll", "limits")
FIXED: Final = ("service.region", "service.project_id", "service.simulator")
ENDPOINT: Final = "service.endpoint"
MAX_DEPTH: Final = 16


def job_again(
    job: Mapping[str, Any], *, operation: str, endpoint: str, project_id: str, name: str, overrides: Sequence[str] = ()
) -> JobSpec:
    """The job with its own options but without its tasks, at the recorded `endpoint`, with `overrides` over it.

    Raises `InputError` for a bad override, one of what the record decides, or an endpoint that is neither the vendor's
    nor on this machine and is not repeated in `overrides`.
    """
    _require_settable(overrides)
    _require_known(endpoint, overrides)
    service = {
        key: value for key, value in dict(job.get("service") or {}).items() if key not in {"region", "simulator"}
    }
    again: dict[str, Any] = {key: job[key] for key in ("submit", "pace", "retry", "poll", "limits") if key in job}
    again |= {
        "version": 1,
        "name": name,
        "operation": operation,
        "reason": job.get("reason"),
        "service": {**service, "endpoint": endpoint, "project_id": project_id},
        "tasks": {"ids": ["of-the-record"], **_stop_states(job, operation)},
        "shard": "none",
    }
    problems = Problems()
    root = _node(again)
    apply_overrides(root, [text for text in overrides if _key(text) != ENDPOINT], problems)
    spec = check(root, problems)
    if problems:
        raise problems.error()
    return spec


def _stop_states(job: Mapping[str, Any], operation: str) -> dict[str, Any]:
    states = dict(job.get("tasks") or {}).get("stop_states")
    return {"stop_states": states} if operation == "stop" and states else {}


def _require_settable(overrides: Sequence[str]) -> None:
    problems = [
        f"--set {_key(text)}: decided by the record; only {', '.join(SETTABLE)} can be set here, and of service "
        "neither region nor project_id"
        for text in overrides
        if _key(text).split(".")[0] not in SETTABLE or _key(text) in FIXED or _key(text) == "service"
    ]
    if problems:
        raise InputError(*problems)


def _require_known(endpoint: str, overrides: Sequence[str]) -> None:
    """Credentials go only where the vendor is, to this machine, or where a person says once more that they may."""
    given = [text.partition("=")[2].strip().strip("\"'") for text in overrides if _key(text) == ENDPOINT]
    if given and checked_endpoint(given[-1]) != endpoint:
        raise InputError(
            f"--set {ENDPOINT}: the run was at {endpoint}, and so are its tasks: repeat just that, or leave it out"
        )
    if not given and not is_vendor(endpoint) and not is_loopback(endpoint):
        raise InputError(
            f"the record names the endpoint {endpoint}, which is not in one of the vendor's domains: credentials are "
            f"sent there only if you repeat it: --set {ENDPOINT}={endpoint}"
        )


def _key(override: str) -> str:
    return override.partition("=")[0].strip()


def _node(value: Any, depth: int = 0) -> Node:
    """The tree that a file with this in it would give."""
    name = "the record's job"
    if depth > MAX_DEPTH:
        raise InputError(f"{name} is nested more deeply than a job is; the record was not written by this program")
    match value:
        case dict():
            return Node({str(key): _node(inner, depth + 1) for key, inner in value.items()}, name, 0)
        case list():
            return Node([_node(inner, depth + 1) for inner in value], name, 0)
        case bool() | int() | float() | str() | None:
            return Node(value, name, 0, text="" if value is None else str(value))
        case _:
            raise InputError(f"{name} has {value!r} in it, which no job has")
