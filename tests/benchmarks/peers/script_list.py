"""The hand-written script that looks by list: every page, every interval, until nobody is pending."""

from __future__ import annotations

from tests.benchmarks.peers.script import Stops, main

PAGE = 1000


async def look(stops: Stops) -> None:
    """Read the whole list once."""

    async def page(offset: int) -> int:
        params = {"offset": offset, "limit": PAGE}
        answer = await stops.api.call("GET", "/migration-tasks", params=params)
        pending = stops.pending
        for row in answer["migration_tasks"]:
            if row["task_id"] in pending:
                stops.seen(row["task_id"], row["status"])
        return int(answer["count"])

    async def further(offset: int) -> None:
        await page(offset)

    count = await page(0)
    await stops.api.each(range(PAGE, count, PAGE), further)


if __name__ == "__main__":
    main(look)
