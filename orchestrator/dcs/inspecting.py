"""An operation that only looks, and remembers of each task of the job what kind of migration it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from orchestrator.engine.ids import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.dcs.details import TaskDetails
    from orchestrator.engine.ids import PackedIds
    from orchestrator.engine.model import Outcome, Page, Phase, Sighting
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.pacing import Pacing

MOST_KINDS = 255  # one byte a task; more kinds than that are not told apart


class Kind(NamedTuple):
    """What a person wants to know of a migration before it is stopped; empty text where the service does not say."""

    method: str = ""
    resume_mode: str = ""


class Inspecting:
    """A `BulkOperation` whose `submit` always fails: whoever holds it can send nothing.

    Statuses mean what they mean to `operation`. `ids` are those of the job.
    """

    def __init__(self, operation: BulkOperation, client: DcsClient, ids: PackedIds) -> None:
        self.kinds: list[Kind] = [Kind()]
        self._kind = bytearray(len(ids))
        self._codes: dict[Kind, int] = {Kind(): 0}
        self._operation = operation
        self._client = client
        self._ids = ids

    @property
    def name(self) -> str:
        """The verb."""
        return self._operation.name

    @property
    def labels(self) -> Mapping[Outcome, str]:
        """The operation's words."""
        return self._operation.labels

    @property
    def over(self) -> frozenset[Outcome]:
        """The operation's own."""
        return self._operation.over

    @property
    def max_batch(self) -> int:
        """The operation's own."""
        return self._operation.max_batch

    @property
    def max_page(self) -> int:
        """The operation's own."""
        return self._operation.max_page

    @property
    def gone_is_goal(self) -> bool:
        """The operation's own."""
        return self._operation.gone_is_goal

    @property
    def pacing(self) -> Pacing:
        """The quotas of the client's identity."""
        return self._operation.pacing

    def phase(self, status: str) -> Phase:
        """What `status` means to the operation."""
        return self._operation.phase(status)

    async def submit(self, ids: Sequence[str]) -> NoReturn:
        """Never: this is for looking. Raises `RuntimeError`."""
        raise RuntimeError(f"an inspection sends nothing, and was asked to {self.name} {len(ids)} tasks")

    async def page(self, offset: int, limit: int) -> Page:
        """One list page. Raises `ServiceError`."""
        page, rows = await self._client.list_detailed(offset, limit)
        for row in rows:
            self._remember(row.task_id, row)
        return page

    async def look(self, item_id: str) -> Sighting:
        """One task. Raises `ServiceError`."""
        sighting, details = await self._client.show_detailed(item_id)
        self._remember(item_id, details)
        return sighting

    def kind_of(self, item: int) -> Kind:
        """What was learned of the item at this place."""
        return self.kinds[self._kind[item]]

    def _remember(self, item_id: str, details: TaskDetails) -> None:
        item = self._ids.item_of(item_id)
        if item == ABSENT:
            return
        kind = Kind(details.method, details.resume_mode)
        code = self._codes.get(kind)
        if code is None:
            if len(self.kinds) > MOST_KINDS:
                return
            code = self._codes[kind] = len(self.kinds)
            self.kinds.append(kind)
        self._kind[item] = code
