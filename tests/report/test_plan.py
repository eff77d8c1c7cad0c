"""Promises of a plan's renderings: the document is stable, the table fits a screen, nothing foreign does harm."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.engine.account import InputCounts, RequestCounts, ShardCounts
from orchestrator.engine.forecast import Estimate
from orchestrator.engine.model import Quota
from orchestrator.report.plan import Finding, Group, Groups, Plan, Times, document, write_document
from orchestrator.report.plan_text import describe_estimate, render_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING = Estimate(requests=0, low=0.0, high=0.0)
TIMES = Times(
    submit=Estimate(requests=41, low=2.0, high=300.0, bound="quota"),
    survey=Estimate(requests=3, low=0.2, high=0.2, bound="latency"),
    poll_round=Estimate(requests=4, low=0.3, high=0.3, bound="latency"),
    poll_pages=2,
    poll_looks=2,
    deadline=7200.0,
    requests_in_time=5000.0,
    quotas={"list": [Quota(policy="user", limit=100, seconds=60.0)]},
    ceiling=None,
    share=1,
)
PLAN = Plan(
    name="old",
    operation="stop",
    endpoint="https://dcs.example.com",
    project_id="p1",
    output="out",
    selection="",
    input=InputCounts(input=2_110, unique=2_100, duplicates=6, malformed=3, excluded=1),
    shard=None,
    record="none",
    groups=Groups(
        to_send=[Group("MIGRATING", 2_000, "incremental_migration", "auto"), Group("FULLMIGRATING", 50, "strange")],
        going=[Group("TERMINATING", 4)],
        already=[Group("TERMINATED", 20)],
        ended=[Group("SUCCESS", 3, "a"), Group("SUCCESS", 3, "b"), Group("FAILED", 1)],
        skipped=[Group("RUNNING", 9)],
        not_found=["n1", "n2", "n3"],
        unread={"u1": "HTTP 500"},
        over_before=6,
    ),
    times=TIMES,
    looked={"list": RequestCounts(ok=3, throttled=1)},
    findings=[Finding("plan.resume_auto", "some resume"), Finding("plan.max_tasks", "too many", blocks=True)],
)


def times(**changes: Any) -> Plan:
    return replace(PLAN, times=replace(TIMES, **changes))


class TestDocument:
    def test_has_the_documented_keys(self) -> None:
        found = document(PLAN)
        assert list(found) == [
            *("schema", "name", "operation", "service", "output", "record", "selection", "counts", "shard", "tasks"),
            *("requests", "deadline", "quota", "looked", "findings"),
        ]
        assert found["schema"] == "orchestrator.plan/1"
        assert found["tasks"]["to_send"]["tasks"] == 2_050
        assert found["tasks"]["to_send"]["groups"][1] == {
            "status": "FULLMIGRATING",
            "method": "strange",
            "resume_mode": None,
            "tasks": 50,
        }
        assert found["tasks"]["unread"] == {"tasks": 1, "ids": {"u1": "HTTP 500"}}
        assert found["requests"]["submit"] == {"requests": 41, "seconds": {"low": 2.0, "high": 300.0}, "bound": "quota"}
        assert found["quota"]["known"] == {"list": [{"limit": 100, "seconds": 60.0, "policy": "user"}]}
        assert found["findings"][1] == {"name": "plan.max_tasks", "blocks": True, "text": "too many"}

    @pytest.mark.parametrize(("deadline", "fits"), [(7200.0, "yes"), (299.0, "perhaps"), (1.0, "no")])
    def test_says_whether_the_deadline_can_be_met(self, deadline: float, fits: str) -> None:
        assert document(times(deadline=deadline))["deadline"]["fits"] == fits

    def test_says_nothing_where_there_is_nothing(self) -> None:
        found = document(replace(times(requests_in_time=None), groups=Groups()))
        assert found["deadline"]["requests_in_time"] is None
        assert found["tasks"]["unread"] == {"tasks": 0, "ids": {}}

    def test_names_the_shard(self) -> None:
        found = document(replace(PLAN, shard=ShardCounts(index=1, count=3, input=9)))
        assert found["shard"] == {"index": 1, "count": 3, "input": 9}

    def test_is_written_as_json(self) -> None:
        stream = io.StringIO()
        write_document(PLAN, stream)
        assert json.loads(stream.getvalue()) == document(PLAN)


class TestText:
    def test_is_a_table_that_fits_a_screen(self) -> None:
        text = render_plan(PLAN, colour=False)
        assert text.splitlines()[0] == "Plan: stop 2,050 of 2,100 tasks."
        for line in (
            "  input    2,100 tasks named (6 duplicate, 3 malformed, 1 excluded left out)",
            "  2,000  to stop               MIGRATING, incremental, resumes by itself",
            "     50  to stop               FULLMIGRATING, strange",
            "      7  ended                 SUCCESS 6, FAILED 1",
            "      3  not there             n1, n2 … and 1 more",
            "      1  could not be seen     u1",
            "      6  final in the record   not looked at again",
            "  41  stop     2.0 s to 5 min 00 s",
            "   4  polling  less than a second for each look at everything (2 list pages, 2 single looks)",
            "  ! too many",
            "  - some resume",
        ):
            assert line in text.splitlines()
        assert text.index("! too many") < text.index("- some resume")
        assert "known: list 100 in 60 s; quota of show, stop not known" in text
        assert max(map(len, text.splitlines())) <= 100
        assert text.endswith("\n")
        assert "\x1b" not in text

    def test_is_the_same_in_colour(self) -> None:
        coloured = render_plan(PLAN, colour=True)
        for code in ("\x1b[1m", "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"):
            coloured = coloured.replace(code, "")
        assert coloured == render_plan(PLAN, colour=False)

    @pytest.mark.parametrize(
        ("changes", "line"),
        [
            ({"record": "finished"}, "Plan: this run of 2,100 tasks is finished already"),
            ({"input": InputCounts(input=0, unique=0)}, "Plan: there is nothing to stop: no task is in this run."),
            ({"shard": ShardCounts(index=1, count=3, input=9)}, "Plan: stop 2,050 of 2,100 tasks (shard 1 of 3)."),
        ],
    )
    def test_begins_with_the_verdict(self, changes: Mapping[str, Any], line: str) -> None:
        assert render_plan(replace(PLAN, **changes), colour=False).startswith(line)

    def test_leaves_out_what_is_not_there(self) -> None:
        bare = replace(
            times(submit=NOTHING, survey=NOTHING, poll_round=NOTHING, poll_pages=0, poll_looks=0),
            groups=Groups(),
            findings=[],
        )
        assert render_plan(bare, colour=False).splitlines()[-1] == "  output   out"

    def test_says_where_nothing_is_asked(self) -> None:
        looked = times(submit=NOTHING, poll_round=NOTHING, poll_pages=0, poll_looks=0, quotas={})
        assert "No request is needed." in render_plan(looked, colour=False)

    def test_tells_the_users_own_ceiling(self) -> None:
        assert "your ceiling: 2.5 requests a second" in render_plan(times(ceiling=2.5), colour=False)

    def test_lets_no_foreign_text_do_harm(self) -> None:
        evil = replace(
            PLAN, groups=Groups(to_send=[Group("\x1b[2JGONE" + "x" * 999, 1)]), findings=[Finding("x", "\x07")]
        )
        text = render_plan(evil, colour=False)
        assert "\x1b" not in text
        assert "\x07" not in text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0.1, 0.2, "less than a second"), (30.0, 31.0, "about 31 s"), (1.0, 60.0, "1.0 s to 1 min 00 s")],
)
def test_an_estimate_is_a_range_only_where_that_matters(low: float, high: float, text: str) -> None:
    assert describe_estimate(Estimate(requests=1, low=low, high=high)) == text
