"""The simulated service in a process of its own, with a stop-watch: `python -m tests.benchmarks.service OPTIONS IDS`.

It writes the ids of its tasks to the file IDS, says where it listens, and on one line of input tells what its
books say. The input's end is its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import chance
from orchestrator.simulator.core import Service
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.routes import find
from orchestrator.simulator.server import SimulatorServer
from orchestrator.simulator.statuses import TERMINATED

if TYPE_CHECKING:
    from orchestrator.simulator.answers import Incoming, Reply

OK = 200


class TimedService(Service):
    """A service that notes when it was asked and when its tasks came down; times are of the monotonic clock."""

    def __init__(self, options: SimulatorOptions) -> None:
        super().__init__(options, epoch=time.time() - time.monotonic())
        self.first_request: float | None = None
        self.last_request = 0.0
        self.first_stop: float | None = None
        self.last_stop = 0.0
        """When the last stop request arrived that was let through."""
        self.ended = 0
        self.last_end = 0.0
        self._tasks.on_step = self._stepped

    def handle(self, incoming: Incoming, now: float) -> Reply:
        """Answer one request, and note its time."""
        answer = super().handle(incoming, now)
        if self.first_request is None:
            self.first_request = now
        self.last_request = now
        route = find(incoming.method, incoming.path)
        if route is not None and route.api == "stop" and answer.status == OK:
            if self.first_stop is None:
                self.first_stop = now
            self.last_stop = now
        return answer

    def figures(self) -> dict[str, Any]:
        """What the books say, when whoever was watched is done."""
        now = time.monotonic()
        for number in map(self._tasks.find, self.ids):
            if number is not None:
                self._tasks.look(number, now)
        answers: dict[str, dict[str, int]] = {}
        for (api, status), count in sorted(self.books.answers.items()):
            answers.setdefault(api, {})[str(status)] = count
        return {
            "answers": answers,
            "asked": {effect.value: count for (_, effect), count in self.books.effects.items()},
            "terminated": self.ended,
            "first_request": self.first_request,
            "last_request": self.last_request,
            "first_stop": self.first_stop,
            "last_stop": self.last_stop,
            "last_end": self.last_end,
            "longest_stop": self._longest_stop(),
            "cpu_seconds": time.process_time(),
        }

    def _stepped(self, _: int, at: float, status: int) -> None:
        if status == TERMINATED:
            self.ended += 1
            self.last_end = max(self.last_end, at)

    def _longest_stop(self) -> float:
        key = chance.key(self.options.seed, "stop")
        numbers = (number for number in map(self._tasks.find, self.ids) if number is not None)
        latest = max(chance.uniform(key, number) for number in numbers)
        return chance.seconds(self.options.stop_seconds, latest)


async def serve(service: TimedService) -> None:
    """Serve until the input ends."""
    server = SimulatorServer(SimulatorOptions(tasks=1))
    server.service = service
    async with server:
        tell({"url": server.url})
        while await asyncio.to_thread(sys.stdin.readline):
            tell(service.figures() | {"most_in_flight": server.most_in_flight})


def tell(message: object) -> None:
    """Say something to whoever started this process."""
    print(json.dumps(message), flush=True)  # noqa: T201  the pipe to the parent


def main(options: str, ids: str) -> None:
    """Make the service, write its ids, and serve."""
    service = TimedService(SimulatorOptions.from_mapping(json.loads(options)))
    Path(ids).write_text("".join(f"{task_id}\n" for task_id in service.ids))
    gc.freeze()  # a million tasks stay where they are: no collection need walk over them again
    asyncio.run(serve(service))


if __name__ == "__main__":
    main(*sys.argv[1:])
