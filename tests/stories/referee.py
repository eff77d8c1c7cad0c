"""The referee: judges a run's account and requests by the service's own books, never by the program's."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.lifecycle import Effect

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.stories.stage import Account, Ran, Stage

TOP = (
    *("schema", "run_id", "name", "operation", "reason", "outcome", "exit_code", "service", "counts", "requests"),
    *("quota", "timing", "attempts", "shard"),
)
COUNTS = ("input", "unique", "duplicates", "malformed", "excluded", "outcomes")
REQUESTS = ("sent", "ok", "throttled", "retried", "failed")
OUTCOMES = (
    *("stopped", "already_stopped", "ended", "not_found", "rejected", "skipped"),
    *("timed_out", "unconfirmed", "not_attempted"),
)
WORDS = {0: "succeeded", 1: "partial", 3: "aborted", 4: "aborted", 75: "interrupted"}
HEADER = (
    *("task_id", "outcome", "status", "first_status", "error_code", "error_message", "stop_requests"),
    *("accepted_at", "finished_at", "seconds_to_stop", "request_id"),
)
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
STOP_STATES = frozenset({"MIGRATING", "FULLMIGRATING", "INCRMIGEATING", "INCRMIGRATING"})
ENDED = frozenset({"SUCCESS", "FAILED", "MIGRATION_SUCCESS", "MIGRATION_FAILED", "RELEASED", "ERROR"})
REFUSALS = frozenset({Effect.REFUSED, Effect.REFUSED_ONCE, Effect.WRONG_STATE, Effect.EXCHANGING})
BATCH = 50
WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Leeway:
    """What a story makes uncertain; by default nothing."""

    cut_short: bool = False  # the run ended before its time: a deadline, a signal, a guard
    moving: bool = False  # tasks change by themselves, so that a look may be out of date when the stop arrives
    losses: bool = False  # requests may never have reached the books, or were killed before they were written down


def judge(stage: Stage, ran: Ran, leeway: Leeway | None = None) -> Account:
    """Judge everything about a run of `stop` that wrote an account, and return the account."""
    leeway = leeway or Leeway()
    assert ran.code in WORDS, ran.err[-1_000:]
    account = stage.account()
    check_summary(account, ran)
    check_table(stage, account)
    check_requests(stage, account, leeway)
    check_sends(stage, leeway)
    check_outcomes(stage, account, leeway)
    return account


def check_summary(account: Account, ran: Ran) -> None:
    """`summary.json` is exactly as promised, and adds up."""
    summary: dict[str, Any] = account.summary
    counts, service, timing = summary["counts"], summary["service"], summary["timing"]
    assert tuple(summary) == TOP
    assert tuple(counts) == COUNTS
    assert set(service) == {"endpoint", "project_id"}
    assert set(timing) == {"started_at", "finished_at", "elapsed_seconds"}
    assert summary["schema"] == "orchestrator.summary/1"
    assert summary["exit_code"] == ran.code
    assert summary["outcome"] == WORDS[ran.code]
    assert sum(counts["outcomes"].values()) == counts["unique"]
    assert counts["input"] == counts["unique"] + counts["duplicates"] + counts["malformed"] + counts["excluded"]
    assert STAMP.fullmatch(timing["started_at"])
    assert STAMP.fullmatch(timing["finished_at"])
    assert timing["started_at"] <= timing["finished_at"]
    assert 0 <= timing["elapsed_seconds"] < math.inf
    assert summary["attempts"] >= 1
    for numbers in summary["requests"].values():
        assert tuple(numbers) == REQUESTS
        assert numbers["sent"] == sum(numbers[kind] for kind in REQUESTS[1:])
    for quota in summary["quota"].values():
        assert set(quota) == {"limit", "seconds", "learned"}


def check_table(stage: Stage, account: Account) -> None:
    """`tasks.csv` has a row for every unique id in input order, and says what the summary says."""
    assert tuple(account.header) == HEADER
    assert [row["task_id"] for row in account.rows] == stage.ids
    assert account.summary["counts"]["unique"] == len(stage.ids)
    assert Counter(row["outcome"] for row in account.rows) == Counter(account.counted)
    for row in account.rows:
        for name in ("accepted_at", "finished_at"):
            assert not row[name] or STAMP.fullmatch(row[name]), row
        assert row["seconds_to_stop"] == "" or float(row["seconds_to_stop"]) >= 0, row
        if row["outcome"] in {"rejected", "not_found"}:
            assert row["error_code"] or row["error_message"], row


def check_requests(stage: Stage, account: Account, leeway: Leeway) -> None:
    """The requests of the summary are those that arrived, and no more were in flight than allowed."""
    arrived = Counter(arrival.api for arrival in stage.arrivals())
    throttled = Counter(arrival.api for arrival in stage.arrivals() if arrival.throttled)
    requests = account.summary["requests"]
    if not leeway.losses:
        assert {api: numbers["sent"] for api, numbers in requests.items()} == dict(arrived)
        assert {api: n["throttled"] for api, n in requests.items() if n["throttled"]} == dict(throttled)
    assert stage.server.most_in_flight <= stage.job.get("submit", {}).get("workers", WORKERS)


def check_sends(stage: Stage, leeway: Leeway) -> None:
    """Nothing was asked of a task that is not in the list, or that stood elsewhere than in a state to be stopped."""
    ours = set(stage.ids)
    for arrival in stage.arrivals("stop"):
        assert 1 <= len(arrival.ids) <= BATCH, arrival
        assert len(set(arrival.ids)) == len(arrival.ids), arrival
        assert set(arrival.ids) <= ours, arrival
    assert {item for arrival in stage.arrivals("show") for item in arrival.ids} <= ours
    assert not stage.arrivals("restart", "delete", "other")
    if leeway.moving:
        return
    allowed = set(stage.job.get("tasks", {}).get("stop_states", STOP_STATES))
    coarse = stage.server.service.options.list_detail == "coarse"
    if coarse:
        allowed |= {"TERMINATING", "INCRMIGEATING", "INCRMIGRATING", "FULLMIGRATING"}  # the list calls them MIGRATING
    for item in stage.ids:
        asked = stage.books.stops(item)
        if coarse and stage.books.first_status(item) == "TERMINATING":
            asked = asked[1:]  # seen as MIGRATING, it may be down by itself before the first request is there
        for each in asked:
            assert status_before(stage, item, each.time) in allowed, (item, each)


def status_before(stage: Stage, item: str, at: float) -> str | None:
    """The task's true status just before a moment."""
    earlier = [status for when, status in stage.books.history(item, at) if when < at]
    return earlier[-1] if earlier else stage.books.first_status(item)


