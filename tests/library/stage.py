"""A stage for the library's tests: a simulated service on loopback, quick options, and a spy on the process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator import DcsClient, LimitOptions, PaceOptions, PollOptions, RetryOptions, RunOptions, SubmitOptions
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.server import SimulatorServer
from orchestrator.testing import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from orchestrator import CredentialsProvider, Report

T = TypeVar("T")

PROJECT = "0123456789abcdef0123456789abcdef"
OVER = {"TERMINATED": 1}
MOVING = {"MIGRATING": 1}


def quick(*, batch_size: int = 50, **limits: Any) -> RunOptions:
    """Options for a service that is near and fast."""
    return RunOptions(
        submit=SubmitOptions(batch_size=batch_size),
        retry=RetryOptions(attempts=3, base_backoff=0.01, max_backoff=0.05),
        poll=PollOptions(first_after=0.02, interval=0.05, max_interval=0.2),
        limits=LimitOptions(**{"deadline": 30.0, **limits}),
    )


@asynccontextmanager
async def service(
    tasks: int = 20, ids: Sequence[str] | None = None, *, stop_seconds: float = 0.05, **traits: Any
) -> AsyncIterator[SimulatorServer]:
    """A simulated service whose tasks stop at once."""
    options = {"tasks": tasks, "stop_seconds": stop_seconds, "restart_seconds": 0.05, "delete_seconds": 0.05, **traits}
    async with SimulatorServer(SimulatorOptions.from_mapping(options), ids) as server:
        yield server


def client_of(
    server: SimulatorServer, *, pace: PaceOptions | None = None, credentials: CredentialsProvider | None = None
) -> DcsClient:
    """A client of that service."""
    return DcsClient(endpoint=server.url, project_id=PROJECT, pace=pace or PaceOptions(), credentials=credentials)


def ids_of(server: SimulatorServer) -> list[str]:
    """The ids of the job that the service was made for."""
    return list(server.service.ids)


def counted(report: Report) -> dict[str, int]:
    """The outcomes that occur."""
    return {outcome: number for outcome, number in report.counts.items() if number}


def in_virtual_time(story: Coroutine[Any, Any, T]) -> T:
    """Play `story` on a loop whose clock jumps."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story)
