"""Promises of the fakes that we ship: time that jumps, and a service whose books are true."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from orchestrator.engine.model import Failure, Phase, Verdict
from orchestrator.engine.operation import BulkOperation
from orchestrator.engine.options import PaceOptions
from orchestrator.errors import ServiceError
from orchestrator.testing import FakeOperation, FakeTask, VirtualTimeLoop

BUSY = Failure(verdict=Verdict.BUSY, message="later")
LOST = Failure(verdict=Verdict.LOST, message="no answer")


class TestVirtualTime:
    async def test_waiting_takes_no_time_and_the_clock_is_exact(self) -> None:
        began = time.monotonic()
        await asyncio.sleep(3600.0)
        with anyio.move_on_after(86_400.5):
            await anyio.sleep_forever()
        assert anyio.current_time() == asyncio.get_running_loop().time() == 90_000.5
        assert time.monotonic() - began < 1.0

    async def test_timers_go_off_in_their_order(self) -> None:
        order = []

        async def at(seconds: float) -> None:
            await anyio.sleep(seconds)
            order.append((seconds, anyio.current_time()))

        async with anyio.create_task_group() as tasks:
            for seconds in (3.0, 1.0, 2.0, 1.5):
                tasks.start_soon(at, seconds)
        assert order == [(1.0, 1.0), (1.5, 1.5), (2.0, 2.0), (3.0, 3.0)]

    async def test_who_does_not_wait_stays_in_the_moment(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        assert anyio.current_time() == 0.0

    def test_waiting_for_nothing_is_an_error_and_no_hang(self) -> None:
        loop = VirtualTimeLoop()
        with pytest.raises(RuntimeError, match="a deadlock in virtual time"):
            loop.run_until_complete(loop.create_future())
        loop.close()


class TestBooks:
    async def test_it_is_an_operation(self) -> None:
        operation = FakeOperation({})
        assert isinstance(operation, BulkOperation)
        assert operation.phase("RUNS") is Phase.ACTIONABLE
        assert operation.phase("anything else") is Phase.ALIEN

    async def test_a_stop_takes_its_time_and_a_second_one_changes_nothing(self) -> None:
        operation = FakeOperation({"a": FakeTask(stops_after=5.0)}, latency=1.0)
        ack = await operation.submit(["a"])
        assert (ack.accepted, ack.refused, ack.request_id) == (["a"], {}, "r1")
        assert operation.status_of("a") == "STOPPING"
        await operation.submit(["a"])
        await anyio.sleep(3.9)
        assert operation.status_of("a") == "STOPPING"
        await anyio.sleep(0.1)
        assert operation.status_of("a") == "STOPPED"
        assert operation.accepted["a"] == 2
        assert operation.asked == [(0.0, "stop", ["a"]), (1.0, "stop", ["a"])]

    async def test_some_refuse_forget_or_end_in_another_way(self) -> None:
        tasks = {"busy": FakeTask(refusals=[BUSY]), "deaf": FakeTask(forgets=1), "frail": FakeTask(ends_as="BROKEN")}
        operation = FakeOperation(tasks)
        ack = await operation.submit(list(tasks))
        assert (ack.accepted, ack.refused) == (["deaf", "frail"], {"busy": BUSY})
        await anyio.sleep(9.0)
        assert [operation.status_of(item) for item in tasks] == ["RUNS", "RUNS", "BROKEN"]
        assert (await operation.submit(["busy", "deaf"])).accepted == ["busy", "deaf"]

    async def test_an_id_may_be_left_out_of_the_answer_once(self) -> None:
        operation = FakeOperation({"a": FakeTask(), "b": FakeTask()})
        operation.unmentioned = {"a"}
        assert (await operation.submit(["a", "b"])).accepted == ["b"]
        assert operation.status_of("a") == "STOPPING"
        assert (await operation.submit(["a", "b"])).accepted == ["a", "b"]

    async def test_an_unknown_id_spoils_the_batch_or_is_refused_alone(self) -> None:
        operation = FakeOperation({"a": FakeTask()})
        with pytest.raises(ServiceError) as caught:
            await operation.submit(["a", "x"])
        assert caught.value.failure.verdict is Verdict.BAD_ITEM
        assert operation.status_of("a") == "RUNS"
        operation.spoil_unknown = False
        ack = await operation.submit(["a", "x"])
        assert ack.accepted == ["a"]
        assert ack.refused["x"].verdict is Verdict.GONE


class TestList:
    async def test_pages_in_the_order_of_the_tasks(self) -> None:
        operation = FakeOperation({f"t{n}": FakeTask(listed=n != 3) for n in range(10)}, page_limit=4)
        page = await operation.page(2, 1000)
        assert (page.ids, page.statuses, page.count) == (["t2", "t4", "t5", "t6"], ["RUNS"] * 4, 9)
        assert (await operation.page(100, 1000)).ids == []

    async def test_count_may_be_of_the_page(self) -> None:
        operation = FakeOperation({f"t{n}": FakeTask() for n in range(10)}, page_limit=4, count="page")
        assert (await operation.page(8, 4)).count == 2

    async def test_a_coarse_list_hides_what_is_going_and_a_look_does_not(self) -> None:
        operation = FakeOperation({"a": FakeTask()}, coarse=True)
        await operation.submit(["a"])
        assert (await operation.page(0, 10)).statuses == ["RUNS"]
        assert (await operation.look("a")).status == "STOPPING"
        await anyio.sleep(9.0)
        assert (await operation.page(0, 10)).statuses == ["STOPPED"]

    async def test_an_unknown_id_is_gone(self) -> None:
        with pytest.raises(ServiceError) as caught:
            await FakeOperation({}).look("x")
        assert caught.value.failure.verdict is Verdict.GONE


class TestFaults:
    async def test_each_is_raised_once_before_the_effect(self) -> None:
        operation = FakeOperation({"a": FakeTask()})
        operation.faults["stop"] = [LOST]
        with pytest.raises(ServiceError):
            await operation.submit(["a"])
        assert operation.status_of("a") == "RUNS"
        await operation.submit(["a"])
        assert operation.status_of("a") == "STOPPING"

    async def test_or_after_it(self) -> None:
        operation = FakeOperation({"a": FakeTask()})
        operation.faults["stop"] = [Failure(verdict=Verdict.LOST, message="after")]
        with pytest.raises(ServiceError):
            await operation.submit(["a"])
        assert operation.status_of("a") == "STOPPING"

    async def test_hooks_are_called_when_a_request_arrives(self) -> None:
        operation = FakeOperation({"a": FakeTask()}, latency=2.0)
        arrivals = []
        operation.hooks["show"] = lambda service: arrivals.append((service is operation, anyio.current_time()))
        await operation.look("a")
        assert arrivals == [(True, 2.0)]


class TestCounting:
    async def test_what_is_in_flight_is_counted_also_when_it_is_given_up(self) -> None:
        operation = FakeOperation({"a": FakeTask()}, latency=5.0, pace=PaceOptions(requests_per_second=1.0))
        with anyio.move_on_after(1.0):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(operation.look, "a")
        assert (operation.in_flight, operation.most_in_flight) == (0, 3)
        assert operation.calls("show") == ["a"] * 3
        assert operation.pacing.capacity("show", 10.0) == 10.0
