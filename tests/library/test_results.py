"""Results as they come, in virtual time over the fake service."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator import (
    BulkOperation,
    Failure,
    GuardError,
    InputError,
    LimitOptions,
    PollOptions,
    Results,
    Row,
    RunOptions,
    Verdict,
    run,
)
from orchestrator.testing import FakeOperation, FakeTask
from tests.library.stage import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence

LOST = Failure(verdict=Verdict.LOST, message="no answer", status=504)
NEVER = Failure(verdict=Verdict.REJECTED, code="NEVER", message="refused for good", status=400)


def fake(count: int, **kinds: Any) -> FakeOperation:
    """A fake service of so many tasks that may be stopped."""
    return FakeOperation({f"t{number}": FakeTask(**kinds) for number in range(count)})


async def read(results: Results) -> list[Row]:
    """All that comes."""
    return [row async for row in results]


def all_of(operation: BulkOperation, ids: Sequence[str], **plain: Any) -> tuple[list[Row], Results]:
    """The results of a whole run."""

    async def story() -> tuple[list[Row], Results]:
        async with run(operation, ids, **plain) as results:
            rows = await read(results)
        return rows, results

    return in_virtual_time(story())


class TestEachResult:
    def test_every_unique_id_comes_once(self) -> None:
        """Also those that are twice in the input, not there, or refused."""
        operation = fake(30)
        operation.tasks["t3"].refusals = [NEVER]
        operation.tasks["t4"].status = "STOPPED"
        ids = [*operation.tasks, "t5", "nobody"]
        rows, results = all_of(operation, ids)
        assert sorted(row.task_id for row in rows) == sorted(set(ids))
        outcomes = {row.task_id: row.outcome for row in rows}
        assert outcomes == {row.task_id: row.outcome for row in results.report.rows()}
        assert (outcomes["t3"], outcomes["t4"], outcomes["nobody"]) == ("rejected", "already_stopped", "not_found")

    def test_a_result_comes_when_it_is_final_and_not_at_the_end(self) -> None:
        """Who is over already is told while others still go."""

        async def story() -> list[tuple[str, float]]:
            operation = fake(2, stops_after=50.0)
            operation.tasks["t1"].status = "FINISHED"
            async with run(operation, operation.tasks) as results:
                return [(row.task_id, anyio.current_time()) async for row in results]

        (first, early), (last, late) = in_virtual_time(story())
        assert (first, last) == ("t1", "t0")
        assert early < 1.0
        assert late > 50.0

    def test_what_only_the_end_decides_comes_too(self) -> None:
        """Before the iteration ends."""
        operation = fake(3, stops_after=500.0)
        operation.tasks["t1"].stops_after = 1.0
        rows, results = all_of(operation, list(operation.tasks), options=RunOptions(limits=LimitOptions(deadline=60)))
        assert {row.task_id: row.outcome for row in rows} == {"t0": "timed_out", "t1": "stopped", "t2": "timed_out"}
        assert rows[0].task_id == "t1"
        assert results.report.counts["timed_out"] == 2

    def test_a_failed_run_gives_its_results_first(self) -> None:
        """Then it says what ended it."""

        async def story() -> tuple[list[Row], GuardError, Results]:
            operation = fake(30)
            for task in operation.tasks.values():
                task.refusals = [NEVER]
            rows: list[Row] = []
            limits = LimitOptions(max_failures=5)
            async with run(operation, operation.tasks, options=RunOptions(limits=limits)) as results:
                try:
                    async for row in results:
                        rows.append(row)  # noqa: PERF401  # what came before the error counts
                except GuardError as error:
                    return rows, error, results
            raise AssertionError(rows)

        rows, error, results = in_virtual_time(story())
        assert len(rows) == 30
        assert error.report is results.report

    def test_an_error_is_raised_once(self) -> None:
        """Who has caught it is not told again when the block ends; who goes on gets no more."""

        async def story() -> list[Row]:
            operation = fake(3)
            async with run(operation, operation.tasks, options=RunOptions(limits=LimitOptions(max_tasks=1))) as results:
                with pytest.raises(GuardError):
                    await read(results)
                return await read(results)

        assert in_virtual_time(story()) == []

    def test_an_error_that_nobody_met_is_raised_at_the_end_of_the_block(self) -> None:
        """A run that failed behind the reader's back is not passed over."""

        async def story() -> None:
            operation = fake(3)
            async with run(operation, operation.tasks, options=RunOptions(limits=LimitOptions(max_tasks=1))):
                await anyio.sleep(1)

        with pytest.raises(GuardError):
            in_virtual_time(story())


