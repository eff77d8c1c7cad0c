"""The simulated service in a process of its own, so that what the run's process holds is the run's alone."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any, Self

from orchestrator.simulator.core import Service

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from orchestrator.simulator.answers import Incoming, Reply
    from orchestrator.simulator.options import SimulatorOptions


class Apart:
    """Answers as `Service` does, from elsewhere; only `ids` and `handle` are to be had of it."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        context = multiprocessing.get_context("spawn")  # a fork would hold what this process held
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, options), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        self._process.join()
        self._pipe.close()

    @property
    def ids(self) -> list[str]:
        """What a job would name; asked for each time, and not kept."""
        ids: list[str] = self._ask("ids")
        return ids

    def handle(self, incoming: Incoming, now: float) -> Reply:
        """Answer one request."""
        reply: Reply = self._ask((incoming, now))
        return reply

    def _ask(self, question: object) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()


def _serve(pipe: Connection, options: SimulatorOptions) -> None:
    service = Service(options)
    while (question := pipe.recv()) is not None:
        pipe.send(list(service.ids) if question == "ids" else service.handle(*question))
