"""Promises of the signal: whoever waits is told, and who took its event before looking cannot miss it."""

from __future__ import annotations

import anyio
import pytest

from orchestrator.engine.signal import Signal


class TestSignal:
    async def test_all_who_wait_are_told(self) -> None:
        signal, told = Signal(), list[float]()

        async def wait() -> None:
            await signal.wait()
            told.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wait)
            await anyio.sleep(2.0)
            signal.give()
        assert told == [2.0, 2.0, 2.0]

    async def test_it_is_not_missed_between_looking_and_waiting(self) -> None:
        signal = Signal()
        event = signal.event
        assert not event.is_set()
        signal.give()
        assert event.is_set()
        assert not signal.event.is_set()

    async def test_it_tells_nothing_of_the_next_time(self) -> None:
        signal = Signal()
        signal.give()
        with anyio.move_on_after(1.0) as wait:
            await signal.wait()
        assert wait.cancelled_caught

    async def test_a_wait_has_an_end(self) -> None:
        signal = Signal()
        await signal.wait(2.5)
        assert anyio.current_time() == 2.5

    async def test_a_wait_ends_with_the_signal_and_rings_no_more(self) -> None:
        signal, told = Signal(), list[float]()

        async def wait(seconds: float) -> None:
            await signal.wait(seconds)
            told.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, 5.0)
            await anyio.sleep(1.0)
            signal.give()
            await anyio.sleep(0.0)
            later = signal.event
            await anyio.sleep(9.0)
        assert told == [1.0]
        assert not later.is_set()

    async def test_one_that_is_given_up_rings_no_more(self) -> None:
        signal = Signal()
        with anyio.move_on_after(1.0):
            await signal.wait(5.0)
        later = signal.event
        await anyio.sleep(9.0)
        assert not later.is_set()

    @pytest.mark.parametrize("start", [0.0, 1004.005, 1e7])
    @pytest.mark.parametrize("seconds", [0.0, 1e-13])
    async def test_the_clock_has_moved_after_the_shortest_wait(self, start: float, seconds: float) -> None:
        """Who asks the clock and waits again would otherwise do so for ever, within one instant."""
        await anyio.sleep(start)
        before = anyio.current_time()
        await Signal().wait(seconds)
        assert anyio.current_time() > before
