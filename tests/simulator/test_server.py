"""The service on a real socket: delays pass, broken answers break, and it goes away quickly."""

import asyncio
import contextlib
import gc
import socket
import time
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from orchestrator.simulator.server import SimulatorServer, serve
from tests.simulator.asking import BASE, going

LIST = f"{BASE}/migration-tasks"


async def _get(server: SimulatorServer, session: aiohttp.ClientSession, path: str = LIST) -> dict[str, Any]:
    async with session.get(server.url + path) as response:
        found: dict[str, Any] = await response.json()
        return found


class TestServing:
    async def test_answers_like_the_core(self) -> None:
        async with SimulatorServer(going()) as server, aiohttp.ClientSession() as session:
            async with session.get(f"{server.url}{LIST}?limit=3&offset=1") as response:
                assert len((await response.json())["migration_tasks"]) == 3
                assert response.headers["X-Request-Id"]
                assert len(response.headers.getall("Date")) == 1
            body = {"migration_tasks": server.service.ids[:2]}
            async with session.post(f"{server.url}{BASE}/migration-task/batch-stop", json=body) as response:
                assert response.status == 200
            assert server.service.books.stop_times(server.service.ids[0])

    async def test_serves_the_ids_that_it_is_given(self) -> None:
        async with SimulatorServer(going(), ["one", "two"]) as server, aiohttp.ClientSession() as session:
            assert (await _get(server, session))["count"] == 2

    async def test_latency_passes_and_concurrency_is_measured(self) -> None:
        async with SimulatorServer(going(latency=0.05)) as server, aiohttp.ClientSession() as session:
            started = time.monotonic()
            await asyncio.gather(*(_get(server, session) for _ in range(4)))
            assert time.monotonic() - started >= 0.05
            assert (server.most_in_flight, server.in_flight) == (4, 0)

    async def test_a_path_keeps_its_quoting_until_the_core(self) -> None:
        async with SimulatorServer(going()) as server, aiohttp.ClientSession() as session:
            found = await _get(server, session, f"{BASE}/migration-task/a%2Fb")
            assert found["error_code"] == "DCS.4133"
            assert server.service.books.arrivals[0].ids == ("a/b",)


class TestAccidents:
    @pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
    async def test_a_reset_breaks_the_connection(self, kind: str) -> None:
        async with SimulatorServer(_faulty(kind)) as server, aiohttp.ClientSession() as session:
            with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
                await _get(server, session)
            assert [a.fault for a in server.service.books.arrivals[:1]] == [kind]

    async def test_a_truncated_answer_ends_before_its_length(self) -> None:
        async with SimulatorServer(_faulty("truncated")) as server, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientPayloadError):
                await _get(server, session)

    async def test_a_slow_answer_comes_whole_in_the_end(self) -> None:
        options = _faulty("slow", seconds=0.05)
        async with SimulatorServer(options) as server, aiohttp.ClientSession() as session:
            started = time.monotonic()
            assert (await _get(server, session))["count"] == 20
            assert time.monotonic() - started >= 0.05

    async def test_a_hang_lasts_until_the_caller_gives_up_and_then_counts_no_more(self) -> None:
        async with SimulatorServer(_faulty("hang")) as server, aiohttp.ClientSession() as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await _get(server, session)
            await _until(lambda: server.in_flight == 0)
            assert (server.in_flight, server.most_in_flight) == (0, 1)


class TestTheEnd:
    async def test_comes_quickly_even_with_hanging_callers(self) -> None:
        async with aiohttp.ClientSession() as session:
            async with SimulatorServer(_faulty("hang")) as server:
                asking = asyncio.create_task(_get(server, session))
                await _until(lambda: server.in_flight == 1)
                started = time.monotonic()
            assert time.monotonic() - started < 2
            with pytest.raises(aiohttp.ClientError):
                await asking

    @pytest.mark.parametrize("turns", range(6))
    async def test_lets_go_of_who_has_just_knocked(self, turns: int) -> None:
        """At whatever turn of the loop that was: the far side is told, and no socket is left to the collector."""
        async with SimulatorServer(going()) as server:
            url = urlsplit(server.url)
            caller = socket.create_connection((url.hostname, url.port), timeout=5)
            for _ in range(turns):
                await asyncio.sleep(0)
        with caller, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with contextlib.suppress(ConnectionResetError):
                assert caller.recv(1) == b""
            gc.collect()
        assert [str(told.message) for told in caught if "unclosed" in str(told.message)] == []

    async def test_is_when_serve_is_cancelled(self) -> None:
        announced: asyncio.Queue[str] = asyncio.Queue()
        serving = asyncio.create_task(
            serve(going(), ids=["one"], host="127.0.0.1", port=0, announce=announced.put_nowait)
        )
        url = await announced.get()
        async with aiohttp.ClientSession() as session, session.get(url + LIST) as response:
            assert response.status == 200
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url + LIST)


class TestWhere:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.com", "::"])  # noqa: S104  refused
    def test_anything_but_loopback_is_refused(self, host: str) -> None:
        with pytest.raises(ValueError, match="loopback only"):
            SimulatorServer(going(), host=host)

    @pytest.mark.parametrize(("host", "start"), [("::1", "http://[::1]:"), ("localhost", "http://")])
    async def test_every_loopback_is_welcome(self, host: str, start: str) -> None:
        async with SimulatorServer(going(), host=host) as server, aiohttp.ClientSession() as session:
            assert server.url.startswith(start)
            assert (await _get(server, session))["count"] == 20

    def test_there_is_no_url_before_it_runs(self) -> None:
        with pytest.raises(RuntimeError, match="async with"):
            _ = SimulatorServer(going()).url

    async def test_a_taken_port_is_an_error_that_leaves_nothing_behind(self) -> None:
        async with SimulatorServer(going()) as server:
            port = int(server.url.rpartition(":")[2])
            with pytest.raises(OSError, match="address already in use"):
                async with SimulatorServer(going(), port=port):
                    pass


async def _until(is_so: Callable[[], bool]) -> None:
    """Yield to the sockets until something is so; a thousand turns are more than they need."""
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.001)


def _faulty(kind: str, **more: object) -> Any:
    # aiohttp sends a GET again by itself when its connection breaks: twice the same fate.
    return going(faults={"script": [kind] * 3, **more})
