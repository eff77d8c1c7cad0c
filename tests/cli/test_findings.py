"""Promises of what a plan finds worth a second look: pure judgements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.cli.findings import find
from orchestrator.dcs.credentials import Credentials
from orchestrator.engine.forecast import Estimate
from orchestrator.engine.options import LimitOptions, RunOptions
from orchestrator.job.spec import JobSpec
from orchestrator.report.plan import Finding, Group, Groups
from tests.report.test_plan import TIMES

HOUR = Estimate(requests=900, low=3600.0, high=3600.0, bound="quota")
FULL = Group("MIGRATING", 3, "full_amount_migration", "manual")


def found(groups: Groups | None = None, *, job: dict[str, Any] | None = None, **plain: Any) -> dict[str, Finding]:
    times = replace(TIMES, **plain.pop("times", {}))
    settings: dict[str, Any] = {"unique": 100, "record": "none", "may_list": True, "credentials": None, "now": 1e9}
    options = RunOptions(limits=LimitOptions(**plain.pop("limits", {})))
    spec = JobSpec.model_validate({"version": 1, **(job or {})})
    findings = find(spec, groups or Groups(), times, options, **{**settings, **plain})
    return {finding.name: finding for finding in findings}


def test_nothing_remarkable_is_nothing_found() -> None:
    assert found(Groups(to_send=[Group("MIGRATING", 50, "incremental_migration", "manual")])) == {}


@pytest.mark.parametrize("record", ["other", "held", "unusable"])
def test_a_directory_that_is_no_good_blocks(record: str) -> None:
    assert found(record=record)[f"plan.record_{record}"].blocks


@pytest.mark.parametrize(
    ("group", "told"),
    [(FULL, True), (Group("FULLMIGRATING", 1), True), (Group("MIGRATING", 1, "incremental_migration"), False)],
)
def test_full_migrations_are_told_of_where_they_would_be_stopped(group: Group, *, told: bool) -> None:
    assert ("plan.full_migration" in found(Groups(to_send=[group]))) is told
    assert "plan.full_migration" not in found(Groups(to_send=[group]), job={"operation": "restart"})


def test_a_deadline_out_of_reach_blocks_and_one_that_may_be_does_not() -> None:
    groups = Groups(to_send=[Group("MIGRATING", 2_000)])
    certain = found(groups, times={"submit": HOUR, "deadline": 60.0, "requests_in_time": 7.0})["plan.deadline"]
    assert certain.blocks
    assert "sending takes 1 h 00 min, and 1m are left of it" in certain.text
    doubtful = found(groups, times={"submit": replace(HOUR, low=1.0), "deadline": 60.0, "requests_in_time": 7.0})[
        "plan.deadline"
    ]
    assert not doubtful.blocks
    assert "350 of 2,000 tasks are sent in time" in doubtful.text


@pytest.mark.parametrize(
    ("credentials", "text"),
    [
        (Credentials(ak="a", sk="s"), None),
        (Credentials(ak="a", sk="s", security_token="t"), "the access key is temporary"),
        (Credentials(ak="a", sk="s", expires_at=1e9 + 60), "expire in 1 min 00 s (at 2001-09-09T01:47:40"),
        (Credentials(ak="a", sk="s", expires_at=1e9 + 7200), None),
        (Credentials(token="t"), None),
    ],
)
def test_credentials_that_may_not_last_are_told_of(credentials: Credentials, text: str | None) -> None:
    finding = found(times={"submit": HOUR}, credentials=credentials).get("plan.credentials")
    assert (finding is None) if text is None else (finding is not None and text in finding.text)


def test_a_token_is_told_of_where_a_day_is_not_enough() -> None:
    days = replace(HOUR, high=2 * 86_400.0)
    assert "plan.credentials" in found(times={"submit": days}, credentials=Credentials(token="t"))


def test_what_is_not_there_or_was_not_seen_is_told_of() -> None:
    names = found(Groups(not_found=["a"], unread={"b": "HTTP 500"}), may_list=False)
    assert set(names) == {"plan.not_found", "plan.unread", "plan.no_list"}
    assert "b: HTTP 500" in names["plan.unread"].text


def test_too_many_that_are_not_there_block() -> None:
    missing = Groups(not_found=[f"n{number}" for number in range(60)])
    assert found(missing)["plan.max_failures"].blocks
    assert "plan.max_failures" not in found(missing, limits={"max_failures": 1.0})


def test_shards_are_told_what_they_share() -> None:
    names = found(
        times={"share": 4, "submit": HOUR},
        job={"shard": {"index": 0, "count": 4}, "tasks": {"where": {"status": ["MIGRATING"]}}},
    )
    assert {"plan.shards", "plan.shards_select"} <= set(names)
    assert "more shards are not faster" in names["plan.shards"].text


def test_an_ip_switch_a_deletion_and_a_canary_are_told_of() -> None:
    groups = Groups(to_send=[Group("TERMINATED", 9)], skipped=[Group("exchanging", 2)])
    names = found(groups, job={"operation": "delete"}, limits={"canary": 2})
    assert set(names) == {"plan.ip_switch", "plan.delete", "plan.canary"}
