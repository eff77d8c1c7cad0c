"""The vendor's own SDK as the judge: what it does not like about the simulator is wrong."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.simulator.options import Secrets, SimulatorOptions
from orchestrator.simulator.server import SimulatorServer
from tests.simulator.asking import PROJECT, going

SECRETS = Secrets(ak="AKIDEXAMPLE0000000000", sk="SKEXAMPLE000000000000000000000000000000")


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's module; it writes an id into the home directory when it is imported, so it gets one of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from huaweicloudsdkdcs import v2
    return v2


@pytest.fixture
async def server() -> AsyncIterator[SimulatorServer]:
    async with SimulatorServer(_options()) as running:
        yield running


def _options(**more: Any) -> SimulatorOptions:
    secrets = {"ak": SECRETS.ak, "sk": SECRETS.sk}
    return going(auth="signature", secrets=secrets, project_id=PROJECT, **more)


def _client(sdk: Any, server: SimulatorServer, sk: str = SECRETS.sk) -> Any:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials

    credentials = BasicCredentials(SECRETS.ak, sk, PROJECT)
    return sdk.DcsClient.new_builder().with_credentials(credentials).with_endpoints([server.url]).build()


async def _refused(call: Any, request: Any) -> Any:
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

    with pytest.raises(ClientRequestException) as caught:
        await asyncio.to_thread(call, request)
    return caught.value


async def test_lists_shows_and_stops_in_batches(sdk: Any, server: SimulatorServer) -> None:
    client, ids = _client(sdk, server), list(server.service.ids)
    listed = await asyncio.to_thread(client.list_migration_task, sdk.ListMigrationTaskRequest(offset=5, limit=3))
    assert (listed.count, len(listed.migration_tasks)) == (20, 3)
    row = listed.migration_tasks[0]
    assert row.task_id in ids
    assert row.status == "MIGRATING"
    missing = [name for name in row.openapi_types if name != "error_message" and getattr(row, name) is None]
    assert missing == ["released_at"]

    body = sdk.BatchStopMigrationTasksBody(migration_tasks=ids[:2])
    request = sdk.BatchStopMigrationTasksRequest(body=body)
    stopped = await asyncio.to_thread(client.batch_stop_migration_tasks, request)
    assert {(r.task_id, r.result) for r in stopped.migration_tasks} == {(i, "success") for i in ids[:2]}

    shown = await asyncio.to_thread(client.show_migration_task, sdk.ShowMigrationTaskRequest(task_id=ids[0]))
    assert shown.status == "TERMINATING"
    assert shown.source_instance.password


async def test_stops_singly_synchronously_and_reads_stats(sdk: Any) -> None:
    async with SimulatorServer(_options(stop_seconds=0.01)) as server:
        client, ids = _client(sdk, server), server.service.ids
        single = await asyncio.to_thread(client.stop_migration_task, sdk.StopMigrationTaskRequest(task_id=ids[0]))
        assert single.task_id == ids[0]
        request = sdk.StopMigrationTaskSyncRequest(task_id=ids[1])
        await asyncio.to_thread(client.stop_migration_task_sync, request)
        shown = await asyncio.to_thread(client.show_migration_task, sdk.ShowMigrationTaskRequest(task_id=ids[1]))
        assert shown.status == "TERMINATED"
        stats = await asyncio.to_thread(
            client.show_migration_task_stats, sdk.ShowMigrationTaskStatsRequest(task_id=ids[1])
        )
        assert stats.is_migrating is False


async def test_restarts_in_batches_and_deletes(sdk: Any) -> None:
    async with SimulatorServer(_options(states={"TERMINATED": 1}, delete_seconds=0)) as server:
        client, ids = _client(sdk, server), list(server.service.ids)
        body = sdk.BatchRestartOnlineMigrationTasksBody(migration_tasks=ids[:2])
        request = sdk.BatchRestartOnlineMigrationTasksRequest(body=body)
        restarted = await asyncio.to_thread(client.batch_restart_online_migration_tasks, request)
        assert [r.result for r in restarted.migration_tasks] == ["success", "success"]
        delete = sdk.DeleteMigrationTaskRequest(body=sdk.DeleteMigrateTaskRequest(task_id_list=ids[2:4]))
        deleted = await asyncio.to_thread(client.delete_migration_task, delete)
        assert deleted.task_id_list == ids[2:4]


async def test_reads_the_errors_of_the_service(sdk: Any, server: SimulatorServer) -> None:
    client = _client(sdk, server)
    request = sdk.BatchStopMigrationTasksRequest(body=sdk.BatchStopMigrationTasksBody(migration_tasks=["nobody"]))
    error = await _refused(client.batch_stop_migration_tasks, request)
    assert (error.status_code, error.error_code) == (400, "DCS.4855")
    assert error.error_msg == "invalid migration task id in the request."
    assert len(error.request_id) == 32
    error = await _refused(client.show_migration_task, sdk.ShowMigrationTaskRequest(task_id="nobody"))
    assert (error.status_code, error.error_code) == (400, "DCS.4133")


async def test_reads_the_quota_out_of_a_refusal(sdk: Any) -> None:
    async with SimulatorServer(_options(quotas={"stop": {"limit": 1, "seconds": 300}})) as server:
        client, ids = _client(sdk, server), list(server.service.ids)
        body = sdk.BatchStopMigrationTasksBody(migration_tasks=ids[:1])
        request = sdk.BatchStopMigrationTasksRequest(body=body)
        await asyncio.to_thread(client.batch_stop_migration_tasks, request)
        error = await _refused(client.batch_stop_migration_tasks, request)
    assert (error.status_code, error.error_code) == (429, "APIGW.0308")
    assert error.error_msg == (
        "The throttling threshold has been reached: policy user over ratelimit,limit:1,time:5 minute"
    )


async def test_signatures_of_a_wrong_key_are_refused(sdk: Any, server: SimulatorServer) -> None:
    client = _client(sdk, server, sk="not the key")
    error = await _refused(client.list_migration_task, sdk.ListMigrationTaskRequest(name="a b/ü~"))
    assert (error.status_code, error.error_code) == (401, "APIGW.0301")


async def test_signatures_over_awkward_queries_are_accepted(sdk: Any, server: SimulatorServer) -> None:
    client = _client(sdk, server)
    request = sdk.ListMigrationTaskRequest(name="a b/ü~")
    assert (await asyncio.to_thread(client.list_migration_task, request)).migration_tasks == []


async def test_temporary_credentials_are_accepted(sdk: Any) -> None:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials

    secrets = {"ak": SECRETS.ak, "sk": SECRETS.sk, "security_token": "tok+/=="}
    async with SimulatorServer(going(auth="signature", secrets=secrets)) as server:
        credentials = BasicCredentials(SECRETS.ak, SECRETS.sk, PROJECT).with_security_token("tok+/==")
        builder = sdk.DcsClient.new_builder().with_credentials(credentials).with_endpoints([server.url])
        listed = await asyncio.to_thread(builder.build().list_migration_task, sdk.ListMigrationTaskRequest())
        assert listed.count == 20
