"""Restart and delete by job files, the end of a delete, and an operation of one's own."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from orchestrator import BulkOperation, RunOptions, delete_migration_tasks, run
from tests.library.stage import OVER, PROJECT, client_of, counted, ids_of, quick, service

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLE = Path(__file__).parents[2] / "configs" / "examples" / "cancel_builds.py"


class TestJobFiles:
    @pytest.mark.parametrize(
        ("verb", "states", "outcomes"),
        [
            ("restart", OVER, {"restarted": 8}),
            ("delete", OVER, {"deleted": 8}),
            ("restart", {"SUCCESS": 1}, {"already_running": 8}),
        ],
    )
    async def test_the_same_line_for_each_operation(
        self, tmp_path: Path, verb: str, states: Mapping[str, int], outcomes: Mapping[str, int]
    ) -> None:
        """Account, table and exit code as for stop."""
        async with service(8, states=states) as server:
            (tmp_path / "ids.txt").write_text("\n".join(ids_of(server)))
            where = {"endpoint": server.url, "project_id": PROJECT, "credentials": "none"}
            spec = {"version": 1, "operation": verb, "service": where, "tasks": {"file": "ids.txt"}}
            (tmp_path / "job.yaml").write_text(json.dumps(spec))
            command = ("run", str(tmp_path / "job.yaml"), "--yes", "--output", str(tmp_path / "out"))
            quickly = ("--set", "poll.first_after=50ms", "--set", "poll.interval=50ms")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "orchestrator", *command, *quickly), stdout=PIPE, stderr=PIPE
            )
            _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        counts = summary["counts"]["outcomes"]
        assert {word: count for word, count in counts.items() if count} == outcomes
        assert summary["operation"] == verb
        assert not [word for word in counts if word.startswith("already_") and verb == "delete"]


class TestDeletedForGood:
    """A deleted task may be described for ever: the list has the last word."""

    async def delete(self, **traits: Any) -> tuple[dict[str, int], dict[str, int]]:
        """The outcomes of deleting, and of deleting again."""
        ghosts = {"deleted_show": "success", "strangers": 30, **traits}
        async with service(10, states=OVER, **ghosts) as server, client_of(server) as client:
            first = await delete_migration_tasks(client, ids_of(server), options=quick())
            again = await delete_migration_tasks(client, ids_of(server), options=quick())
            first.raise_for_failures()
            again.raise_for_failures()
            return counted(first), counted(again)

    async def test_what_only_a_single_look_still_shows_is_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Deleted by us the first time; not there the second."""
        monkeypatch.setattr("orchestrator.engine.rollcall.DOUBT_AFTER", 0.2)
        assert await self.delete() == ({"deleted": 10}, {"not_found": 10})

    async def test_also_where_the_answer_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`count` of the page only, and newest last."""
        monkeypatch.setattr("orchestrator.engine.rollcall.DOUBT_AFTER", 0.2)
        assert await self.delete(count="page", order="oldest") == ({"deleted": 10}, {"not_found": 10})


class Builds:
    """A CI server's API: twenty ids a request, an unknown one spoils it, two are busy at first."""

    def __init__(self, states: Mapping[str, str]) -> None:
        self.states = dict(states)
        self.busy = set(list(states)[:2])
        self.calls: list[str] = []
        self.faults = [503]

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel some."""
        self.calls.append("cancel")
        if self.faults:
            return web.Response(status=self.faults.pop(), text="not now")
        ids = (await request.json())["ids"]
        if len(ids) > 20 or any(key not in self.states for key in ids):
            return web.Response(status=400, text="an unknown build")
        refused = {key: "an agent is being attached" for key in ids if key in self.busy}
        self.busy -= set(refused)
        accepted = [key for key in ids if key not in refused]
        for key in accepted:
            self.states[key] = "cancelling"
            asyncio.get_running_loop().call_later(0.05, self.states.__setitem__, key, "cancelled")
        return web.json_response({"accepted": accepted, "refused": refused})

    async def list(self, request: web.Request) -> web.Response:
        """One page."""
        self.calls.append("list")
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        rows = [{"id": key, "state": state} for key, state in self.states.items()][offset : offset + limit]
        return web.json_response({"builds": rows})

    async def show(self, request: web.Request) -> web.Response:
        """One build."""
        self.calls.append("show")
        state = self.states.get(request.match_info["key"])
        return web.json_response({"state": state}) if state else web.Response(status=404, text="no such build")

    def application(self) -> web.Application:
        """The server."""
        application = web.Application()
        application.router.add_post("/builds/cancel", self.cancel)
        application.router.add_get("/builds", self.list)
        application.router.add_get("/builds/{key}", self.show)
        return application


class TestOnesOwn:
    def example(self) -> Any:
        """The example as a module."""
        spec = importlib.util.spec_from_file_location("cancel_builds", EXAMPLE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_it_is_short(self) -> None:
        """Under sixty lines, explanation included."""
        assert len(EXAMPLE.read_text().splitlines()) < 60

    async def test_it_runs_over_another_service(self, tmp_path: Path) -> None:
        """Batches, quotas, faults, refusals and a record, as for migration tasks."""
        builds = Builds({f"b{n}": "running" if n % 5 else "passed" for n in range(50)} | {"odd": "paused"})
        runner = web.AppRunner(builds.application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        options = RunOptions(submit=quick().submit, poll=quick().poll, limits=quick().limits)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            operation = self.example().CancelBuilds(session)
            assert isinstance(operation, BulkOperation)
            ids = [*builds.states, "nobody"]
            async with run(operation, ids, options=options, record=tmp_path) as results:
                rows = [row async for row in results]
        await runner.cleanup()
        assert counted(results.report) == {"cancelled": 40, "ended": 10, "skipped": 1, "not_found": 1}
        assert len(rows) == 52
        assert set(builds.states.values()) == {"cancelled", "passed", "paused"}
        assert results.report.requests["cancel"].failed == 1

    async def test_a_dead_server_is_unreachable_and_not_processed(self) -> None:
        """Told apart from a lost answer."""
        async with aiohttp.ClientSession("http://127.0.0.1:9") as session:
            with pytest.raises(Exception, match="Cannot connect") as caught:
                await self.example().CancelBuilds(session).submit(["b1"])
        assert caught.value.failure.verdict.value == "unreached"  # type: ignore[attr-defined]  # a ServiceError
