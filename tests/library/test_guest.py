"""A good guest: what the library does to the process, the loop and the tasks that it runs in."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest
import uvloop
from aiohttp import web

from orchestrator import DcsClient, PaceOptions, StopMigrationTasks, from_env, run, stop_migration_tasks
from tests.library.stage import MOVING, PROJECT, client_of, counted, ids_of, quick, service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST_THREADS = 4  # idle ones that anyio keeps for the next call off the loop; they end with the loop


class Spied(dict[str, str]):
    """An environment that remembers who was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> str:
        self.asked.append(key)
        return super().__getitem__(key)

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # as it is used here
        self.asked.append(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self.asked.append("*")
        return super().__iter__()


class TestProcess:
    async def test_logging_signals_and_the_loops_policy_stay_as_they_were(self) -> None:
        """They are the host's."""
        watched = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
        before = [signal.getsignal(number) for number in watched]
        loggers, handlers = set(logging.root.manager.loggerDict), list(logging.root.handlers)
        async with service(5, states=MOVING) as server, client_of(server) as client:
            await stop_migration_tasks(client, ids_of(server), options=quick())
        assert [signal.getsignal(number) for number in watched] == before
        assert (logging.root.handlers, logging.root.level) == (handlers, logging.WARNING)
        assert not [name for name in set(logging.root.manager.loggerDict) - loggers if name.startswith("orchestrator")]

    async def test_the_environment_is_not_read_unless_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not for proxies, nor for anything else; `from_env` reads it when the first request goes."""
        async with service(5, states=MOVING) as server:
            spied = Spied(os.environ)
            monkeypatch.setattr(os, "environ", spied)
            async with client_of(server) as client:
                await stop_migration_tasks(client, ids_of(server), options=quick())
            assert spied.asked == []
            spied |= {"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "SK"}
            async with client_of(server, credentials=from_env()) as client:
                assert spied.asked == []
                await stop_migration_tasks(client, ids_of(server), options=quick())
            assert "HUAWEICLOUD_SDK_AK" in spied.asked

    def test_a_whole_run_is_silent_even_where_every_warning_is_an_error(self) -> None:
        """`-W error -X dev`: nothing is left open, nothing deprecated is used, nothing is printed."""
        program = (
            "import asyncio\n"
            "from tests.library.stage import *\n"
            "from orchestrator import stop_migration_tasks\n"
            "async def main():\n"
            "    asyncio.get_running_loop().slow_callback_duration = 60  # of this busy machine it says nothing\n"
            "    async with service(5, states=MOVING) as server, client_of(server) as client:\n"
            "        report = await stop_migration_tasks(client, ids_of(server), options=quick())\n"
            "        report.raise_for_failures()\n"
            "asyncio.run(main())\n"
        )
        command = [sys.executable, "-W", "error", "-X", "dev", "-c", program]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


class TestLoop:
    @pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
    def test_the_loop_may_be_any(self, loop_factory: type, tmp_path: Path) -> None:
        """With a record, and left early."""

        async def story() -> None:
            async with service(60, states=MOVING) as server, client_of(server) as client:
                async with run(StopMigrationTasks(client), ids_of(server), options=quick(), record=tmp_path) as results:
                    assert (await anext(results)).outcome == "stopped"
                report = await stop_migration_tasks(client, ids_of(server), options=quick(), record=tmp_path)
                assert counted(report) == {"stopped": 60}

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(story())

    async def test_it_leaves_no_task_no_thread_and_no_connection(self, tmp_path: Path) -> None:
        """However often it is used, and however it is left."""
        before = asyncio.all_tasks()
        async with service(60, states=MOVING) as server, client_of(server) as client:
            of_the_service = asyncio.all_tasks() - before
            ids = ids_of(server)
            for number in range(5):
                directory = tmp_path / str(number)
                async with run(StopMigrationTasks(client), ids, options=quick(), record=directory) as results:
                    await anext(results)
            left = {task for task in asyncio.all_tasks() - before - of_the_service if "orchestrator" in repr(task)}
            assert left == set()
            assert threading.active_count() <= 1 + MOST_THREADS
            session: aiohttp.ClientSession = client._transport._session  # type: ignore[attr-defined]  # the real one
            connector = session.connector
            assert connector is not None
            assert not connector._acquired
        assert session.closed
        assert connector.closed

    def test_a_client_may_be_made_before_there_is_a_loop(self) -> None:
        """As a global of a web application is."""
        client = DcsClient(endpoint="http://127.0.0.1:9", project_id=PROJECT)

        async def story() -> None:
            async with service(3, states=MOVING) as server, client:
                client.endpoint = server.url
                assert counted(await stop_migration_tasks(client, ids_of(server), options=quick())) == {"stopped": 3}

        asyncio.run(story())


class TestTasks:
    async def test_runs_side_by_side_share_their_clients_quotas(self) -> None:
        """One limiter: the ceiling holds for all of them together, and what one learns all know."""
        async with (
            service(60, states=MOVING, quotas={"stop": {"limit": 4, "seconds": 1}}) as server,
            client_of(server) as client,
        ):
            ids = ids_of(server)
            async with asyncio.TaskGroup() as tasks:
                runs = [
                    tasks.create_task(
                        stop_migration_tasks(client, ids[part::3], options=quick(batch_size=10)), name=f"part {part}"
                    )
                    for part in range(3)
                ]
            assert [counted(done.result()) for done in runs] == [{"stopped": 20}] * 3
            stops = [arrival for arrival in server.service.books.arrivals if arrival.api == "stop"]
        assert sum(arrival.throttled for arrival in stops) <= 2

    async def test_a_ceiling_is_of_the_client_too(self) -> None:
        """Two runs do not make it twice as high."""
        async with service(20, states=MOVING) as server:
            async with client_of(server, pace=PaceOptions(requests_per_second=20, burst=1)) as client:
                ids, began = ids_of(server), asyncio.get_running_loop().time()
                async with anyio.create_task_group() as tasks:
                    for part in range(2):
                        tasks.start_soon(partial(stop_migration_tasks, client, ids[part::2], options=quick()))
            times = [arrival.time for arrival in server.service.books.arrivals]
        assert len(times) >= 6
        assert times[-1] - began >= (len(times) - 1) / 20  # from before the first: it may have been on its way for long

    async def test_it_works_inside_a_web_handler(self) -> None:
        """Each request of the application is a run; the client is the application's."""
        async with service(6, states=MOVING) as server, client_of(server) as client:

            async def stop(request: web.Request) -> web.Response:
                report = await stop_migration_tasks(client, await request.json(), options=quick())
                return web.json_response(dict(report.counts))

            application = web.Application()
            application.router.add_post("/stop", stop)
            runner = web.AppRunner(application)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/stop"
            async with aiohttp.ClientSession() as session:
                ids = ids_of(server)
                answers = [session.post(url, json=ids[:3]), session.post(url, json=ids[3:])]
                counts = [await (await answer).json() for answer in answers]
            await runner.cleanup()
        assert [count["stopped"] for count in counts] == [3, 3]

    async def test_a_caller_that_hangs_up_leaves_a_record_that_resumes(self, tmp_path: Path) -> None:
        """The handler is cancelled; the next request goes on."""
        async with service(6, states=MOVING, stop_seconds=0.5) as server, client_of(server) as client:
            ids = ids_of(server)
            handler = asyncio.create_task(stop_migration_tasks(client, ids, options=quick(), record=tmp_path))
            await asyncio.sleep(0.2)
            handler.cancel()
            with pytest.raises(asyncio.CancelledError):
                await handler
            report = await stop_migration_tasks(client, ids, options=quick(), record=tmp_path)
        assert (counted(report), report.attempts) == ({"stopped": 6}, 2)


class TestManyClients:
    async def test_projects_and_services_side_by_side_each_with_their_own_quota(self) -> None:
        """What one service throttles slows nobody else."""
        async with (
            service(30, states=MOVING, quotas={"stop": {"limit": 1, "seconds": 1}}) as strict,
            service(30, states=MOVING) as free,
            client_of(strict) as first,
            client_of(free) as second,
            DcsClient(endpoint=free.url, project_id="ffffffffffffffffffffffffffffffff") as third,
        ):
            finished: list[str] = []

            async def stop(name: str, client: DcsClient, ids: list[str]) -> None:
                report = await stop_migration_tasks(client, ids, options=quick(batch_size=10))
                assert report.counts["stopped"] == len(ids)
                finished.append(name)

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stop("strict", first, ids_of(strict)))
                tasks.create_task(stop("free", second, ids_of(free)[:15]))
                tasks.create_task(stop("another project", third, ids_of(free)[15:]))
        assert finished[-1] == "strict"
        assert first.pacing.quotas()["stop"]
        assert not second.pacing.quotas()
        assert not third.pacing.quotas()
