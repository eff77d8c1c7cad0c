"""Stop migration tasks: a task is stopped when it reads TERMINATED, not when the request was delivered."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.dcs import states
from orchestrator.dcs.operations.tasks import MigrationTasks
from orchestrator.engine.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Ack


class StopMigrationTasks(MigrationTasks):
    """Stops tasks whose status is in `stop_states`; all others are left alone."""

    name: str = "stop"
    labels: Mapping[Outcome, str] = MappingProxyType({Outcome.DONE: "stopped", Outcome.ALREADY: "already_stopped"})
    over: frozenset[Outcome] = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.ENDED})

    def __init__(self, client: DcsClient, *, stop_states: Iterable[str] = states.DEFAULT_STOP_STATES) -> None:
        super().__init__(client, phases=states.stop_table(stop_states))

    async def submit(self, ids: Sequence[str]) -> Ack:
        """One batch-stop. Raises `ServiceError`."""
        return await self._client.batch_stop(ids)
