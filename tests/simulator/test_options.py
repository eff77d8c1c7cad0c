"""Options are read from plain data, and everything wrong with them is said at once."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.simulator.options import Churn, Faults, Outage, Quota, Secrets, SimulatorOptions, Spread


class TestFromMapping:
    def test_nothing_said_is_the_defaults(self) -> None:
        assert SimulatorOptions.from_mapping({}) == SimulatorOptions()

    def test_every_kind_of_part_is_read(self) -> None:
        found = SimulatorOptions.from_mapping(
            {
                "tasks": 3000.0,
                "stop_seconds": {"median": 2, "sigma": 0.1},
                "restart_seconds": 4,
                "shuffled": True,
                "churn": {"created": 2},
                "quotas": {"stop": {"limit": 20, "seconds": 5, "kind": "sliding"}, "all": {"limit": 1, "seconds": 1}},
                "faults": {"rate": 0.1, "kinds": ["hang"], "outages": [{"after": 1, "seconds": 2}], "script": ["none"]},
                "expire_after": None,
                "renewed": {"ak": "B"},
                "deny": ["list"],
                "project_id": "p",
            }
        )
        assert found == SimulatorOptions(
            tasks=3000,
            stop_seconds=Spread(median=2.0, sigma=0.1),
            restart_seconds=Spread(median=4.0),
            shuffled=True,
            churn=Churn(created=2.0),
            quotas={"stop": Quota(limit=20, seconds=5.0, kind="sliding"), "all": Quota(limit=1, seconds=1.0)},
            faults=Faults(rate=0.1, kinds=("hang",), outages=(Outage(after=1.0, seconds=2.0),), script=("none",)),
            renewed=Secrets(ak="B"),
            deny=("list",),
            project_id="p",
        )
        assert found.tasks == 3000
        assert isinstance(found.tasks, int)

    def test_all_problems_are_named_at_once_with_what_was_probably_meant(self) -> None:
        with pytest.raises(ValueError, match="simulator") as caught:
            SimulatorOptions.from_mapping(
                {
                    "task": 3,
                    "xyzzy": 1,
                    "seed": "one",
                    "shuffled": 1,
                    "order": "newst",
                    "churn": [],
                    "deny": "list",
                    "states": ["MIGRATING"],
                    "quotas": {"stop": {"limit": 1.5}},
                    "stop_seconds": float("nan"),
                    "password": None,
                    "faults": {"kinds": ["hangs", "x" * 60], "script": ["reset"]},
                }
            )
        text = str(caught.value)
        for part in (
            "task: no such option; did you mean tasks?",
            "xyzzy: no such option; there are tasks, strangers,",
            "seed: expected a whole number, got 'one'",
            "shuffled: expected true or false, got 1",
            "order: expected one of oldest, newest; got 'newst'; did you mean newest?",
            "churn: expected a mapping, got []",
            "deny: expected a list, got 'list'",
            "states: expected a mapping, got ['MIGRATING']",
            "quotas.stop.limit: expected a whole number, got 1.5",
            "quotas.stop.seconds: is missing",
            "stop_seconds: expected a mapping, got nan",
            "password: expected a text, got None",
            "faults.kinds[0]: expected one of error_401,",
            "did you mean hang?",
            "faults.script[0]: expected one of",
        ):
            assert part in text
        assert "x" * 60 not in text

    def test_the_options_themselves_must_be_a_mapping(self) -> None:
        with pytest.raises(ValueError, match="the options: expected a mapping, got 7"):
            SimulatorOptions.from_mapping(7)  # type: ignore[arg-type]  # what a careless caller might hand over

    def test_ranges_are_checked_too(self) -> None:
        with pytest.raises(ValueError, match="simulator: unknown: 2 is not between 0 and 1"):
            SimulatorOptions.from_mapping({"unknown": 2})


class TestRanges:
    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"tasks": -1}, "tasks: -1 is not between 0"),
            ({"batch_limit": 0}, "batch_limit: 0 is not between 1"),
            ({"refuse_once": 1.5}, "refuse_once: 1.5"),
            ({"stop_delay": -1}, "stop_delay: -1"),
            ({"clock_skew": float("inf")}, "clock_skew: inf"),
            ({"expire_after": -1}, "expire_after: -1"),
            ({"states": {}}, "states: at least one state needs a weight above 0"),
            ({"states": {"MIGRATING": 0}}, "states: at least one state needs a weight above 0"),
            ({"states": {"MIGRATING": -1}}, "states.MIGRATING: -1"),
            ({"states": {"Migrating": 1}}, "'Migrating' is no status"),
            ({"states": {"A" + "ABCDEFGHIJ"[n % 10] + "ABCDEFGHIJK"[n // 10]: 1 for n in range(101)}}, "at most 100"),
            ({"quotas": {"stops": Quota(limit=1, seconds=1)}}, "quotas: 'stops' is no API"),
            ({"quotas": {"stop": Quota(limit=0, seconds=0)}}, "quotas.stop.limit: 0"),
            ({"faults": Faults(rate=2)}, "faults.rate: 2"),
            ({"faults": Faults(rate=1, kinds=())}, "faults.kinds: at least one"),
            ({"faults": Faults(outages=(Outage(after=-1, seconds=1),))}, "faults.outages[0].after: -1"),
            ({"churn": Churn(created=-1)}, "churn.created: -1"),
            ({"stop_seconds": Spread(median=-1)}, "stop_seconds.median: -1"),
        ],
    )
    def test_numbers_out_of_range_are_refused(self, changes: dict[str, Any], text: str) -> None:
        with pytest.raises(ValueError, match="simulator") as caught:
            replace(SimulatorOptions(), **changes)
        assert text in str(caught.value)


def test_secrets_are_not_shown() -> None:
    options = SimulatorOptions(
        secrets=Secrets(sk="hidden-1", security_token="hidden-2", token="hidden-3"),
        renewed=Secrets(sk="hidden-4"),
        password="hidden-5",
    )
    assert "hidden" not in repr(options)
