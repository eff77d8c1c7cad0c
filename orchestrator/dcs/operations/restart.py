"""Restart stopped migration tasks: done when a task is incremental again, or has succeeded."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.dcs import states
from orchestrator.dcs.operations.tasks import MigrationTasks
from orchestrator.engine.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Ack


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
