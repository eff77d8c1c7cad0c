"""A run in this process over real sockets: our client and engine against the simulator's server."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine import events as ev
from orchestrator.engine.account import RunInfo
from orchestrator.engine.options import LimitOptions, PollOptions, RetryOptions, RunOptions
from orchestrator.engine.runner import Run
from orchestrator.engine.source import collect
from orchestrator.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.engine.account import Report
    from orchestrator.simulator.core import Service
    from orchestrator.simulator.options import SimulatorOptions
    from tests.faults.relay import Relay

PROJECT = "0123456789abcdef0123456789abcdef"
QUICK = RunOptions(
    retry=RetryOptions(base_backoff=0.02, max_backoff=0.1),
    poll=PollOptions(first_after=0.1, interval=0.1, reissue_after=3.0),
    limits=LimitOptions(deadline=20.0, give_up_after=5.0),
)


@dataclass(slots=True)
class Played:
    """What a run came to, what it met, and the service's own books."""

    report: Report
    service: Service
    relay: Relay | None = None  # what stood between
    events: list[ev.Event] = field(default_factory=list)

    @property
    def counted(self) -> dict[str, int]:
        """The outcomes that any task came to."""
        return {outcome: number for outcome, number in self.report.outcomes.items() if number}

    def failures(self, api: str) -> list[str]:
        """What the bad answers of one API were taken to mean, in order."""
        ended = (event for event in self.events if isinstance(event, ev.RequestEnded) and event.api == api)
        return [event.failure.verdict.value for event in ended if event.failure is not None]


async def play(
    simulator: SimulatorOptions,
    *,
    extra: Sequence[str] = (),
    options: RunOptions = QUICK,
    read_timeout: float = 0.4,
    between: Callable[[int], Relay] | None = None,
    **client_options: Any,
) -> Played:
    """Stop all tasks of a simulated service (and `extra` ids) and account for them.

    `between` makes a relay to the server's port, which the client takes for the server.
    """
    events: list[ev.Event] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(SimulatorServer(simulator))
        endpoint, relay = server.url, None
        if between is not None:
            relay = await stack.enter_async_context(between(urlsplit(server.url).port or 0))
            endpoint = f"{relay.scheme}://127.0.0.1:{relay.port}"
        client = DcsClient(project_id=PROJECT, endpoint=endpoint, read_timeout=read_timeout, **client_options)
        async with client:
            run = Run(
                StopMigrationTasks(client),
                collect([*server.service.ids, *extra]),
                info=RunInfo(run_id="r", name="faults", operation="stop"),
                options=options,
                observers=[events.append],
                random=Random(1),
            )
            report = await run.execute()
        report.check()
        return Played(report=report, service=server.service, relay=relay, events=events)
