"""Promises of the signal: whoever waits is told, and who took its event before looking cannot miss it."""

from __future__ import annotations

import anyio

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
