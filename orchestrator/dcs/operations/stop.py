"""Stop migration tasks: a task is stopped when it reads TERMINATED, not when the request was delivered."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.dcs import states
from orchestrator.dcs.operations.tasks import MigrationTasks, told_by_looks
from orchestrator.engine.model import Outcome, Phase
from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Ack, Page


class StopMigrationTasks(MigrationTasks):
    """Stops tasks whose status is in `stop_states`; all others are left alone. Raises `InputError`."""

    name: str = "stop"
    labels: Mapping[Outcome, str] = MappingProxyType({Outcome.DONE: "stopped", Outcome.ALREADY: "already_stopped"})
    over: frozenset[Outcome] = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.ENDED})

    def __init__(self, client: DcsClient, *, stop_states: Iterable[str] = states.DEFAULT_STOP_STATES) -> None:
        if isinstance(stop_states, str):
            raise InputError(f"stop_states is one piece of text, not a list of statuses; write [{stop_states!r}]")
        super().__init__(client, phases=states.stop_table(stop_states))
        # The list may say MIGRATING of every task that runs; where only some of these are to be stopped, that is vague.
        finer = (states.FULLMIGRATING, states.INCRMIGEATING)
        self._list_is_vague = self.phase(states.MIGRATING) is not Phase.ACTIONABLE and any(
            self.phase(status) is Phase.ACTIONABLE for status in finer
        )

    async def submit(self, ids: Sequence[str]) -> Ack:
        """One batch-stop. Raises `ServiceError`."""
        return await self._client.batch_stop(ids)

    async def page(self, offset: int, limit: int) -> Page:
        """One list page. Raises `ServiceError`."""
        page = await super().page(offset, limit)
        return told_by_looks(page, states.MIGRATING) if self._list_is_vague else page
