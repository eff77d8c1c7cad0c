"""The bounds are arithmetic that a person can check."""

from __future__ import annotations

import pytest

from orchestrator.simulator.options import SimulatorOptions
from tests.benchmarks.cases import CASES, Case, Window


@pytest.mark.parametrize(
    ("window", "requests", "seconds"),
    [
        (Window(limit=10, seconds=1, kind="bucket"), 10, 0.0),
        (Window(limit=10, seconds=1, kind="bucket"), 200, 19.0),
        (Window(limit=20, seconds=5, kind="sliding"), 20, 0.0),
        (Window(limit=20, seconds=5, kind="sliding"), 21, 5.0),
        (Window(limit=20, seconds=5, kind="sliding"), 120, 25.0),
    ],
)
def test_the_least_time_is_what_the_quota_permits(window: Window, requests: int, seconds: float) -> None:
    assert window.least_seconds(requests) == pytest.approx(seconds)


def test_the_fewest_requests_look_by_list_where_pages_are_fewer_than_tasks() -> None:
    assert CASES["sparse"].least_requests() == {"stop": 40, "list": 100, "show": 0}
    few = Case(name="few", title="", tasks=30, listed=5000)
    assert few.least_requests() == {"stop": 1, "list": 0, "show": 30}


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_case_is_a_service_that_the_simulator_can_be(case: Case) -> None:
    options = SimulatorOptions.from_mapping(case.simulator())
    assert options.tasks + options.strangers == case.in_list


def test_single_looks_take_as_long_as_the_slower_of_peer_and_quota() -> None:
    assert CASES["free"].seconds_by_looks(500) == pytest.approx(26)
    assert CASES["buckets"].seconds_by_looks(500) == pytest.approx(260 + 19)
