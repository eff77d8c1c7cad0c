"""`summary.json`: the account for programs, schema `orchestrator.summary/1`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from orchestrator.report.stamps import stamp

if TYPE_CHECKING:
    from orchestrator.engine.account import Report

SCHEMA = "orchestrator.summary/1"


def summary(report: Report) -> dict[str, Any]:
    """The account as `summary.json` holds it, keys in their documented order."""
    info = report.info
    return {
        "schema": SCHEMA,
        "run_id": info.run_id,
        "name": info.name,
        "operation": info.operation,
        "reason": info.reason,
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "service": {"endpoint": info.endpoint, "project_id": info.project_id},
        "counts": _counts(report),
        "requests": _requests(report),
        "quota": _quota(report),
        "timing": {
            "started_at": stamp(report.timing.started_at),
            "finished_at": stamp(report.timing.finished_at),
            "elapsed_seconds": round(report.timing.elapsed_seconds, 3),
        },
        "attempts": report.attempts,
        "shard": _shard(report),
    }


def write_summary(report: Report, stream: TextIO) -> None:
    """Write `summary.json` to `stream`, for eyes too."""
    json.dump(summary(report), stream, indent=2, ensure_ascii=False)
    stream.write("\n")


def used_apis(report: Report) -> list[str]:
    """The APIs that were asked at least once, in the report's order."""
    return [api for api, counts in report.requests.items() if counts.sent]


def _counts(report: Report) -> dict[str, Any]:
    counted = report.input
    return {
        "input": counted.input,
        "unique": counted.unique,
        "duplicates": counted.duplicates,
        "malformed": counted.malformed,
        "excluded": counted.excluded,
        "outcomes": dict(report.outcomes),
    }


def _requests(report: Report) -> dict[str, dict[str, int]]:
    return {
        api: {
            "sent": counts.sent,
            "ok": counts.ok,
            "throttled": counts.throttled,
            "retried": counts.retried,
            "failed": counts.failed,
        }
        for api, counts in ((api, report.requests[api]) for api in used_apis(report))
    }


def _quota(report: Report) -> dict[str, dict[str, Any]]:
    """Every API that was asked, or whose quota is known from an earlier attempt."""
    apis = dict.fromkeys([*used_apis(report), *report.quotas])
    entries: dict[str, dict[str, Any]] = {}
    for api in apis:
        quota = report.quotas.get(api)
        if quota is None:
            entries[api] = {"limit": None, "seconds": None, "learned": False}
        else:
            entries[api] = {"limit": quota.limit, "seconds": _number(quota.seconds), "learned": True}
    return entries


def _shard(report: Report) -> dict[str, int] | None:
    shard = report.shard
    return None if shard is None else {"index": shard.index, "count": shard.count, "input": shard.input}


def _number(value: float) -> float:
    """60.0 reads better as 60."""
    return int(value) if float(value).is_integer() else value
