"""Promises of the slots: never over, nobody starves, none is lost."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine.slots import Lane, Slots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def taken(slots: Slots, lane: Lane) -> AsyncIterator[None]:
    await slots.acquire(lane)
    try:
        yield
    finally:
        slots.release()


class TestSlots:
    @pytest.mark.parametrize("count", [1, 3, 8])
    async def test_never_over(self, count: int) -> None:
        slots, out, most = Slots(count), 0, 0

        async def work(lane: Lane) -> None:
            nonlocal out, most
            async with taken(slots, lane):
                out += 1
                most = max(most, out)
                assert slots.in_use >= out
                await anyio.sleep(1.0)
                out -= 1

        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(work, list(Lane)[number % 3])
        assert most == count == slots.highest
        assert (slots.in_use, slots.free) == (0, count)
        assert anyio.current_time() == pytest.approx(-(-40 // count))

    async def serve(self, slots: Slots, hungry: dict[Lane, int], rounds: int) -> Counter[Lane]:
        """Let so many workers of each lane ask again and again, one slot in all; count whom it was given to."""
        served: Counter[Lane] = Counter()

        async def work(lane: Lane) -> None:
            while True:
                async with taken(slots, lane):
                    served[lane] += 1
                    await anyio.sleep(1.0)

        with anyio.move_on_after(rounds):
            async with anyio.create_task_group() as tasks:
                for lane, number in hungry.items():
                    for _ in range(number):
                        tasks.start_soon(work, lane)
        return served

    async def test_lanes_that_wait_are_served_by_weight(self) -> None:
        served = await self.serve(Slots(1), dict.fromkeys(Lane, 5), 900)
        assert served[Lane.SUBMIT] == pytest.approx(400, abs=2)
        assert served[Lane.SURVEY] == pytest.approx(300, abs=2)
        assert served[Lane.LOOK] == pytest.approx(200, abs=2)

    async def test_many_waiting_in_one_lane_do_not_starve_another(self) -> None:
        served = await self.serve(Slots(1), {Lane.SUBMIT: 1, Lane.LOOK: 50}, 300)
        assert served[Lane.SUBMIT] >= 99

    async def test_turns_that_were_free_for_the_asking_are_not_held_against_a_lane(self) -> None:
        """Stops had the slots to themselves for an hour; when looks begin, they go on sharing by weight."""
        slots = Slots(1)
        for _ in range(1000):
            async with taken(slots, Lane.SUBMIT):
                await anyio.sleep(1.0)
        served = await self.serve(slots, {Lane.SUBMIT: 3, Lane.LOOK: 3}, 60)
        assert served[Lane.SUBMIT] == pytest.approx(40, abs=2)

    async def test_turns_that_were_not_taken_are_not_saved_up(self) -> None:
        slots = Slots(1)
        await self.serve(slots, {Lane.LOOK: 3}, 1000)
        served = await self.serve(slots, {Lane.SUBMIT: 3, Lane.LOOK: 3}, 60)
        assert served[Lane.LOOK] == pytest.approx(20, abs=2)

    async def test_who_is_cancelled_while_waiting_loses_no_slot(self) -> None:
        slots = Slots(1)
        async with taken(slots, Lane.LOOK):
            with anyio.move_on_after(1.0):
                async with taken(slots, Lane.SUBMIT):
                    raise AssertionError
        async with taken(slots, Lane.SUBMIT):
            assert slots.in_use == 1
        assert slots.free == 1

    async def test_who_is_cancelled_at_the_moment_of_its_turn_hands_it_on(self) -> None:
        slots, got = Slots(1), []

        async def wait(name: str, scope: anyio.CancelScope) -> None:
            with scope:
                async with taken(slots, Lane.LOOK):
                    got.append(name)

        first, second = anyio.CancelScope(), anyio.CancelScope()
        async with anyio.create_task_group() as tasks, taken(slots, Lane.SUBMIT):
            tasks.start_soon(wait, "first", first)
            tasks.start_soon(wait, "second", second)
            await anyio.sleep(1.0)
            first.cancel()  # and before it has run again it is handed the slot, too
        assert got == ["second"]
        assert slots.free == 1

    async def test_idle_is_told_when_the_last_one_is_back(self) -> None:
        slots, told = Slots(2), []

        async def listen() -> None:
            await slots.idle.wait()
            told.append(anyio.current_time())

        async def work(seconds: float) -> None:
            async with taken(slots, Lane.LOOK):
                await anyio.sleep(seconds)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            tasks.start_soon(work, 1.0)
            tasks.start_soon(work, 3.0)
        assert told == [3.0]
