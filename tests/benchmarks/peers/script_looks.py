"""The hand-written script that looks singly: every pending task, every interval, until nobody is pending."""

from __future__ import annotations

from tests.benchmarks.peers.script import RefusedError, Stops, main


async def look(stops: Stops) -> None:
    """Look once at each pending task."""

    async def one(task_id: str) -> None:
        try:
            answer = await stops.api.call("GET", f"/migration-task/{task_id}")
        except RefusedError as error:
            stops.outcomes[task_id] = str(error)
            stops.pending.discard(task_id)
        else:
            stops.seen(task_id, answer["status"])

    await stops.api.each(list(stops.pending), one)


if __name__ == "__main__":
    main(look)
