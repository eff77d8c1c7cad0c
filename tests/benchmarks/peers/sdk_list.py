"""The script with the vendor's SDK that looks by list: every page, every interval, until nobody is pending."""

from __future__ import annotations

from huaweicloudsdkdcs import v2

from tests.benchmarks.peers.sdk import Stops, main, retried

PAGE = 1000


def look(stops: Stops) -> None:
    """Read the whole list once."""

    def page(offset: int) -> int:
        request = v2.ListMigrationTaskRequest(offset=offset, limit=PAGE)
        answer = retried(stops.client.list_migration_task, request)
        for row in answer.migration_tasks:
            if row.task_id in stops.pending:
                stops.seen(row.task_id, row.status)
        return int(answer.count)

    count = page(0)
    list(stops.pool.map(page, range(PAGE, count, PAGE)))


if __name__ == "__main__":
    main(look)
