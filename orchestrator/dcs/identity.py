"""Who sends: fetches credentials when they are needed, and puts them on requests as the service wants them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator._version import __version__
from orchestrator.dcs import quotas, signing
from orchestrator.engine.model import Failure, Verdict
from orchestrator.errors import CredentialsError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.dcs.credentials import Credentials, CredentialsProvider
    from orchestrator.dcs.wire import Request, Response
    from orchestrator.engine.gate import Gate

RENEW_BEFORE: Final = 300.0  # seconds before they expire, credentials are fetched anew
RENEW_PAUSE: Final = 30.0  # seconds between two such fetches, if the provider has none that last longer
NOTABLE_SKEW: Final = 60.0  # seconds; the service tolerates 15 minutes, and a Date header is never exact
_UNSIGNED: Final = {"User-Agent": f"dcs-orchestrator/{__version__}", "Accept": "application/json"}


class Identity:
    """The credentials of one client, cached until they expire or the gate says that they were refused.

    Without a `provider` requests go unsigned. `now` is the clock that stamps signatures (seconds since the epoch).
    """

    def __init__(
        self,
        *,
        provider: CredentialsProvider | None,
        project_id: str,
        host: str,
        gate: Gate,
        now: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._project_id = project_id
        self._host = host
        self._gate = gate
        self._now = now
        self._skew = 0.0  # seconds that the service's clock is ahead of ours
        self._cached: Credentials | None = None
        self._generation = gate.generation  # the gate's, when the cached ones were fetched
        self._renew_at: float | None = None  # seconds since the epoch
        self._fetching = anyio.Lock()

    async def authenticated(self, request: Request) -> Request:
        """`request` with all its headers. What is signed does not change on the way: no proxy rewrites these.

        Raises `CredentialsError` if there are no credentials to begin with, `ServiceError` if they are gone later.
        """
        credentials = await self._credentials()
        headers = {**request.headers, "Host": self._host, "X-Project-Id": self._project_id}
        if credentials is not None and credentials.token:
            headers["X-Auth-Token"] = credentials.token
        elif credentials is not None:
            headers["X-Sdk-Date"] = signing.stamp(self._now() + self._skew)
            if credentials.security_token:
                headers["X-Security-Token"] = credentials.security_token
            headers["Authorization"] = signing.authorization(
                method=request.method,
                path=request.path,
                query=request.query,
                headers=headers,
                body=request.body,
                ak=credentials.ak,
                sk=credentials.sk,
            )
        headers |= _UNSIGNED
        return dataclasses.replace(request, headers=headers)

    def heed_refusal(self, response: Response) -> None:
        """Take from a 401 how far the service's clock is from ours; later signatures are stamped with its time."""
        answered_at = quotas.timestamp_of(response.headers.get("date", ""))
        if answered_at is not None:
            skew = answered_at - self._now()
            self._skew = skew if abs(skew) > NOTABLE_SKEW else 0.0

    async def _credentials(self) -> Credentials | None:
        if self._provider is None or self._is_fresh():
            return self._cached
        async with self._fetching:
            if not self._is_fresh():  # nobody else has fetched them meanwhile
                await self._fetch(self._provider)
        return self._cached

    def _is_fresh(self) -> bool:
        due = self._renew_at is not None and self._now() >= self._renew_at
        return self._cached is not None and self._generation == self._gate.generation and not due

    async def _fetch(self, provider: CredentialsProvider) -> None:
        generation = self._gate.generation
        try:
            fetched = await provider.fetch()
        except CredentialsError as error:
            if self._cached is None:
                raise
            self._endure(error, refused=generation != self._generation)
            return
        self._cached, self._generation, self._renew_at = fetched, generation, None
        if fetched.expires_at is not None:
            self._renew_at = max(fetched.expires_at - RENEW_BEFORE, self._now() + RENEW_PAUSE)

    def _endure(self, error: CredentialsError, *, refused: bool) -> None:
        """Go on with the cached ones where they are still good; else say so in the service's stead."""
        expires_at = None if self._cached is None else self._cached.expires_at
        if not refused and expires_at is not None and self._now() < expires_at:
            self._renew_at = self._now() + RENEW_PAUSE
            return
        message = f"the credentials could not be read again: {error}"
        raise ServiceError(Failure(verdict=Verdict.UNAUTHENTICATED, message=message)) from error
