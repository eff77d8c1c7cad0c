"""Restart stopped migration tasks: done when a task is incremental again, or has succeeded."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.dcs import states
from orchestrator.dcs.operations.tasks import MigrationTasks
from orchestrator.engine.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Ack, Page


class RestartMigrationTasks(MigrationTasks):
    """Restarts tasks that are TERMINATED. Whether the full copy is done again, the vendor does not say."""

    name: str = "restart"
    labels: Mapping[Outcome, str] = MappingProxyType({Outcome.DONE: "restarted", Outcome.ALREADY: "already_running"})
    over: frozenset[Outcome] = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.ENDED})

    def __init__(self, client: DcsClient) -> None:
        super().__init__(client, phases=states.RESTART_TABLE)

    async def submit(self, ids: Sequence[str]) -> Ack:
        """One batch-restart. Raises `ServiceError`."""
        return await self._client.batch_restart(ids)

    async def page(self, offset: int, limit: int) -> Page:
        """One list page, in which a task that is MIGRATING keeps its place and nothing else. Raises `ServiceError`.

        The list may say so of every task that runs, incremental or not: whether it is back is for a single look.
        """
        page = await super().page(offset, limit)
        if not any(states.canonical(status) == states.MIGRATING for status in set(page.statuses)):
            return page
        rows = zip(page.ids, page.statuses, strict=True)
        return replace(page, ids=["" if states.canonical(word) == states.MIGRATING else key for key, word in rows])
