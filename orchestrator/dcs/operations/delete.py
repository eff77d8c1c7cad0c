"""Delete migration tasks that are over: done when the service no longer knows them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.dcs import states
from orchestrator.dcs.operations.tasks import MigrationTasks
from orchestrator.engine.model import Failure, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Ack, Sighting

PASSED_OVER = Failure(verdict=Verdict.GONE, message="the service passed over this id, as if there were no such task")


class DeleteMigrationTasks(MigrationTasks):
    """Deletes tasks that are over; to delete a running one was not asked for. An unknown one is as good as deleted."""

    name: str = "delete"
    # No status means "deleted" (the task is gone), so ALREADY does not come up: it needs no word of its own.
    labels: Mapping[Outcome, str] = MappingProxyType({Outcome.DONE: "deleted", Outcome.ALREADY: "deleted"})
    over: frozenset[Outcome] = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.NOT_FOUND})
    gone_is_goal: bool = True

    def __init__(self, client: DcsClient) -> None:
        super().__init__(client, phases=states.DELETE_TABLE)
        self._looked_at: set[str] = set()  # known by a single look only, and not deleted yet

    async def submit(self, ids: Sequence[str]) -> Ack:
        """One delete request. Raises `ServiceError`.

        The service passes over ids that do not exist. One that only a single look showed may be such a one: what was
        deleted long ago can still be described (https://github.com/huaweicloud/terraform-provider-huaweicloud,
        online_data_migration_task.go).
        """
        ack = await self._client.delete(ids)
        passed_over = self._looked_at.intersection(ids).difference(ack.accepted)
        self._looked_at.difference_update(ids)
        return replace(ack, refused=dict.fromkeys(passed_over, PASSED_OVER))

    async def look(self, item_id: str) -> Sighting:
        """One task. Raises `ServiceError`."""
        sighting = await super().look(item_id)
        self._looked_at.add(item_id)
        return sighting