class TestBackpressure:
    def run_slowly(self, *, max_unread: int, faulty: bool = False) -> tuple[int, FakeOperation]:
        """The most results that lay unread while each took its reader a while."""

        async def story() -> tuple[int, FakeOperation]:
            operation = FakeOperation({f"t{n}": FakeTask(stops_after=1.0) for n in range(400)}, page_limit=20)
            most = 0
            poll = PollOptions(first_after=0.5, interval=0.5)
            options = RunOptions(poll=poll, limits=LimitOptions(deadline=1e6, give_up_after=100.0))
            async with run(operation, operation.tasks, options=options, max_unread=max_unread) as results:
                if faulty:  # whatever comes back while the run pauses is lost
                    operation.faults["list"] = faults = []
                    operation.hooks["list"] = lambda _: faults.extend([LOST] * results._brake.is_held)
                async for _ in results:
                    await anyio.sleep(10)
                    most = max(most, len(results._unread))
            assert results.report.counts["stopped"] == 400
            return most, operation

        return in_virtual_time(story())

    def test_a_slow_reader_slows_the_run(self) -> None:
        """Unread results are bounded by what was asked, and what was in flight just then."""
        most, _ = self.run_slowly(max_unread=10)
        assert most <= 10 + 8 * 20  # eight requests in flight, a page has twenty rows
        unbraked, _ = self.run_slowly(max_unread=1000)
        assert unbraked > 10 + 8 * 20

    def test_silence_while_it_pauses_is_not_the_services(self) -> None:
        """A run that asks nothing for an hour does not find the service unreachable."""
        _, operation = self.run_slowly(max_unread=10, faulty=True)
        times = [at for at, _, _ in operation.asked]
        assert max(after - before for before, after in pairwise(times)) > 100.0

    def test_at_least_one_may_be_unread(self) -> None:
        """Else nothing would ever come."""
        with pytest.raises(InputError, match="max_unread"):
            run(fake(1), ["t0"], max_unread=0)


class TestLeaving:
    def test_early_ends_the_run_and_leaves_no_task(self) -> None:
        """What was not read is in the report."""

        async def story() -> Results:
            operation = fake(100, stops_after=30.0)
            operation.tasks["t99"].status = "FINISHED"
            before = asyncio.all_tasks()
            async with run(operation, operation.tasks) as results:
                async for row in results:
                    assert row.task_id == "t99"
                    break
            assert asyncio.all_tasks() == before
            sent = len(operation.asked)
            await anyio.sleep(1000)
            assert len(operation.asked) == sent
            return results

        report = in_virtual_time(story()).report
        assert report.outcome == "interrupted"
        assert sum(report.counts.values()) == 100
        assert report.counts["ended"] == 1

    def test_the_blocks_own_error_comes_out_as_it_is(self) -> None:
        """Neither wrapped nor replaced."""

        async def story() -> None:
            operation = fake(3, stops_after=30.0)
            async with run(operation, operation.tasks):
                await anyio.sleep(1)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            in_virtual_time(story())

    def test_a_timeout_around_it_times_out(self) -> None:
        """Cancellation passes through, and nothing stays."""

        async def story() -> Results:
            operation = fake(3, stops_after=3000.0)
            before = asyncio.all_tasks()
            results = run(operation, operation.tasks)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5), results:
                    await read(results)
            assert asyncio.all_tasks() == before
            assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # there is one
            return results

        assert in_virtual_time(story()).report.counts["unconfirmed"] == 3

    def test_an_anyio_scope_around_it_cancels(self) -> None:
        """The other way to cancel."""

        async def story() -> Results:
            operation = fake(3, stops_after=3000.0)
            results = run(operation, operation.tasks)
            with anyio.move_on_after(5) as scope:
                async with results:
                    await read(results)
            assert scope.cancelled_caught
            return results

        assert in_virtual_time(story()).report.counts["unconfirmed"] == 3

    def test_a_cancelled_task_is_cancelled(self) -> None:
        """Also while it waits for the end."""

        async def story() -> bool:
            operation = fake(3, stops_after=3000.0)

            async def user() -> None:
                async with run(operation, operation.tasks) as results:
                    await results.finish()

            task = asyncio.create_task(user())
            await anyio.sleep(5)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

        assert in_virtual_time(story())

    def test_in_a_task_group_it_goes_down_with_its_siblings(self) -> None:
        """And the sibling's error is the one that is told."""

        async def story() -> None:
            operation = fake(3, stops_after=3000.0)

            async def user() -> None:
                async with run(operation, operation.tasks) as results:
                    await read(results)

            async def sibling() -> None:
                await anyio.sleep(5)
                raise LookupError

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(user())
                tasks.create_task(sibling())

        with pytest.raises(ExceptionGroup) as caught:
            in_virtual_time(story())
        assert [type(error) for error in caught.value.exceptions] == [LookupError]


class TestReport:
    def test_it_is_not_there_before_the_end(self) -> None:
        """Half an account is none."""

        async def story() -> None:
            operation = fake(3)
            async with run(operation, operation.tasks) as results:
                with pytest.raises(RuntimeError, match="not over"):
                    _ = results.report
                await read(results)
                assert results.report.outcome == "succeeded"

        in_virtual_time(story())

    def test_the_rest_need_not_be_read(self) -> None:
        """After the first result, to the end unread, however little may lie unread."""

        async def story() -> None:
            operation = fake(300, stops_after=5.0)
            async with run(operation, operation.tasks, max_unread=1) as results:
                first = await anext(results)
                report = await results.finish()
            assert first.outcome == "stopped"
            assert report.counts["stopped"] == 300

        in_virtual_time(story())

    def test_an_operation_that_fails_by_itself_is_told_as_it_failed(self) -> None:
        """A bug in the user's own operation is not ours to rename."""

        class Broken(FakeOperation):
            async def page(self, offset: int, limit: int) -> Any:
                raise AttributeError(offset, limit)

        with pytest.raises(AttributeError):
            all_of(Broken({"t0": FakeTask(), "t1": FakeTask()}), ["t0", "t1"])
