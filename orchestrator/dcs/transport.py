"""The seam to the network: one request out, one answer in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from orchestrator.dcs.wire import Request, Response


@runtime_checkable
class Transport(Protocol):
    """Sends one request, once: never again by itself, and never after a redirect."""

    async def send(self, request: Request, *, url: str) -> Response:
        """Send `request`, with its headers as they are, to `url` (complete, and encoded already).

        Raises `ServiceError`: `Verdict.UNREACHED` if the request certainly did not leave, `Verdict.LOST` if it
        perhaps did, `Verdict.RUN_REFUSED` if it never can.
        """

    async def aclose(self) -> None:
        """Let go of all connections."""
