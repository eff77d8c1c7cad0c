"""A plan: what a run would do, as seen now. The values, and the document for programs, schema `orchestrator.plan/1`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.engine.account import InputCounts, RequestCounts, ShardCounts
    from orchestrator.engine.forecast import Estimate
    from orchestrator.engine.model import Quota

SCHEMA = "orchestrator.plan/1"


class Group(NamedTuple):
    """So many tasks that stand in `status`; `method` and `resume_mode` are empty where the service does not say."""

    status: str
    tasks: int
    method: str = ""
    resume_mode: str = ""


class Finding(NamedTuple):
    """Something that deserves a second look. `blocks`: a run would not do it, or not finish it."""

    name: str  # dotted, stable
    text: str
    blocks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What the tasks stand in, by what a run would make of them."""

    to_send: Sequence[Group] = ()
    sent_before: Sequence[Group] = ()  # by an earlier attempt of this run: looked at, not sent again
    going: Sequence[Group] = ()  # on their way already
    already: Sequence[Group] = ()  # at the goal
    ended: Sequence[Group] = ()  # over in another way
    skipped: Sequence[Group] = ()
    not_found: Sequence[str] = ()  # ids
    unread: Mapping[str, str] | None = None  # id: why no look at it succeeded
    over_before: int = 0  # final in the record of this run


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What it takes. `poll_pages` and `poll_looks` are the requests of one look at everything that is on its way."""

    submit: Estimate
    survey: Estimate
    poll_round: Estimate
    poll_pages: int
    poll_looks: int
    deadline: float  # seconds of running that are left of it
    requests_in_time: float | None  # sends that fit before it, by the slower assumption; None where nothing bounds them
    quotas: Mapping[str, Sequence[Quota]]  # the known ones, by API
    ceiling: float | None  # requests a second, the user's
    share: int  # processes that share the quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    name: str
    operation: str
    endpoint: str
    project_id: str
    output: str
    selection: str  # what tasks.where took, in words; empty for a list
    input: InputCounts
    shard: ShardCounts | None
    record: str  # "none", "unfinished", "finished", "other", "held" or "unusable"
    groups: Groups
    times: Times
    looked: Mapping[str, RequestCounts]  # the requests that this plan cost
    findings: Sequence[Finding]


def count(groups: Iterable[Group]) -> int:
    """The tasks in all of them."""
    return sum(group.tasks for group in groups)


def document(plan: Plan) -> dict[str, Any]:
    """The plan for programs. Keys are stable within a schema's version; new ones may be added."""
    groups = plan.groups
    return {
        "schema": SCHEMA,
        "name": plan.name,
        "operation": plan.operation,
        "service": {"endpoint": plan.endpoint, "project_id": plan.project_id},
        "output": plan.output,
        "record": plan.record,
        "selection": plan.selection or None,
        "counts": {
            "input": plan.input.input,
            "unique": plan.input.unique,
            "duplicates": plan.input.duplicates,
            "malformed": plan.input.malformed,
            "excluded": plan.input.excluded,
        },
        "shard": None
        if plan.shard is None
        else {"index": plan.shard.index, "count": plan.shard.count, "input": plan.shard.input},
        "tasks": {
            "to_send": _part(groups.to_send),
            "sent_before": _part(groups.sent_before),
            "going": _part(groups.going),
            "already": _part(groups.already),
            "ended": _part(groups.ended),
            "skipped": _part(groups.skipped),
            "not_found": {"tasks": len(groups.not_found), "ids": list(groups.not_found)},
            "unread": {"tasks": len(groups.unread or ()), "ids": dict(groups.unread or {})},
            "over_before": {"tasks": groups.over_before},
        },
        "requests": _requests(plan.times),
        "deadline": _deadline(plan),
        "quota": _quota(plan.times),
        "looked": {api: {"sent": counts.sent, "throttled": counts.throttled} for api, counts in plan.looked.items()},
        "findings": [{"name": f.name, "blocks": f.blocks, "text": f.text} for f in plan.findings],
    }


def write_document(plan: Plan, stream: TextIO) -> None:
    """Write the document to `stream`, for eyes too."""
    import json

    json.dump(document(plan), stream, indent=2, ensure_ascii=False)
    stream.write("\n")


def _part(groups: Sequence[Group]) -> dict[str, Any]:
    return {
        "tasks": count(groups),
        "groups": [
            {"status": g.status, "method": g.method or None, "resume_mode": g.resume_mode or None, "tasks": g.tasks}
            for g in groups
        ],
    }


def _requests(times: Times) -> dict[str, Any]:
    return {
        "submit": _estimate(times.submit),
        "survey": _estimate(times.survey),
        "poll_round": {"pages": times.poll_pages, "looks": times.poll_looks, **_estimate(times.poll_round)},
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "requests": estimate.requests,
        "seconds": {"low": round(estimate.low, 1), "high": round(estimate.high, 1)},
        "bound": estimate.bound or None,
    }


def _deadline(plan: Plan) -> dict[str, Any]:
    times = plan.times
    fits = "yes"
    if times.submit.low > times.deadline:
        fits = "no"
    elif times.submit.high > times.deadline:
        fits = "perhaps"
    return {
        "seconds_left": round(times.deadline, 3),
        "fits": fits,
        "requests_in_time": None if times.requests_in_time is None else int(times.requests_in_time),
    }


def _quota(times: Times) -> dict[str, Any]:
    return {
        "known": {
            api: [{"limit": q.limit, "seconds": q.seconds, "policy": q.policy or None} for q in quotas]
            for api, quotas in times.quotas.items()
        },
        "requests_per_second": times.ceiling,
        "share": times.share,
    }
