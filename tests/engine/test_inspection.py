"""Promises of the read-only visits: they see what a run would see, send nothing, and end when nobody answers."""

from __future__ import annotations

import pytest

from orchestrator.engine.inspection import Inspection
from orchestrator.engine.model import Phase
from orchestrator.engine.source import collect
from orchestrator.errors import RunRefusedError, UnreachableError
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import FORBIDDEN, LOST, NEVER, UNREACHED, options, running

FEW = {"retry": {"attempts": 2, "base_backoff": 0.1}}


def mixed() -> dict[str, FakeTask]:
    return {
        **running(40),
        "done": FakeTask(status="STOPPED"),
        "over": FakeTask(status="FINISHED"),
        "odd": FakeTask(status="ODD"),
        "hidden": FakeTask(listed=False),
    }


async def inspect(operation: FakeOperation, *ids: str, **plain: object) -> Inspection:
    inspection = Inspection(operation, collect(ids or operation.tasks), **plain)  # type: ignore[arg-type]
    await inspection.run()
    return inspection


class TestInspection:
    async def test_sees_everybody_and_sends_nothing(self) -> None:
        operation = FakeOperation(mixed())
        found = await inspect(operation, *operation.tasks, "nobody")
        phases = [found.sight(item).phase for item in range(44)]
        assert phases == [Phase.ACTIONABLE] * 40 + [Phase.GOAL, Phase.ENDED, Phase.ALIEN, Phase.ACTIONABLE]
        gone = found.sight(44)
        assert (gone.is_gone, gone.phase, gone.failure is not None) == (True, None, True)
        assert operation.calls("stop") == []
        assert {api: counts.sent for api, counts in found.requests.items()} == {"list": 1, "show": 2}
        assert found.sight(43).is_fine
        assert not found.sight(0).is_fine
        assert found.latency.mean == pytest.approx(0.05)

    async def test_ends_no_sooner_because_many_are_not_there(self) -> None:
        operation = FakeOperation(running(2))
        found = await inspect(operation, *[f"x{number}" for number in range(200)])
        assert all(found.sight(item).is_gone for item in range(200))

    async def test_knows_what_a_look_at_everything_costs(self) -> None:
        operation = FakeOperation(running(250), page_limit=100)
        found = await inspect(operation)
        assert found.round_cost(range(250)) == (3, 0)
        assert found.round_cost([7]) == (0, 1)

    async def test_looks_singly_where_it_may_not_list(self) -> None:
        operation = FakeOperation(running(20))
        operation.faults["list"] = [FORBIDDEN]
        found = await inspect(operation)
        assert (found.listed, found.refused) == (False, FORBIDDEN)
        assert found.round_cost(range(20)) == (0, 20)

    async def test_keeps_apart_what_could_not_be_seen(self) -> None:
        operation = FakeOperation({"t0": FakeTask()})
        operation.faults["show"] = [NEVER]
        found = await inspect(operation)
        sight = found.sight(0)
        assert (sight.phase, sight.is_gone, sight.failure) == (None, False, NEVER)

    async def test_is_refused_where_nobody_may_look(self) -> None:
        operation = FakeOperation(running(3))
        operation.faults = {"list": [FORBIDDEN], "show": [FORBIDDEN]}
        with pytest.raises(RunRefusedError):
            await inspect(operation)

    async def test_gives_up_when_nobody_answers(self) -> None:
        operation = FakeOperation(running(3))
        operation.faults = {"list": [UNREACHED] * 999, "show": [LOST] * 999}
        with pytest.raises(UnreachableError, match="no good answer from the service for 20s"):
            await inspect(operation, options=options(retry={"attempts": 99}, give_up_after=20.0))

    async def test_looks_again_whatever_was_seen(self) -> None:
        operation = FakeOperation(running(9))
        found = await inspect(operation)
        operation.tasks["t3"].status = "STOPPED"
        del operation.tasks["t4"]
        again = await found.look_again([3, 4])
        assert (again[3].phase, again[4].is_gone) == (Phase.GOAL, True)
        assert found.requests["show"].sent == 2
