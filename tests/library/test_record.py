"""The library's record: made only if asked for, resumed by the same call, the same file as the command's."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

import pytest

from orchestrator import (
    DirectoryBusyError,
    InputError,
    RecordError,
    RecordUnusableError,
    Row,
    StopMigrationTasks,
    restart_migration_tasks,
    run,
    stop_migration_tasks,
)
from tests.library.stage import MOVING, PROJECT, client_of, counted, ids_of, quick, service

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.simulator.server import SimulatorServer


def sent(server: SimulatorServer) -> int:
    """Requests so far."""
    return sum(server.service.books.answers.values())


def as_the_first_version_wrote_it(path: Path) -> None:
    """Make a record look as if it came from there."""
    record = sqlite3.connect(path)
    with record:
        ids = [line for (block,) in record.execute("SELECT id FROM item ORDER BY place") for line in block.split("\n")]
        assert len(ids) > record.execute("SELECT count(*) FROM item").fetchone()[0]
        record.execute("DELETE FROM item")
        record.executemany("INSERT INTO item VALUES (?, ?)", enumerate(ids))
        (identity,) = record.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
        told = json.loads(identity)
        assert told["input"] == ""
        told["input"] = hashlib.sha256("".join(f"{item_id}\n" for item_id in sorted(ids)).encode()).hexdigest()
        record.execute("UPDATE meta SET value = ? WHERE key = 'identity'", [json.dumps(told)])
        record.execute("PRAGMA user_version=1")
    record.close()


class TestWithout:
    async def test_no_file_is_opened_for_writing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not even a temporary one."""
        opened: list[object] = []
        watching = True

        def audit(event: str, args: tuple[object, ...]) -> None:
            if watching and event == "open" and isinstance(args[2], int) and args[2] & 0o3:
                opened.append(args[0])
            if watching and event in {"os.mkdir", "os.rename", "sqlite3.connect"}:
                opened.append((event, args))

        async with service(20, states=MOVING) as server, client_of(server) as client:
            sys.addaudithook(audit)  # it stays for the life of the process, and looks away after this test
            monkeypatch.chdir(tmp_path)
            try:
                report = await stop_migration_tasks(client, ids_of(server), options=quick())
            finally:
                watching = False
        assert counted(report) == {"stopped": 20}
        assert opened == []
        assert os.listdir(tmp_path) == []  # noqa: PTH208  # no blocking path method here


class TestResumed:
    async def test_the_same_call_goes_on_where_a_cancelled_one_was(self, tmp_path: Path) -> None:
        """What was accepted is not sent again, and the directory is made."""
        directory = tmp_path / "deep" / "out"
        async with service(60, states=MOVING, stop_seconds=0.6) as server, client_of(server) as client:
            ids = ids_of(server)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await stop_migration_tasks(client, ids, options=quick(), record=directory)
            before = server.service.books.answers["stop", 200]
            assert before == 2
            report = await stop_migration_tasks(client, reversed(ids), options=quick(), record=directory)
            assert server.service.books.answers["stop", 200] == before
        assert counted(report) == {"stopped": 60}
        assert report.attempts == 2
        assert sorted(path.name for path in directory.iterdir()) == ["run.db", "run.lock"]

    async def test_a_finished_one_answers_from_its_record(self, tmp_path: Path) -> None:
        """Without a request, and with every result."""
        async with service(10, states=MOVING, unknown=0.1) as server, client_of(server) as client:
            ids = ids_of(server)
            first = await stop_migration_tasks(client, ids, options=quick(batch_size=9), record=tmp_path, reason="why")
            asked = sent(server)
            async with run(StopMigrationTasks(client), ids, record=str(tmp_path)) as results:
                rows = [row async for row in results]
            assert sent(server) == asked
        assert rows == list(first.rows())
        assert (results.report.info, results.report.counts) == (first.info, first.counts)

    async def test_left_early_it_gives_each_result_once_more(self, tmp_path: Path) -> None:
        """What was final before comes first; then what was not."""
        async with service(60, states=MOVING) as server, client_of(server) as client:
            ids, options = ids_of(server), quick(batch_size=10)
            async with run(StopMigrationTasks(client), ids, options=options, record=tmp_path) as results:
                first = await anext(results)
            rows: list[Row] = []
            async with run(StopMigrationTasks(client), ids, options=options, record=tmp_path) as results:
                async for row in results:
                    rows.append(row)  # noqa: PERF401  # the order of arrival counts
        assert sorted(row.task_id for row in rows) == sorted(ids)
        assert first in rows
        assert {row.outcome for row in rows} == {"stopped"}

    async def test_a_record_of_an_earlier_version_is_gone_on_with(self, tmp_path: Path) -> None:
        """It had a row for each id, and always wrote down what tells the set of them from others."""
        async with service(1200, states=MOVING, stop_seconds=1.0) as server, client_of(server) as client:
            ids, options = ids_of(server), quick(batch_size=50)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await stop_migration_tasks(client, ids, options=options, record=tmp_path)
            as_the_first_version_wrote_it(tmp_path / "run.db")
            with pytest.raises(InputError, match="another set of ids"):
                await stop_migration_tasks(client, ids[1:], options=options, record=tmp_path)
            report = await stop_migration_tasks(client, ids[::-1], options=options, record=tmp_path)
        assert counted(report) == {"stopped": 1200}
        assert report.attempts == 2
        assert [row.task_id for row in report.rows()] == ids  # in the order of the first call

    @pytest.mark.parametrize("what", ["input", "operation", "project", "endpoint"])
    async def test_a_record_of_another_run_is_refused(self, tmp_path: Path, what: str) -> None:
        """It says what differs, and asks nothing."""
        async with service(3, states=MOVING) as server, client_of(server) as client, service(3) as other:
            ids = ids_of(server)
            await stop_migration_tasks(client, ids, options=quick(), record=tmp_path)
            asked = sent(server)
            elsewhere = client_of(other)
            if what == "project":
                elsewhere = type(client)(endpoint=server.url, project_id="another")
            async with elsewhere:
                verb = restart_migration_tasks if what == "operation" else stop_migration_tasks
                chosen = elsewhere if what in {"project", "endpoint"} else client
                named = "another set of ids" if what == "input" else f"{what}: "
                with pytest.raises(InputError, match=f"{named}.*a record directory of its own"):
                    await verb(chosen, ids[what == "input" :], record=tmp_path)
            assert sent(server) == asked


