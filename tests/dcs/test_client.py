"""Tests of dcs/client.py: each method is one request and one answer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import aiohttp
import anyio
import pytest
from aioresponses import aioresponses

from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.credentials import Credentials
from orchestrator.engine.model import Verdict
from orchestrator.engine.options import PaceOptions
from orchestrator.engine.pacing import Pacing
from orchestrator.errors import CredentialsError, InputError, ServiceError
from tests.dcs.fakes import AK, AT, PROJECT, SK, FakeTransport, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = Credentials(ak=AK, sk=SK)
ENDPOINT = "https://dcs.cn-north-4.myhuaweicloud.com"


class _ClientResponse(aiohttp.ClientResponse):
    """What `aioresponses` makes: it does not know of `stream_writer`, which newer versions of aiohttp want."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs["stream_writer"] = Mock(output_size=0)
        super().__init__(*args, **kwargs)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """The service, as seen by aiohttp."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", _ClientResponse)
    with aioresponses() as mocked:
        yield mocked


def fake_client(transport: FakeTransport) -> DcsClient:
    return DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY, transport=transport, now=lambda: AT)


class TestOverHttp:
    """Over aiohttp, with the answers of the vendor's page."""

    async def test_batch_stop(self, service: aioresponses) -> None:
        url = f"{ENDPOINT}/v2/{PROJECT}/migration-task/batch-stop"
        rows = [{"result": "success", "task_id": "a"}, {"result": "failed", "task_id": "b"}]
        service.post(url, payload={"migration_tasks": rows}, headers={"X-Request-Id": "r1"})
        async with DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY, now=lambda: AT) as client:
            ack = await client.batch_stop(["a", "b"])
        assert (ack.accepted, list(ack.refused), ack.request_id) == (["a"], ["b"], "r1")
        ((_, calls),) = service.requests.items()
        assert calls[0].kwargs["data"] == b'{"migration_tasks":["a","b"]}'
        assert calls[0].kwargs["headers"]["X-Sdk-Date"] == "20260102T030405Z"
        assert calls[0].kwargs["allow_redirects"] is False

    async def test_list(self, service: aioresponses) -> None:
        url = f"{ENDPOINT}/v2/{PROJECT}/migration-tasks?limit=1000&offset=3"
        service.get(url, payload={"count": 1, "migration_tasks": [{"task_id": "a", "status": "MIGRATING"}]})
        async with DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY) as client:
            assert (await client.list(offset=3)).ids == ["a"]

    async def test_show_of_nobody(self, service: aioresponses) -> None:
        url = f"{ENDPOINT}/v2/{PROJECT}/migration-task/a"
        service.get(url, status=400, payload={"error_code": "DCS.4133", "error_msg": "Instance job is not found."})
        async with DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY) as client:
            with pytest.raises(ServiceError) as caught:
                await client.show("a")
        assert caught.value.failure.verdict is Verdict.GONE

    async def test_a_broken_connection(self, service: aioresponses) -> None:
        url = f"{ENDPOINT}/v2/{PROJECT}/migration-tasks/delete"
        service.delete(url, exception=aiohttp.ServerDisconnectedError())
        async with DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY) as client:
            with pytest.raises(ServiceError) as caught:
                await client.delete(["a"])
        assert caught.value.failure.verdict is Verdict.LOST


class TestMethods:
    """One request each, to the right place."""

    async def test_each_sends_once(self) -> None:
        results = answer({"migration_tasks": [{"task_id": "a", "result": "success"}]})
        page, task = answer({"migration_tasks": []}), answer({"status": "MIGRATING"})
        transport = FakeTransport([results, results, answer({"task_id_list": ["a"]}), page, task])
        client = fake_client(transport)
        assert (await client.batch_stop(["a"])).accepted == ["a"]
        assert (await client.batch_restart(["a"])).accepted == ["a"]
        assert (await client.delete(["a"])).accepted == ["a"]
        assert (await client.list()).ids == []
        assert (await client.show("a")).status == "MIGRATING"
        assert transport.urls == [
            f"{ENDPOINT}/v2/{PROJECT}/migration-task/batch-stop",
            f"{ENDPOINT}/v2/{PROJECT}/migration-tasks/batch-restart",
            f"{ENDPOINT}/v2/{PROJECT}/migration-tasks/delete",
            f"{ENDPOINT}/v2/{PROJECT}/migration-tasks?limit=1000&offset=0",
            f"{ENDPOINT}/v2/{PROJECT}/migration-task/a",
        ]

    async def test_nothing_is_sent_for_too_many(self) -> None:
        transport = FakeTransport()
        with pytest.raises(InputError, match="1 to 50"):
            await fake_client(transport).batch_stop(["a"] * 51)
        assert transport.requests == []

    async def test_a_refusal_is_not_tried_again(self) -> None:
        transport = FakeTransport([answer({"error_code": "APIG.0308", "error_msg": "slow"}, status=429)])
        with pytest.raises(ServiceError) as caught:
            await fake_client(transport).list()
        assert caught.value.failure.verdict is Verdict.THROTTLED
        assert len(transport.requests) == 1

    async def test_after_a_refused_signature_the_service_s_clock_counts(self) -> None:
        refusal = answer(
            {"error_code": "APIGW.0301", "error_msg": "signature expired"},
            status=401,
            headers={"Date": "Fri, 02 Jan 2026 05:04:05 GMT"},
        )
        transport = FakeTransport([refusal, answer({"migration_tasks": []})])
        client = fake_client(transport)
        with pytest.raises(ServiceError, match="clock"):
            await client.list()
        await client.list()
        assert [r.headers["X-Sdk-Date"] for r in transport.requests] == ["20260102T030405Z", "20260102T050405Z"]

    async def test_missing_credentials_are_said_before_anything_is_sent(self) -> None:
        class Nobody:
            async def fetch(self) -> Credentials:
                raise CredentialsError("none anywhere")

        transport = FakeTransport()
        client = DcsClient(project_id=PROJECT, region="cn-north-4", credentials=Nobody(), transport=transport)
        with pytest.raises(CredentialsError, match="none anywhere"):
            await client.list()
        assert transport.requests == []


class TestMaking:
    """What a client can be made of."""

    def test_unsigned_goes_to_loopback_only(self) -> None:
        with pytest.raises(InputError, match="give credentials"):
            DcsClient(project_id=PROJECT, region="cn-north-4")
        client = DcsClient(project_id=PROJECT, endpoint="http://127.0.0.1:8080")
        assert client.endpoint == "http://127.0.0.1:8080"

    @pytest.mark.parametrize("project", ["", "a/b", "a b", "x" * 65, "${PROJECT}"])
    def test_a_project_id_that_is_none_is_refused(self, project: str) -> None:
        with pytest.raises(InputError, match="project ID"):
            DcsClient(project_id=project, region="cn-north-4", credentials=KEY)

    def test_brings_its_own_pacing(self) -> None:
        client = DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY, pace=PaceOptions(learn=False))
        assert isinstance(client.pacing, Pacing)

    async def test_closes_its_transport_even_when_cancelled(self) -> None:
        transport = FakeTransport()
        with anyio.CancelScope() as scope:
            async with fake_client(transport) as client:
                assert repr(client) == f"<DcsClient {ENDPOINT}, project {PROJECT}>"
                scope.cancel()
                await anyio.sleep(1)
        assert transport.closed
