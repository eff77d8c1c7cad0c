"""Stop, restart and delete, through the library."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from orchestrator import (
    GuardError,
    InputError,
    Observer,
    RetryOptions,
    RunError,
    RunOptions,
    RunRefusedError,
    ServiceError,
    TasksNotOverError,
    UnreachableError,
    Verdict,
    delete_migration_tasks,
    events,
    restart_migration_tasks,
    stop_migration_tasks,
)
from tests.library.stage import MOVING, OVER, client_of, counted, ids_of, quick, service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from orchestrator.simulator.server import SimulatorServer


async def one_by_one(ids: Iterable[str]) -> AsyncIterator[str]:
    """Ids as a database cursor gives them."""
    for item in ids:
        await asyncio.sleep(0)
        yield item


class TestStop:
    async def test_every_id_is_accounted_for(self) -> None:
        """Stopped, over before, and not there."""
        states = {"MIGRATING": 2, "TERMINATED": 1, "FAILED": 1}
        async with service(40, states=states, unknown=0.1) as server, client_of(server) as client:
            report = await stop_migration_tasks(client, ids_of(server), options=quick(batch_size=1))
        assert report.outcome == "partial"
        assert sum(report.counts.values()) == 40
        assert report.counts["not_found"] == 4
        assert {row.outcome for row in report.not_stopped} == {"not_found"}

    @pytest.mark.parametrize(
        "shape", [list, tuple, iter, set, dict.fromkeys, one_by_one], ids=lambda shape: shape.__name__
    )
    async def test_ids_come_in_any_iterable(self, shape: Callable[[list[str]], Iterable[str]]) -> None:
        """Lists, generators, sets, async iterables: each is read to its end."""
        async with service(5, states=MOVING) as server, client_of(server) as client:
            report = await stop_migration_tasks(client, shape(ids_of(server)), options=quick())
        assert counted(report) == {"stopped": 5}

    async def test_a_duplicate_is_asked_once(self) -> None:
        """Counted as input, once as a task."""
        async with service(3, states=MOVING) as server, client_of(server) as client:
            report = await stop_migration_tasks(client, ids_of(server) * 2, options=quick())
        assert (report.input.input, report.input.duplicates) == (6, 3)
        assert counted(report) == {"stopped": 3}

    async def test_only_the_given_states_are_stopped(self) -> None:
        """The rest is skipped, and said so."""
        async with service(4, states=MOVING) as server, client_of(server) as client:
            report = await stop_migration_tasks(client, ids_of(server), stop_states=["INCRMIGRATING"], options=quick())
            assert counted(report) == {"skipped": 4}
            with pytest.raises(TasksNotOverError, match="4 of 4 tasks are not over") as caught:
                report.raise_for_failures()
        assert caught.value.report is report

    async def test_name_and_reason_are_in_the_report(self) -> None:
        """As is where it was."""
        async with service(1, states=MOVING) as server, client_of(server) as client:
            report = await stop_migration_tasks(client, ids_of(server), name="night", reason="INC-1", options=quick())
            assert (report.info.name, report.info.reason) == ("night", "INC-1")
            assert (report.info.endpoint, report.info.project_id) == (client.endpoint, client.project_id)

    async def test_observers_see_the_events_in_order(self) -> None:
        """From the first to the last."""
        seen: list[events.Event] = []
        note: Observer = seen.append
        async with service(3, states=MOVING) as server, client_of(server) as client:
            await stop_migration_tasks(client, ids_of(server), options=quick(), observers=[note])
        assert isinstance(seen[0], events.RunStarted)
        assert isinstance(seen[-1], events.RunEnded)
        assert any(isinstance(event, events.BatchAnswered) for event in seen)


class TestWrongInput:
    @pytest.mark.parametrize(
        ("ids", "problem"),
        [
            ([], "needs at least one"),
            ("one-id", r"pass \[task_id\]"),
            (["fine", "not fine"], r"ids\[1\]"),
        ],
    )
    async def test_nothing_is_asked(self, ids: list[str], problem: str) -> None:
        """It is said at once what is wrong, and where."""
        async with service(1) as server, client_of(server) as client:
            with pytest.raises(InputError, match=problem):
                await stop_migration_tasks(client, ids)
            assert not server.service.books.arrivals

    async def test_stop_states_that_are_one_text_are_refused(self) -> None:
        """They would be taken letter by letter."""
        async with service(1) as server, client_of(server) as client:
            with pytest.raises(InputError, match=r"stop_states.*\['MIGRATING'\]"):
                await stop_migration_tasks(client, ids_of(server), stop_states="MIGRATING")

    async def test_an_error_of_the_ids_is_the_callers(self) -> None:
        """What their source raises comes out as it is."""

        async def broken() -> AsyncIterator[str]:
            yield "t1"
            raise LookupError("the cursor is closed")

        async with service(1) as server, client_of(server) as client:
            with pytest.raises(LookupError, match="the cursor is closed"):
                await stop_migration_tasks(client, broken())


class TestFailedRuns:
    async def test_a_guard_is_an_exception_with_the_report(self) -> None:
        """Too many tasks: nothing was sent, and every id says so."""
        async with service(5, states=MOVING) as server, client_of(server) as client:
            with pytest.raises(GuardError, match="max_tasks") as caught:
                await stop_migration_tasks(client, ids_of(server), options=quick(max_tasks=4))
        assert caught.value.report is not None
        assert counted(caught.value.report) == {"not_attempted": 5}
        assert caught.value.report.outcome == "aborted"

    async def test_a_refused_run_says_why(self) -> None:
        """The failure is there as the service put it."""
        async with service(5, states=MOVING, deny=["stop"]) as server, client_of(server) as client:
            with pytest.raises(RunRefusedError) as caught:
                await stop_migration_tasks(client, ids_of(server), options=quick())
        assert caught.value.failure.status == 403
        assert caught.value.report is not None
        assert counted(caught.value.report) == {"not_attempted": 5}

    async def test_a_service_that_is_not_there_is_unreachable(self) -> None:
        """After `give_up_after`, and not before."""
        async with service(1, states=MOVING) as server:
            client, ids = client_of(server), ids_of(server)
        options = RunOptions(limits=quick(give_up_after=0.2).limits, retry=RetryOptions(base_backoff=0.05))
        async with client:
            with pytest.raises(UnreachableError) as caught:
                await stop_migration_tasks(client, ids, options=options)
        assert isinstance(caught.value, RunError)
        assert caught.value.report is not None
        assert caught.value.report.outcome == "interrupted"

    async def test_a_deadline_is_no_exception(self) -> None:
        """What was not over by then is data."""
        async with service(3, states=MOVING, stop_seconds=60) as server, client_of(server) as client:
            report = await stop_migration_tasks(client, ids_of(server), options=quick(deadline=0.5))
        assert counted(report) == {"timed_out": 3}
        assert report.outcome == "partial"

    async def test_what_an_observer_raises_comes_out_as_it_is(self) -> None:
        """Not wrapped in a group, and not swallowed."""

        def broken(event: events.Event, /) -> None:
            raise ZeroDivisionError(event)

        async with service(2, states=MOVING) as server, client_of(server) as client:
            with pytest.raises(ZeroDivisionError):
                await stop_migration_tasks(client, ids_of(server), options=quick(), observers=[broken])


class TestRestart:
    @pytest.mark.parametrize("detail", ["fine", "coarse"])
    async def test_stopped_tasks_run_again(self, detail: str) -> None:
        """Also where the list calls everything that runs MIGRATING."""
        async with service(12, states=OVER, list_detail=detail) as server, client_of(server) as client:
            report = await restart_migration_tasks(client, ids_of(server), options=quick())
            assert counted(report) == {"restarted": 12}
            assert {self.truth(server, item) for item in ids_of(server)} <= {"INCRMIGEATING", "SUCCESS"}

    @pytest.mark.parametrize("detail", ["fine", "coarse"])
    async def test_a_second_restart_finds_them_running(self, detail: str) -> None:
        """And asks nobody again."""
        async with service(12, states=OVER, list_detail=detail) as server, client_of(server) as client:
            await restart_migration_tasks(client, ids_of(server), options=quick())
            sent = server.service.books.answers["restart", 200]
            report = await restart_migration_tasks(client, ids_of(server), options=quick())
            assert server.service.books.answers["restart", 200] == sent
        assert counted(report) == {"already_running": 12}

    async def test_what_is_over_otherwise_has_ended(self) -> None:
        """A failed migration is not restarted."""
        async with service(3, states={"FAILED": 1}) as server, client_of(server) as client:
            report = await restart_migration_tasks(client, ids_of(server), options=quick())
        assert counted(report) == {"ended": 3}

    @staticmethod
    def truth(server: SimulatorServer, task_id: str) -> str | None:
        return server.service.books.status_of(task_id, asyncio.get_running_loop().time())


class TestDelete:
    async def test_what_is_over_is_deleted_and_what_migrates_is_not(self) -> None:
        """Deleting a running task was not asked for."""
        async with service(10, states={"TERMINATED": 1, "MIGRATING": 1}) as server, client_of(server) as client:
            report = await delete_migration_tasks(client, ids_of(server), options=quick())
        assert set(counted(report)) == {"deleted", "skipped"}
        assert "already_deleted" not in report.counts

    async def test_what_is_not_there_is_as_good_as_deleted(self) -> None:
        """Nobody need care for it."""
        async with service(10, states=OVER) as server, client_of(server) as client:
            assert counted(await delete_migration_tasks(client, ids_of(server), options=quick())) == {"deleted": 10}
            report = await delete_migration_tasks(client, ids_of(server), options=quick())
        assert counted(report) == {"not_found": 10}
        report.raise_for_failures()


class TestSingleCalls:
    """The client's own calls: one request each, and no engine."""

    async def test_each_call_is_one_request(self) -> None:
        """Stop, look, list, restart, delete."""
        async with service(2, states=MOVING) as server, client_of(server) as client:
            ids = ids_of(server)
            assert list((await client.batch_stop(ids)).accepted) == ids
            await asyncio.sleep(0.2)
            assert (await client.show(ids[0])).status == "TERMINATED"
            assert set((await client.list(limit=10)).statuses) == {"TERMINATED"}
            assert sorted((await client.batch_restart(ids[:1])).accepted) == ids[:1]
            assert list((await client.delete(ids[1:])).accepted) == ids[1:]
            assert {arrival.route for arrival in server.service.books.arrivals} == {
                *("batch-stop", "batch-restart", "delete", "list", "show")
            }

    async def test_a_refusal_is_raised_with_what_it_means(self) -> None:
        """An unknown task is gone."""
        async with service(1) as server, client_of(server) as client:
            with pytest.raises(ServiceError) as caught:
                await client.show("nobody")
        assert caught.value.failure.verdict is Verdict.GONE
