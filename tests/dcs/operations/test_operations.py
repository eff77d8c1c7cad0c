"""Tests of dcs/operations: three verbs of one shape."""

from __future__ import annotations

import pytest

from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.operations.delete import DeleteMigrationTasks
from orchestrator.dcs.operations.restart import RestartMigrationTasks
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine.model import Outcome, Phase
from orchestrator.engine.operation import BulkOperation
from tests.dcs.fakes import PROJECT, FakeTransport, answer

OK = answer({"migration_tasks": [{"task_id": "a", "result": "success"}]})


def client_of(transport: FakeTransport) -> DcsClient:
    return DcsClient(project_id=PROJECT, endpoint="http://127.0.0.1:1", transport=transport)


def all_of(client: DcsClient) -> list[BulkOperation]:
    return [StopMigrationTasks(client), RestartMigrationTasks(client), DeleteMigrationTasks(client)]


def test_all_are_bulk_operations_of_the_client_s_pacing() -> None:
    client = client_of(FakeTransport())
    for operation in all_of(client):
        assert isinstance(operation, BulkOperation)
        assert operation.pacing is client.pacing
        assert (operation.max_batch, operation.max_page) == (50, 1000)


async def test_each_submits_its_own_verb() -> None:
    transport = FakeTransport([OK, OK, answer({"task_id_list": ["a"]})])
    for operation in all_of(client_of(transport)):
        assert (await operation.submit(["a"])).accepted == ["a"]
        assert transport.requests[-1].api == operation.name
    assert [request.api for request in transport.requests] == ["stop", "restart", "delete"]


async def test_all_look_alike() -> None:
    transport = FakeTransport([answer({"migration_tasks": []}), answer({"status": "MIGRATING"})] * 3)
    for operation in all_of(client_of(transport)):
        assert (await operation.page(1000, 500)).ids == []
        assert transport.requests[-1].query == (("offset", "1000"), ("limit", "500"))
        assert (await operation.look("a")).status == "MIGRATING"


def test_outcomes_have_the_words_of_the_contract() -> None:
    stop, restart, delete = all_of(client_of(FakeTransport()))
    assert stop.labels == {Outcome.DONE: "stopped", Outcome.ALREADY: "already_stopped"}
    assert restart.labels == {Outcome.DONE: "restarted", Outcome.ALREADY: "already_running"}
    assert delete.labels[Outcome.DONE] == "deleted"


def test_what_needs_nobody_s_attention() -> None:
    stop, restart, delete = all_of(client_of(FakeTransport()))
    assert stop.over == restart.over == {Outcome.DONE, Outcome.ALREADY, Outcome.ENDED}
    assert Outcome.NOT_FOUND in delete.over
    assert [op.gone_is_goal for op in (stop, restart, delete)] == [False, False, True]


@pytest.mark.parametrize(
    ("status", "phases"),
    [
        ("MIGRATING", [Phase.ACTIONABLE, Phase.GOING, Phase.ALIEN]),
        ("TERMINATED", [Phase.GOAL, Phase.ACTIONABLE, Phase.ACTIONABLE]),
        ("INCRMIGRATING", [Phase.ACTIONABLE, Phase.GOAL, Phase.ALIEN]),
        ("nonsense", [Phase.ALIEN] * 3),
    ],
)
def test_a_status_means_something_else_to_each(status: str, phases: list[Phase]) -> None:
    assert [operation.phase(status) for operation in all_of(client_of(FakeTransport()))] == phases


def test_stop_states_can_be_chosen() -> None:
    stop = StopMigrationTasks(client_of(FakeTransport()), stop_states=["RUNNING"])
    assert (stop.phase("RUNNING"), stop.phase("MIGRATING")) == (Phase.ACTIONABLE, Phase.ALIEN)