def check_outcomes(stage: Stage, account: Account, leeway: Leeway) -> None:
    """Every outcome is what the books say came of the task."""
    lost = {item for arrival in stage.arrivals("stop") if arrival.fault for item in arrival.ids}
    wrong = {}
    for item, outcome in account.outcomes.items():
        right = right_outcomes(stage, item, leeway, lost)
        if outcome not in right:
            wrong[item] = (outcome, right, stage.books.first_status(item), stage.books.requests_for(item))
    assert not wrong
    for row in account.rows:
        asked = [a for a in stage.arrivals("stop") if row["task_id"] in a.ids and a.status not in {401, 403, 429}]
        if not (lost or leeway.losses or leeway.cut_short):
            assert int(row["stop_requests"]) == len(asked), row


def right_outcomes(stage: Stage, item: str, leeway: Leeway, lost: Collection[str]) -> set[str]:
    """What the task may truthfully be said to have come to."""
    books = stage.books
    first = books.first_status(item)
    if first is None:
        return {"not_found", "not_attempted"} if leeway.cut_short else {"not_found"}
    passed = [first, *(status for _, status in books.history(item, time.monotonic()))]
    stops = books.stops(item)
    told = any(asked.effect.is_success for asked in stops)
    right: set[str] = set()
    if "TERMINATED" in passed:
        right |= {"stopped"} if told else {"already_stopped", "stopped"} if item in lost else {"already_stopped"}
    if ENDED & set(passed):
        right.add("ended")
    if passed[-1] == "DELETED":
        right.add("not_found")
    if not right and passed[-1] not in STOP_STATES | {"TERMINATING"}:
        right.add("skipped")
    if stops and stops[-1].effect in REFUSALS:
        right.add("rejected")
    if leeway.cut_short:
        right |= {"timed_out", "unconfirmed"} if told or item in lost or "TERMINATING" in passed else set()
        right |= set() if told else {"not_attempted"}
    return right
