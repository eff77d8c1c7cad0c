"""Delete migration tasks that are over: done when the service no longer knows them."""

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


class DeleteMigrationTasks(MigrationTasks):
    """Deletes tasks that are over; to delete a running one was not asked for. An unknown one is as good as deleted."""

    name: str = "delete"
    # No status means "deleted" (the task is gone), so ALREADY does not come up; it has its own word all the same.
    labels: Mapping[Outcome, str] = MappingProxyType({Outcome.DONE: "deleted", Outcome.ALREADY: "already_deleted"})
    over: frozenset[Outcome] = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.NOT_FOUND})
    gone_is_goal: bool = True

    def __init__(self, client: DcsClient) -> None:
        super().__init__(client, phases=states.DELETE_TABLE)

    async def submit(self, ids: Sequence[str]) -> Ack:
        """One delete request. Raises `ServiceError`."""
        return await self._client.delete(ids)
