"""What both hand-written scripts share: asyncio, aiohttp, a token, a bound on requests, and retries with jitter."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

BATCH = 50
ATTEMPTS = 20
BASE_BACKOFF = 0.5
MAX_BACKOFF = 30.0
RETRIED = frozenset({429, 500, 502, 503, 504})
OVER = frozenset({"TERMINATED", "SUCCESS", "FAILED", "ERROR", "RELEASED", "MIGRATION_SUCCESS", "MIGRATION_FAILED"})


class RefusedError(Exception):
    """The service said no, and will say so again."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


class Api:
    """The calls, retried, at most so many at a time."""

    def __init__(self, session: aiohttp.ClientSession, base: str, workers: int) -> None:
        self.workers = workers
        self._session = session
        self._base = base
        self._free = asyncio.Semaphore(workers)

    async def call(self, method: str, path: str, **more: Any) -> Any:
        """Send one request until it is answered for good."""
        for attempt in range(ATTEMPTS):
            try:
                async with self._free, self._session.request(method, self._base + path, **more) as response:
                    if response.status == 200:
                        return await response.json()
                    if response.status not in RETRIED:
                        raise RefusedError(response.status, await response.text())
                    wait = response.headers.get("Retry-After")
            except (aiohttp.ClientError, TimeoutError):
                wait = None
            cap = min(MAX_BACKOFF, BASE_BACKOFF * 2**attempt)
            await asyncio.sleep(float(wait) if wait else random.uniform(0, cap))
        raise RefusedError(0, f"no answer after {ATTEMPTS} attempts")

    async def each(self, items: Iterable[Any], work: Callable[[Any], Awaitable[None]]) -> None:
        """Do something for every item, by as many workers as there may be requests."""
        left = iter(items)

        async def worker() -> None:
            for item in left:
                await work(item)

        await asyncio.gather(*(worker() for _ in range(self.workers)))


class Stops:
    """Stops a list of tasks; `outcomes` is the account, `pending` what is not over."""

    def __init__(self, api: Api, ids: list[str]) -> None:
        self.api = api
        self.ids = list(dict.fromkeys(ids))
        self.outcomes: dict[str, str] = {}
        self.pending: set[str] = set()

    async def submit(self) -> None:
        """Send every stop."""
        batches = [self.ids[i : i + BATCH] for i in range(0, len(self.ids), BATCH)]
        await self.api.each(batches, self._submit)

    def seen(self, task_id: str, status: str) -> None:
        """Enter what a task was seen to be."""
        if status in OVER:
            self.outcomes[task_id] = status
            self.pending.discard(task_id)

    async def _submit(self, batch: list[str]) -> None:
        try:
            answer = await self.api.call("POST", "/migration-task/batch-stop", json={"migration_tasks": batch})
        except RefusedError as error:
            if error.status == 400 and len(batch) > 1:  # one bad id spoils them all
                half = len(batch) // 2
                await self._submit(batch[:half])
                await self._submit(batch[half:])
            else:
                self.outcomes.update(dict.fromkeys(batch, str(error)))
            return
        for item in answer["migration_tasks"]:
            task_id = item["task_id"]
            if item.get("result", "success") == "success":
                self.pending.add(task_id)
            else:
                self.outcomes[task_id] = f"refused: {item.get('error_code')} {item.get('error_msg')}"


async def _stop_all(look: Callable[[Stops], Awaitable[None]], arguments: argparse.Namespace) -> dict[str, str]:
    connector = aiohttp.TCPConnector(limit=arguments.workers)
    headers = {"X-Auth-Token": "simulator-token"}
    base = f"{arguments.endpoint}/v2/{arguments.project}"
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        stops = Stops(Api(session, base, arguments.workers), arguments.ids.read_text().split())
        await stops.submit()
        while stops.pending:
            await asyncio.sleep(arguments.interval)
            await look(stops)
    return stops.outcomes


def main(look: Callable[[Stops], Awaitable[None]]) -> None:
    """Stop what the command line names, look by `look` until all is over, and print how many came to what."""
    outcomes = asyncio.run(_stop_all(look, read_arguments()))
    print(json.dumps(Counter(outcomes.values())))  # noqa: T201  the account, for people


def read_arguments() -> argparse.Namespace:
    """Read the command line that all scripts have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("project")
    parser.add_argument("ids", type=Path)
    parser.add_argument("--interval", type=float, default=2.0)
    parser.add_argument("--workers", type=int, default=8)
    return parser.parse_args()
