"""What the verbs on migration tasks have in common: one client, its list, its single look, its pacing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.dcs import states, wire

if TYPE_CHECKING:
    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.model import Page, Phase, Sighting
    from orchestrator.engine.pacing import Pacing


class MigrationTasks:
    """The half of a `BulkOperation` that looks; a verb adds its name, its words, its phases and its submit."""

    max_batch: int = wire.MAX_BATCH
    max_page: int = wire.MAX_PAGE
    gone_is_goal: bool = False

    def __init__(self, client: DcsClient, *, phases: states.PhaseTable) -> None:
        self._client = client
        self._phases = phases

    @property
    def pacing(self) -> Pacing:
        """The quotas of the client's identity."""
        return self._client.pacing

    @property
    def endpoint(self) -> str:
        """Where the tasks are."""
        return self._client.endpoint

    @property
    def project_id(self) -> str:
        """Whose tasks they are."""
        return self._client.project_id

    def phase(self, status: str) -> Phase:
        """What `status` means to this verb; `Phase.ALIEN` for anything unknown."""
        return states.phase(self._phases, status)

    async def page(self, offset: int, limit: int) -> Page:
        """One list page. Raises `ServiceError`."""
        return await self._client.list(offset, limit)

    async def look(self, item_id: str) -> Sighting:
        """One task. Raises `ServiceError`."""
        return await self._client.show(item_id)


def told_by_looks(page: Page, vague: str) -> Page:
    """`page`, in which rows whose status is `vague` keep their place and nothing else: single looks tell of them."""
    if not any(states.canonical(status) == vague for status in set(page.statuses)):
        return page
    rows = zip(page.ids, page.statuses, strict=True)
    return replace(page, ids=["" if states.canonical(status) == vague else key for key, status in rows])
