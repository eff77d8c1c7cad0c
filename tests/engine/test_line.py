"""Promises of the line: every job is done once, in order, and no job waits beside an idle hand."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from orchestrator.engine.line import Line


class TestLine:
    async def test_jobs_are_done_once_and_in_order(self) -> None:
        line: Line[int] = Line()
        done: list[int] = []

        async def work() -> None:
            while True:
                done.append(await line.take())
                await anyio.sleep(1.0)

        with anyio.move_on_after(10.0):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(work)
                await anyio.sleep(0.5)
                for job in range(9):
                    line.put(job)
                assert len(line) == 9
                await anyio.sleep(2.5)
                assert done == list(range(9))
        assert len(line) == 0

    @pytest.mark.parametrize("pause", [0.0, 1.0])
    async def test_a_job_is_not_lost_with_the_hand_that_it_woke(self, pause: float) -> None:
        """The job and the word to go come in either order, and perhaps before the hand has run again."""
        for job_first in (True, False):
            line: Line[str] = Line()
            done: list[str] = []

            async def work(scope: anyio.CancelScope, line: Line[str] = line, done: list[str] = done) -> None:
                with scope:
                    done.append(await line.take())

            first, second = anyio.CancelScope(), anyio.CancelScope()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work, first)
                tasks.start_soon(work, second)
                await anyio.sleep(1.0)
                for step in (partial(line.put, "job"), first.cancel)[:: 1 if job_first else -1]:
                    step()
                    await anyio.sleep(pause)
                await anyio.sleep(1.0)
                assert done == ["job"]
                second.cancel()

    async def test_what_is_cleared_is_done_by_nobody(self) -> None:
        line: Line[int] = Line()
        line.put(1)
        line.clear()
        with anyio.move_on_after(1.0) as wait:
            await line.take()
        assert wait.cancelled_caught
