"""Promises of dcs/inspecting.py: it looks, it remembers kinds, and it cannot send."""

from __future__ import annotations

import json

import pytest

from orchestrator.dcs import inspecting
from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.details import FULL
from orchestrator.dcs.inspecting import Inspecting, Kind
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.dcs.wire import Request, Response
from orchestrator.engine.ids import PackedIds
from orchestrator.engine.model import Phase


class Answers:
    """A transport that answers every request with the same body."""

    def __init__(self, body: object) -> None:
        self.body = json.dumps(body).encode()

    async def send(self, request: Request, *, url: str) -> Response:  # noqa: ARG002 - whatever is asked
        return Response(status=200, body=self.body)

    async def aclose(self) -> None:
        pass


def looking(body: object, *ids: str) -> Inspecting:
    client = DcsClient(project_id="p", endpoint="http://127.0.0.1", transport=Answers(body))
    return Inspecting(StopMigrationTasks(client), client, PackedIds(ids))


async def test_can_send_nothing() -> None:
    with pytest.raises(RuntimeError, match="sends nothing"):
        await looking({}).submit(["t"])


async def test_remembers_the_kind_of_each_task_of_the_job() -> None:
    rows = [
        {"task_id": "a", "status": "MIGRATING", "migration_method": FULL, "resume_mode": "auto"},
        {"task_id": "stranger", "status": "MIGRATING", "migration_method": "other"},
        {"task_id": "b", "status": "MIGRATING"},
    ]
    found = looking({"count": 3, "migration_tasks": rows}, "a", "b")
    page = await found.page(0, 10)
    assert page.ids == ["a", "stranger", "b"]
    assert [found.kind_of(0), found.kind_of(1)] == [Kind(FULL, "auto"), Kind()]
    assert len(found.kinds) == 2


async def test_remembers_the_kind_of_a_single_look() -> None:
    found = looking({"task_id": "a", "status": "MIGRATING", "migration_method": FULL}, "a")
    assert (await found.look("a")).status == "MIGRATING"
    assert found.kind_of(0) == Kind(FULL, "")


async def test_tells_no_more_kinds_apart_than_fit_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspecting, "MOST_KINDS", 1)
    rows = [{"task_id": f"t{n}", "status": "X", "migration_method": f"m{n}"} for n in range(3)]
    found = looking({"migration_tasks": rows}, "t0", "t1", "t2")
    await found.page(0, 10)
    assert [found.kind_of(item).method for item in range(3)] == ["m0", "", ""]


def test_is_the_operation_in_all_else() -> None:
    found = looking({})
    plain = found._operation
    assert (found.name, found.labels, found.over) == (plain.name, plain.labels, plain.over)
    assert (found.max_batch, found.max_page, found.gone_is_goal) == (50, 1000, False)
    assert found.pacing is plain.pacing
    assert found.phase("TERMINATED") is Phase.GOAL
