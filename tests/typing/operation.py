"""An operation of a user's own, complete and typed: type checkers read it, nobody runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator import (
    Ack,
    BulkOperation,
    Failure,
    Outcome,
    PaceOptions,
    Pacing,
    Page,
    Phase,
    Quota,
    ServiceError,
    Sighting,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Archive:
    """By plain attributes, as the protocol's properties may be given."""

    name = "archive"
    labels: Mapping[Outcome, str] = {Outcome.DONE: "archived"}
    over = frozenset({Outcome.DONE, Outcome.ALREADY})
    max_batch = 10
    max_page = 0
    gone_is_goal = False

    def __init__(self) -> None:
        self.pacing = Pacing(PaceOptions())

    def phase(self, status: str) -> Phase:
        """By heart."""
        return Phase.GOAL if status == "archived" else Phase.ACTIONABLE

    async def submit(self, ids: Sequence[str]) -> Ack:
        """All of them."""
        quota = Quota(policy="user", limit=10, seconds=1.0)
        if not ids:
            raise ServiceError(Failure(verdict=Verdict.THROTTLED, quota=quota, retry_after=1.5))
        return Ack(accepted=ids, request_id="r1")

    async def page(self, offset: int, limit: int) -> Page:
        """There is no list."""
        return Page(ids=[], statuses=[], count=offset + limit)

    async def look(self, item_id: str) -> Sighting:
        """Any."""
        return Sighting(status="archived", request_id=item_id)


class Unfinished:
    """This one cannot look."""

    name = "archive"


OPERATION: BulkOperation = Archive()
NONE: BulkOperation = Unfinished()  # type: ignore[assignment]