class TestTrouble:
    async def test_one_run_at_a_time(self, tmp_path: Path) -> None:
        """Also within a process: the second is told who holds the directory; the first goes on."""
        async with service(3, states=MOVING, stop_seconds=0.3) as server, client_of(server) as client:
            operation, ids = StopMigrationTasks(client), ids_of(server)
            async with run(operation, ids, options=quick(), record=tmp_path) as results:
                with pytest.raises(DirectoryBusyError, match="is held by process"):
                    await stop_migration_tasks(client, ids, record=tmp_path)
                assert counted(await results.finish()) == {"stopped": 3}

    async def test_a_place_that_cannot_be_one_is_refused(self, tmp_path: Path) -> None:
        """Before anything is sent."""
        (tmp_path / "file").write_text("x")
        async with service(3) as server, client_of(server) as client:
            with pytest.raises(RecordUnusableError, match="choose another directory") as caught:
                await stop_migration_tasks(client, ids_of(server), record=tmp_path / "file" / "out")
            assert caught.value.report is None
            assert sent(server) == 0

    async def test_a_disk_that_fails_under_way_ends_the_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the account so far in the error; nothing leaves that could not be written down."""

        def full(*_: object) -> None:
            raise RecordError(f"{tmp_path}: the disk is full")

        async with service(3, states=MOVING) as server, client_of(server) as client:
            async with run(StopMigrationTasks(client), ids_of(server), options=quick(), record=tmp_path) as results:
                monkeypatch.setattr("orchestrator.engine.record.Record._write", full)
                with pytest.raises(RecordError, match="disk is full") as caught:
                    await results.finish()
            assert server.service.books.answers["stop", 200] == 0
        assert caught.value.report is not None
        assert counted(caught.value.report) == {"not_attempted": 3}


class TestOneFileForBoth:
    async def command(self, *arguments: str) -> None:
        """Run the command to its success, in a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "orchestrator", *arguments), stdout=PIPE, stderr=PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()

    def job(self, tmp_path: Path, server: SimulatorServer) -> Path:
        (tmp_path / "ids.txt").write_text("\n".join(ids_of(server)))
        job = tmp_path / "job.yaml"
        service_section = {"endpoint": server.url, "project_id": PROJECT, "credentials": "none"}
        output = {"dir": str(tmp_path / "out")}
        spec = {"version": 1, "service": service_section, "tasks": {"file": "ids.txt"}, "output": output}
        job.write_text(json.dumps(spec))
        return job

    async def test_what_the_library_began_the_command_ends(self, tmp_path: Path) -> None:
        """The same directory, the same record."""
        async with service(60, states=MOVING, stop_seconds=0.6) as server, client_of(server) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await stop_migration_tasks(client, ids_of(server), options=quick(), record=tmp_path / "out")
            await self.command("run", str(self.job(tmp_path, server)), "--yes")
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert summary["attempts"] == 2
        assert summary["counts"]["outcomes"]["stopped"] == 60

    async def test_what_the_command_ended_the_library_knows(self, tmp_path: Path) -> None:
        """Its account is had without a request."""
        async with service(10, states=MOVING) as server, client_of(server) as client:
            await self.command("run", str(self.job(tmp_path, server)), "--yes", "--set", "poll.first_after=50ms")
            asked = sent(server)
            report = await stop_migration_tasks(client, ids_of(server), record=tmp_path / "out")
            assert sent(server) == asked
        assert counted(report) == {"stopped": 10}
        assert report.info.name == "job"
