"""A waiting line of jobs: each job that is put in wakes one of those who wait for it, not all."""

from __future__ import annotations

from asyncio import Event
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """First in, first out."""

    def __init__(self) -> None:
        self._jobs: deque[T] = deque()
        self._idle: deque[Event] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: T) -> None:
        """Add a job."""
        self._jobs.append(job)
        if self._idle:
            self._idle.popleft().set()

    async def take(self) -> T:
        """Wait for a job."""
        while not self._jobs:
            event = Event()
            self._idle.append(event)
            try:
                await event.wait()
            except BaseException:
                self._leave(event)
                raise
        return self._jobs.popleft()

    def clear(self) -> None:
        """Nobody need do these any more."""
        self._jobs.clear()

    def _leave(self, event: Event) -> None:
        """Who waited goes away, and passes on a job that came at the same moment."""
        if not event.is_set():
            self._idle.remove(event)
        elif self._jobs and self._idle:
            self._idle.popleft().set()
