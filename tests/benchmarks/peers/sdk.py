"""What both SDK scripts share: the vendor's client, a thread pool, and retries with jitter."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ConnectionException, ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkdcs import v2

from tests.benchmarks.peers.script import ATTEMPTS, BASE_BACKOFF, BATCH, MAX_BACKOFF, OVER, RETRIED, read_arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


class Stops:
    """Stops a list of tasks; `outcomes` is the account, `pending` what is not over."""

    def __init__(self, client: Any, pool: ThreadPoolExecutor, ids: list[str]) -> None:
        self.client = client
        self.pool = pool
        self.ids = list(dict.fromkeys(ids))
        self.outcomes: dict[str, str] = {}
        self.pending: set[str] = set()

    def submit(self) -> None:
        """Send every stop."""
        batches = [self.ids[i : i + BATCH] for i in range(0, len(self.ids), BATCH)]
        list(self.pool.map(self._submit, batches))

    def seen(self, task_id: str, status: str) -> None:
        """Enter what a task was seen to be."""
        if status in OVER:
            self.outcomes[task_id] = status
            self.pending.discard(task_id)

    def _submit(self, batch: list[str]) -> None:
        body = v2.BatchStopMigrationTasksBody(migration_tasks=batch)
        request = v2.BatchStopMigrationTasksRequest(body=body)
        try:
            answer = retried(self.client.batch_stop_migration_tasks, request)
        except ServiceResponseException as error:
            if error.status_code == 400 and len(batch) > 1:  # one bad id spoils them all
                half = len(batch) // 2
                self._submit(batch[:half])
                self._submit(batch[half:])
            else:
                self.outcomes.update(dict.fromkeys(batch, f"{error.error_code} {error.error_msg}"))
            return
        for item in answer.migration_tasks:
            if item.result in {None, "success"}:
                self.pending.add(item.task_id)
            else:
                self.outcomes[item.task_id] = f"refused: {item.error_code} {item.error_msg}"


def retried(call: Callable[[Any], Any], request: Any) -> Any:
    """Send one request until it is answered for good."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return call(request)
        except ServiceResponseException as error:
            if error.status_code not in RETRIED:
                raise
        except (ConnectionException, requests.RequestException):
            pass  # the SDK lets some of requests' own errors through
        time.sleep(random.uniform(0, min(MAX_BACKOFF, BASE_BACKOFF * 2**attempt)))
    return call(request)


def main(look: Callable[[Stops], None]) -> None:
    """Stop what the command line names, look by `look` until all is over, and print how many came to what."""
    arguments = read_arguments()
    with ThreadPoolExecutor(arguments.workers) as pool:
        stops = Stops(_client(arguments), pool, arguments.ids.read_text().split())
        stops.submit()
        while stops.pending:
            time.sleep(arguments.interval)
            look(stops)
    print(json.dumps(Counter(stops.outcomes.values())))  # noqa: T201  the account, for people


def _client(arguments: argparse.Namespace) -> Any:
    credentials = BasicCredentials("SIMULATORACCESSKEY00", "simulator-secret-key", arguments.project)
    config = HttpConfig(pool_connections=arguments.workers, pool_maxsize=arguments.workers)
    builder = v2.DcsClient.new_builder().with_credentials(credentials).with_http_config(config)
    return builder.with_endpoints([arguments.endpoint]).build()
