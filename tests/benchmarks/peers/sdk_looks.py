"""The script with the vendor's SDK that looks singly: every pending task, every interval, until nobody is pending."""

from __future__ import annotations

from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkdcs import v2

from tests.benchmarks.peers.sdk import Stops, main, retried


def look(stops: Stops) -> None:
    """Look once at each pending task."""

    def one(task_id: str) -> None:
        try:
            answer = retried(stops.client.show_migration_task, v2.ShowMigrationTaskRequest(task_id=task_id))
        except ServiceResponseException as error:
            stops.outcomes[task_id] = f"{error.error_code} {error.error_msg}"
            stops.pending.discard(task_id)
        else:
            stops.seen(task_id, answer.status)

    list(stops.pool.map(one, list(stops.pending)))


if __name__ == "__main__":
    main(look)
