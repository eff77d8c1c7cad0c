"""Weather: quotas that nobody tells of, and faults of every kind; the account is right all the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.stories.referee import Leeway, judge
from tests.stories.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path

STORM: dict[str, Any] = {
    "rate": 0.15,
    "seconds": 0.4,
    "kinds": [
        *("error_500", "error_502_html", "error_503_retry_after", "timeout_504", "reset_before", "reset_after"),
        *("truncated", "empty", "slow", "not_json", "wrong_types"),
    ],
}


@pytest.mark.parametrize(("kind", "wording"), [("fixed", "gateway"), ("sliding", "iam"), ("bucket", "gateway")])
async def test_a_quota_is_learned_from_one_refusal(tmp_path: Path, kind: str, wording: str) -> None:
    """Whatever the window is like, at most two answers of an API are throttled, and no task fails for it."""
    quotas = {
        "stop": {"limit": 4, "seconds": 1, "kind": kind, "wording": wording, "phase": 0.3},
        "list": {"limit": 5, "seconds": 1, "kind": kind, "wording": wording},
    }
    async with Stage.opened(tmp_path, 500, quotas=quotas, seed=11) as stage:
        ran = await stage.run()
        assert ran.code == 0
        account = judge(stage, ran)
        assert account.counted == {"stopped": 500}
        throttled = Counter(arrival.api for arrival in stage.arrivals() if arrival.throttled)
        assert throttled["stop"] in {1, 2}
        assert throttled["list"] <= 2
        assert account.summary["quota"]["stop"] == {"limit": 4, "seconds": 1, "learned": True}
        assert "quota learned" in ran.out


async def test_a_quota_without_numbers_is_felt_out(tmp_path: Path) -> None:
    """A refusal that names no window only slows the run down."""
    quotas = {"stop": {"limit": 3, "seconds": 1, "wording": "bare"}}
    async with Stage.opened(tmp_path, 200, quotas=quotas, seed=12) as stage:
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 200}


async def test_a_quota_shared_with_strangers(tmp_path: Path) -> None:
    """Somebody else uses the same quota: the run takes what is left and ends well."""
    quotas = {"stop": {"limit": 6, "seconds": 0.6, "strangers": 3, "kind": "sliding", "retry_after": True}}
    async with Stage.opened(tmp_path, 300, quotas=quotas, seed=13) as stage:
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 300}


@pytest.mark.parametrize("seed", [21, 22])
async def test_a_storm_of_faults_costs_time_and_nothing_else(tmp_path: Path, seed: int) -> None:
    """Every sixth request meets a fault, before or after its effect: each task is stopped once and known."""
    async with Stage.opened(tmp_path, 400, faults=STORM, seed=seed, strangers=100) as stage:
        stage.set(service={"read_timeout": "2s"}, submit={"batch_size": 20}, limits={"deadline": "25s"})
        ran = await stage.run()
        assert ran.code == 0, stage.account().counted
        assert judge(stage, ran).counted == {"stopped": 400}
        assert sum(arrival.fault is not None for arrival in stage.arrivals()) >= 3
        assert not [item for item in stage.ids if len(stage.books.stop_times(item)) > 1]


async def test_an_answer_that_comes_later_than_what_it_tells_of(tmp_path: Path) -> None:
    """The list shows tasks TERMINATED while the answer to their stop is still on its way: they are stopped, at once."""
    faults = {"apis": ["stop"], "script": ["none", "slow"], "seconds": 1.5}
    async with Stage.opened(tmp_path, 100, faults=faults, stop_seconds=0.3) as stage:
        stage.set(limits={"deadline": "8s"})
        ran = await stage.run()
        assert ran.code == 0, stage.account().counted
        assert judge(stage, ran).counted == {"stopped": 100}


@pytest.mark.parametrize("kind", ["error_401", "huge", "hang", "reset_after", "truncated", "wrong_types", "empty"])
async def test_one_fault_at_the_worst_moment(tmp_path: Path, kind: str) -> None:
    """The first list, the first stop and a later look each meet one fault; nothing is stopped twice."""
    faults = {
        "script": [kind, "none", kind, "none", "none", kind] if kind != "error_401" else ["none", "none", kind],
        "huge_bytes": 70_000_000,
    }
    async with Stage.opened(tmp_path, 120, faults=faults, seed=23) as stage:
        stage.set(service={"read_timeout": "600ms"})
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 120}
        assert not [item for item in stage.ids if len(stage.books.stop_times(item)) > 1]


async def test_a_service_that_goes_away_for_a_while(tmp_path: Path) -> None:
    """An outage shorter than `give_up_after` is waited out."""
    outage = {"after": 0.2, "seconds": 1.5, "kind": "error_502_html"}
    async with Stage.opened(tmp_path, 120, faults={"outages": [outage]}, seed=24) as stage:
        stage.set(limits={"give_up_after": "20s"})
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 120}


async def test_the_ceiling_of_the_user_is_kept(tmp_path: Path) -> None:
    """`pace.requests_per_second` bounds all requests together."""
    async with Stage.opened(tmp_path, 500, seed=25) as stage:
        stage.set(pace={"requests_per_second": 8, "burst": 2})
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran, Leeway()).counted == {"stopped": 500}
        times = [arrival.time for arrival in stage.arrivals()]
        # Eight a second, two at once, and one more for a clock that does not agree to the millisecond.
        assert all(len([t for t in times if start <= t < start + 1]) <= 8 + 2 + 1 for start in times)
