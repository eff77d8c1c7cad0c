"""The client of the migration-task API: each method is one request, without retry and without pacing."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urlsplit

import anyio

from orchestrator.dcs import details, regions, signing, wire
from orchestrator.dcs.credentials import Credentials, StaticCredentials
from orchestrator.dcs.identity import Identity
from orchestrator.engine.options import PaceOptions
from orchestrator.engine.pacing import Pacing
from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from orchestrator.dcs.credentials import CredentialsProvider
    from orchestrator.dcs.transport import Transport
    from orchestrator.engine.model import Ack, Page, Sighting

CLOSING_SECONDS: Final = 5.0  # spent at most on closing connections when cancelled
_PROJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_T = TypeVar("_T")


class DcsClient:
    """One project of one region, as one identity.

        async with DcsClient(region="cn-north-4", project_id="…", credentials=from_env()) as client:
            ack = await client.batch_stop(task_ids[:50])  # each call is one request, not repeated and not paced
            page = await client.list(offset=0, limit=1000)
            sighting = await client.show(task_ids[0])

    Runs that share a client share its connections and its quotas. It belongs to one event loop.

    Give `region`, or `endpoint` (which wins). `credentials` are `Credentials`, or a provider that is asked when the
    first request goes; None sends unsigned, to loopback only. Times are seconds. A loopback endpoint bypasses
    `proxy`. `transport` replaces the network, `now` the clock that stamps signatures. `share` is how many processes
    alike use the quota. `pacing` belongs to the client because quotas belong to an identity; the engine heeds it,
    these methods do not. Raises `InputError`.
    """

    def __init__(
        self,
        *,
        project_id: str,
        region: str | None = None,
        endpoint: str | None = None,
        credentials: CredentialsProvider | Credentials | None = None,
        pace: PaceOptions = PaceOptions(),  # noqa: B008 - frozen, so that one may serve all
        share: int = 1,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        ca_file: str | None = None,
        proxy: str | None = None,
        transport: Transport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not _PROJECT_ID.fullmatch(project_id):
            raise InputError("the project ID is 1 to 64 letters, digits, - or _: copy it from My Credentials")
        self.project_id = project_id
        self.endpoint = regions.endpoint_of(region=region, endpoint=endpoint)
        self.pacing = Pacing(pace, share=share)
        loopback = regions.is_loopback(self.endpoint)
        if credentials is None and not loopback:
            raise InputError(f"{self.endpoint} takes signed requests only: give credentials (none is for loopback)")
        self._now = now
        self._identity = Identity(
            provider=StaticCredentials(credentials) if isinstance(credentials, Credentials) else credentials,
            project_id=project_id,
            host=urlsplit(self.endpoint).netloc,
            gate=self.pacing.gate,
            now=now,
        )
        self._transport = transport or _network(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            ca_file=ca_file,
            proxy=None if loopback else proxy,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<DcsClient {self.endpoint}, project {self.project_id}>"

    async def aclose(self) -> None:
        """Let go of all connections, also when the surrounding scope is cancelled."""
        with anyio.move_on_after(CLOSING_SECONDS, shield=True):
            await self._transport.aclose()

    async def batch_stop(self, ids: Sequence[str]) -> Ack:
        """Ask to stop 1 to 50 tasks. Accepted means delivered; stopped is what reads TERMINATED afterwards.

        Raises `ServiceError`; `InputError` for a wrong number of ids.
        """
        request = wire.batch_stop(self.project_id, ids)
        return await self._ask(request, lambda answer, now: wire.read_results(answer, api="stop", ids=ids, now=now))

    async def batch_restart(self, ids: Sequence[str]) -> Ack:
        """Ask to restart 1 to 50 stopped tasks. Raises `ServiceError`; `InputError` for a wrong number of ids."""
        request = wire.batch_restart(self.project_id, ids)
        return await self._ask(request, lambda answer, now: wire.read_results(answer, api="restart", ids=ids, now=now))

    async def delete(self, ids: Sequence[str]) -> Ack:
        """Delete 1 to 50 tasks; ids that do not exist are in no part of the answer.

        Raises `ServiceError`; `InputError` for a wrong number of ids.
        """
        request = wire.delete(self.project_id, ids)
        return await self._ask(request, lambda answer, now: wire.read_deleted(answer, ids=ids, now=now))

    async def list(self, offset: int = 0, limit: int = wire.MAX_PAGE) -> Page:
        """The list from record `offset` on, at most `limit` (1 to 1,000) tasks.

        Raises `ServiceError`; `InputError` for numbers out of range.
        """
        request = wire.list_tasks(self.project_id, offset=offset, limit=limit)
        return await self._ask(request, lambda answer, now: wire.read_page(answer, now=now))

    async def show(self, task_id: str) -> Sighting:
        """One task. Raises `ServiceError`, with `Verdict.GONE` for one that the service does not know."""
        request = wire.show(self.project_id, task_id)
        return await self._ask(request, lambda answer, now: wire.read_task(answer, task_id=task_id, now=now))

    async def list_detailed(
        self, offset: int = 0, limit: int = wire.MAX_PAGE
    ) -> tuple[Page, Sequence[details.TaskDetails]]:
        """The same page as `list` gives, and what else its rows say; no rows where that cannot be read."""
        request = wire.list_tasks(self.project_id, offset=offset, limit=limit)
        return await self._ask(request, lambda got, now: (wire.read_page(got, now=now), details.read_rows(got)))

    async def show_detailed(self, task_id: str) -> tuple[Sighting, details.TaskDetails]:
        """The same look as `show`, and what else it says of the task."""
        request = wire.show(self.project_id, task_id)
        return await self._ask(
            request, lambda got, now: (wire.read_task(got, task_id=task_id, now=now), details.read_one(got))
        )

    async def _ask(self, request: wire.Request, read: Callable[[wire.Response, float], _T]) -> _T:
        query = signing.canonical_query(request.query)
        url = f"{self.endpoint}{request.path}?{query}" if query else f"{self.endpoint}{request.path}"
        response = await self._transport.send(await self._identity.authenticated(request), url=url)
        if response.status == HTTPStatus.UNAUTHORIZED:
            self._identity.heed_refusal(response)
        return read(response, self._now())


def _network(*, connect_timeout: float, read_timeout: float, ca_file: str | None, proxy: str | None) -> Transport:
    from orchestrator.dcs.aiohttp_transport import AiohttpTransport

    return AiohttpTransport(connect_timeout=connect_timeout, read_timeout=read_timeout, ca_file=ca_file, proxy=proxy)
