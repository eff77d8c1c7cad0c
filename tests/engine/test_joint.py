"""Tests of engine/joint.py: shards joined into one account, or what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.engine.account import InputCounts, RequestCounts, ShardCounts, Timing
from orchestrator.engine.joint import complaints, join, unfinished
from orchestrator.engine.model import Ending, Quota
from orchestrator.engine.source import collect
from orchestrator.errors import AccountError
from tests.report.reports import START, make_report, make_row

if TYPE_CHECKING:
    from orchestrator.engine.account import Report

COUNT, INPUT = 3, 6


def shard(index: int, **fields: Any) -> Report:
    """One of three shards, with two ids each."""
    rows = [make_row(f"{index}a"), make_row(f"{index}b", "rejected" if index == 1 else "stopped")]
    values: dict[str, Any] = {
        "shard": ShardCounts(index=index, count=COUNT, input=INPUT, digest="d"),
        "input": InputCounts(input=3, unique=2, duplicates=1),
    }
    report = make_report(rows, **values | fields)
    return replace(report, info=replace(report.info, run_id=f"run-{index}"))


def by_place(*reports: Report) -> dict[str, Report]:
    return {f"dir-{place}": report for place, report in enumerate(reports)}


class TestJoin:
    """One account that closes over the whole."""

    def test_counts_are_those_of_the_whole(self) -> None:
        whole = join([shard(2), shard(0), shard(1)])
        assert whole.input == InputCounts(input=9, unique=6, duplicates=3)
        assert (whole.outcomes["stopped"], whole.outcomes["rejected"]) == (5, 1)
        assert whole.shard is None
        assert (whole.exit_code, whole.outcome) == (1, "partial")

    def test_rows_come_shard_by_shard(self) -> None:
        whole = join([shard(2), shard(0), shard(1)])
        assert [row.task_id for row in whole.rows()] == ["0a", "0b", "1a", "1b", "2a", "2b"]
        assert [row.task_id for row in whole.rows()] == ["0a", "0b", "1a", "1b", "2a", "2b"]  # as often as asked

    def test_time_is_that_of_shards_side_by_side(self) -> None:
        timings = [
            Timing(started_at=START, finished_at=START + 50, elapsed_seconds=50),
            Timing(started_at=START + 5, finished_at=START + 90, elapsed_seconds=30),
            Timing(started_at=0, finished_at=0, elapsed_seconds=0),
        ]
        whole = join([shard(n, timing=timing, attempts=n + 1) for n, timing in enumerate(timings)])
        assert whole.timing == Timing(started_at=START, finished_at=START + 90, elapsed_seconds=50)
        assert whole.attempts == 3

    def test_requests_add_up_and_the_tightest_quota_counts(self) -> None:
        tight, loose = (Quota(policy="user", limit=limit, seconds=60) for limit in (5, 50))
        whole = join(
            [
                shard(0, requests={"stop": RequestCounts(ok=2, throttled=1)}, quotas={"stop": loose}),
                shard(
                    1, requests={"stop": RequestCounts(ok=3), "list": RequestCounts(failed=1)}, quotas={"stop": tight}
                ),
                shard(2, requests={}, quotas={"stop": loose}),
            ]
        )
        assert whole.requests == {"list": RequestCounts(failed=1), "stop": RequestCounts(ok=5, throttled=1)}
        assert whole.quotas == {"stop": tight}

    @pytest.mark.parametrize(
        ("endings", "expected"),
        [
            ((Ending.FINISHED, Ending.FINISHED, Ending.DEADLINE), Ending.DEADLINE),
            ((Ending.DEADLINE, Ending.INTERRUPTED, Ending.FINISHED), Ending.INTERRUPTED),
            ((Ending.INTERRUPTED, Ending.ABORTED, Ending.FINISHED), Ending.ABORTED),
            ((Ending.ABORTED, Ending.REFUSED, Ending.FINISHED), Ending.REFUSED),
        ],
    )
    def test_the_worst_end_is_the_wholes(self, endings: tuple[Ending, ...], expected: Ending) -> None:
        shards = [shard(n, ending=ending, ending_reason=f"why {n}") for n, ending in enumerate(endings)]
        whole = join(shards)
        assert whole.ending is expected
        assert whole.ending_reason == "shard 0: why 0; shard 1: why 1; shard 2: why 2"

    def test_the_same_runs_have_the_same_id(self) -> None:
        first, again = join([shard(0), shard(1), shard(2)]), join([shard(2), shard(1), shard(0)])
        assert first.info.run_id == again.info.run_id
        assert first.info.run_id not in {"run-0", "run-1", "run-2"}

    def test_an_account_that_would_not_close_is_a_bug(self) -> None:
        with pytest.raises(AccountError, match="4 unique ids"):
            join([shard(0), shard(1)])

    def test_many_reasons_are_bounded(self) -> None:
        many = [shard(n, ending_reason="why", shard=ShardCounts(index=n, count=30, input=60)) for n in range(30)]
        assert join(many).ending_reason.endswith("and 10 more")


class TestComplaints:
    """What is missing or does not belong is named."""

    def test_there_are_none_about_a_whole_set(self) -> None:
        assert complaints(by_place(shard(0), shard(1), shard(2))) == []

    def test_missing_shards(self) -> None:
        (one,) = complaints(by_place(shard(0), shard(2)))
        assert one.startswith("missing: shard 1 of 3")
        (two,) = complaints(by_place(shard(0)))
        assert two.startswith("missing: 2 shards 1, 2 of 3")
        (many,) = complaints(by_place(shard(0, shard=ShardCounts(index=0, count=99, input=6))))
        assert "20, …" in many

    def test_a_whole_run(self) -> None:
        assert "of a whole run" in complaints(by_place(shard(0), shard(1, shard=None)))[0]

    def test_one_shard_twice(self) -> None:
        assert "shard 0 once more, dir-0 is that already" in complaints(by_place(shard(0), shard(0)))[0]

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"shard": ShardCounts(index=1, count=4, input=INPUT)}, "one of 4 shards, not of 3"),
            ({"shard": ShardCounts(index=1, count=COUNT, input=7)}, "another set of ids"),
            ({"shard": ShardCounts(index=1, count=COUNT, input=INPUT, digest="e")}, "another set of ids"),
            ({"info": replace(shard(1).info, operation="delete")}, "operation"),
            ({"info": replace(shard(1).info, project_id="p2")}, "project"),
            ({"info": replace(shard(1).info, endpoint="https://other.example.com")}, "endpoint"),
        ],
    )
    def test_of_another_run(self, fields: dict[str, Any], told: str) -> None:
        other = replace(shard(1), **fields)
        (found,) = complaints(by_place(shard(0), other, shard(2)))
        assert found.startswith("dir-1: of another run than dir-0: ")
        assert told in found

    def test_a_record_that_does_not_know_the_whole_is_believed(self) -> None:
        old = shard(1, shard=ShardCounts(index=1, count=COUNT, input=INPUT))
        assert complaints(by_place(shard(0), old, shard(2))) == []

    def test_embedded_simulators_are_alike(self) -> None:
        job = {"service": {"simulator": {"tasks": 6}}}
        other = shard(1, job=job)
        moved = replace(other, info=replace(other.info, endpoint="http://127.0.0.1:2"))
        assert complaints(by_place(shard(0, job=job), moved, shard(2, job=job))) == []

    def test_unfinished_ones_are_named_with_their_reason(self) -> None:
        stopped = shard(1, ending=Ending.INTERRUPTED, ending_reason="SIGTERM received")
        found = unfinished(by_place(shard(0), stopped, shard(2, ending=Ending.ABORTED)))
        assert found == ["dir-1: shard 1 is interrupted (SIGTERM received)", "dir-2: shard 2 is aborted"]


def test_all_shards_of_an_input_know_the_same_whole() -> None:
    """Even where another list has as many ids."""
    ids = [f"id-{n}" for n in range(50)]
    shards = [collect(reversed(ids) if n % 2 else ids, shard=(n, 4)).shard for n in range(4)]
    digests = {each.digest for each in shards if each is not None}
    assert len(digests) == 1
    other = collect([*ids[:-1], "another"], shard=(0, 4)).shard
    assert other is not None
    assert other.digest not in digests
