"""The seam: what the engine asks of an operation. Another bulk verb is one more class of this shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.engine.model import Ack, Outcome, Page, Phase, Sighting
    from orchestrator.engine.pacing import Pacing


@runtime_checkable
class BulkOperation(Protocol):
    """One operation on many items: how to ask for it, how to look, and what a status means.

    Each of the three calls makes exactly **one** request and never retries, waits or paces: the engine does.
    Each raises `ServiceError` whose `failure.verdict` says what the answer means; nothing else is expected of it.
    """

    @property
    def name(self) -> str:
        """The verb: `"stop"`. Also the API name under which its requests are counted."""

    @property
    def labels(self) -> Mapping[Outcome, str]:
        """This operation's words for outcomes, where they differ (`{Outcome.DONE: "stopped", …}`)."""

    @property
    def over(self) -> frozenset[Outcome]:
        """Outcomes that need nobody's attention: a run with only these is a success."""

    @property
    def max_batch(self) -> int:
        """Ids a request at most."""

    @property
    def max_page(self) -> int:
        """Items a list page at most; 0 where there is no list."""

    @property
    def gone_is_goal(self) -> bool:
        """Whether an item that the service no longer knows is what the operation wants (delete)."""

    @property
    def pacing(self) -> Pacing:
        """The quotas of the identity that sends; runs that share a client share it."""

    def phase(self, status: str) -> Phase:
        """What `status` means. Must answer for any text."""

    async def submit(self, ids: Sequence[str]) -> Ack:
        """Ask for `ids`; at most `max_batch`."""

    async def page(self, offset: int, limit: int) -> Page:
        """The list from record `offset` on, at most `limit` items."""

    async def look(self, item_id: str) -> Sighting:
        """One item. An unknown one raises `ServiceError` with `Verdict.GONE`."""
