"""The wire between one life of a run and the simulated service: a `Transport` without sockets, and its tap."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp.client_reqrep import ConnectionKey

from orchestrator.dcs.aiohttp_transport import too_large, translated
from orchestrator.dcs.wire import Response
from orchestrator.errors import ServiceError
from orchestrator.simulator import chance
from orchestrator.simulator.answers import Incoming, Reply
from tests.simulation.story import START, Exchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from orchestrator.dcs.wire import Request
    from tests.simulation.scenario import Network, WireFault
    from tests.simulation.world import World

_KEY = ConnectionKey(
    host="dcs.example", port=443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)
MOST_REQUESTS = 25_000  # of one run
_DRIPS = 20  # parts of an answer that drips
_CONNECT_SECONDS = 10.0
_READS = 4  # read time-outs that an answer may take altogether


class Tap:
    """Sees what passes between all lives of a run and the service, and lets abandoned requests arrive."""

    def __init__(self, world: World) -> None:
        self.exchanges: list[Exchange] = []  # all of them; none of a quiet run
        self.requests = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.late: list[tuple[float, Exchange, Incoming]] = []  # left a process that is gone, not arrived yet
        self._world = world
        self._turns = count(1)

    def open(self, life: int, now: float, request: Request, url: str) -> Exchange:
        """A request leaves."""
        number, quiet = self.requests, self._world.scenario.quiet
        if number > MOST_REQUESTS and not quiet:
            raise RuntimeError(f"no end of requests after {MOST_REQUESTS}")
        exchange = Exchange(number, life, request.api, _named(request, url), now, page=_page(request))
        exchange.sent_turn = next(self._turns)
        self.requests += 1
        if not quiet:
            self.exchanges.append(exchange)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return exchange

    def close(self, exchange: Exchange, now: float, end: str) -> None:
        """Its caller knows all that it will know."""
        exchange.closed_at, exchange.end, exchange.closed_turn = now, end, next(self._turns)
        self.in_flight -= 1

    def arrive(self, exchange: Exchange, incoming: Incoming, now: float) -> Reply:
        """It reaches the service."""
        exchange.arrived_at = now
        return self._world.service.handle(incoming, now)

    def deliver_late(self, until: float) -> None:
        """Let arrive what a dead process has sent, as far as it is due."""
        due = sorted((entry for entry in self.late if entry[0] <= until), key=lambda entry: (entry[0], entry[1].number))
        self.late = [entry for entry in self.late if entry[0] > until]
        for at, exchange, incoming in due:
            # The time of a service that others have asked meanwhile does not go back.
            self.arrive(exchange, incoming, until if self._world.let_others else at)


class InMemoryTransport:
    """What a socket to the service would do, in virtual time. `point` is told of each stage that a request reaches."""

    def __init__(
        self, world: World, network: Network, life: int, *, point: Callable[[str], Awaitable[None]], seed: int
    ) -> None:
        self._world = world
        self._tap = world.tap
        self._network = network
        self._life = life
        self._point = point
        self._random = Random(f"{seed}/wire/{life}")
        self._unarrived: dict[int, tuple[float, Exchange, Incoming, asyncio.TimerHandle]] = {}

    async def send(self, request: Request, *, url: str) -> Response:
        """Send `request`; see `Transport.send`."""
        loop = asyncio.get_running_loop()
        exchange = self._tap.open(self._life, loop.time(), request, url)
        try:
            reply = await self._exchange(exchange, request, url)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = translated(error)
            self._tap.close(exchange, loop.time(), "unreached" if exchange.arrived_at is None else "broken")
            raise ServiceError(failure) from error
        except ServiceError:
            self._tap.close(exchange, loop.time(), "broken")
            raise
        except asyncio.CancelledError:
            self._abandon(exchange)
            self._tap.close(exchange, loop.time(), "given up")
            raise
        exchange.status = reply.status
        exchange.retry_after = float(reply.headers.get("Retry-After", 0.0))
        if not self._world.scenario.quiet:
            exchange.read(reply.body)
        self._tap.close(exchange, loop.time(), "answered")
        return Response(status=reply.status, headers=reply.headers, body=reply.body)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def die(self) -> None:
        """The process is gone; what has left it is on its way."""
        for at, exchange, incoming, _ in self._unarrived.values():
            self._tap.late.append((at, exchange, incoming))
        self._unarrived.clear()
        self._tap.in_flight = 0

    def _abandon(self, exchange: Exchange) -> None:
        entry = self._unarrived.get(exchange.number)
        if entry is not None and self._random.random() >= self._network.abandoned_arrive:
            entry[3].cancel()
            del self._unarrived[exchange.number]

    async def _exchange(self, exchange: Exchange, request: Request, url: str) -> Reply:
        fault = self._wire_fault()
        if fault is not None:
            await asyncio.sleep(_CONNECT_SECONDS if fault == "connect_timeout" else 0.01)
            raise _not_sent(fault)
        await self._point("request.sent")
        network, random = self._network, self._random
        canned = None
        if network.canned and random.random() < network.canned_rate:
            canned = random.choice(network.canned)
        if canned is not None and request.api in canned.apis:
            if canned.after and random.random() < 0.5:
                await self._arrival(exchange, request, url)
            elif network.up.median:
                await asyncio.sleep(chance.seconds(network.up, random.random()))
            exchange.canned, exchange.arrived_at = True, asyncio.get_running_loop().time()
            reply = canned.reply()
        else:
            reply = await self._arrival(exchange, request, url)
        await self._point("request.arrived")
        reply = await self._delivered(reply)
        await self._point("request.answered")
        return reply

    async def _arrival(self, exchange: Exchange, request: Request, url: str) -> Reply:
        """The request travels; once it has left it arrives, whatever becomes of who sent it."""
        loop = asyncio.get_running_loop()
        incoming = _incoming(request, url)
        arrived: asyncio.Future[Reply] = loop.create_future()

        def arrive() -> None:
            self._unarrived.pop(exchange.number, None)
            reply = self._tap.arrive(exchange, incoming, loop.time())
            if not arrived.done():
                arrived.set_result(reply)

        at = loop.time() + chance.seconds(self._network.up, self._random.random())
        self._unarrived[exchange.number] = (at, exchange, incoming, loop.call_at(at, arrive))
        return await arrived

    async def _delivered(self, reply: Reply) -> Reply:
        """The answer travels back, or what is left of it."""
        patience = self._network.read_timeout
        if reply.fault == "slow":
            return await self._dripped(reply)
        if reply.delay > patience:
            await asyncio.sleep(patience)
            raise aiohttp.SocketTimeoutError("Timeout on reading data from socket")
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.fault == "reset":
            raise aiohttp.ServerDisconnectedError
        if reply.fault == "truncated":
            raise aiohttp.ClientPayloadError("Response payload is not completed")
        if len(reply.body) > self._network.max_answer:
            raise too_large(self._network.max_answer, status=reply.status)
        return reply

    async def _dripped(self, reply: Reply) -> Reply:
        patience, gap = self._network.read_timeout, reply.delay / _DRIPS
        if gap > patience:
            await asyncio.sleep(patience)
            raise aiohttp.SocketTimeoutError("Timeout on reading data from socket")
        whole = _CONNECT_SECONDS + _READS * patience
        await asyncio.sleep(min(reply.delay, whole))
        if reply.delay > whole:
            raise TimeoutError
        return reply

    def _wire_fault(self) -> WireFault | None:
        network, now = self._network, asyncio.get_running_loop().time()
        if network.cut is not None and network.cut[0] <= now - START < sum(network.cut):
            return "refused"
        if network.faults and self._random.random() < network.rate:
            return self._random.choice(network.faults)
        return None


def _not_sent(fault: WireFault) -> Exception:
    match fault:
        case "refused":
            return aiohttp.ClientConnectorError(_KEY, ConnectionRefusedError(111, "Connection refused"))
        case "no_address":
            return aiohttp.ClientConnectorDNSError(_KEY, OSError(-2, "Name or service not known"))
        case "connect_timeout":
            return aiohttp.ConnectionTimeoutError("Connection timeout to host")
        case "tls_hung_up":
            return aiohttp.ClientConnectorError(_KEY, ConnectionResetError(104, "Connection reset by peer"))
        case "proxy_stumbled":
            return aiohttp.ClientProxyConnectionError(_KEY, OSError(113, "No route to host"))


def _incoming(request: Request, url: str) -> Incoming:
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    return Incoming(method=request.method, path=parts.path, query=query, headers=request.headers, body=request.body)


def _named(request: Request, url: str) -> tuple[str, ...]:
    if request.body:
        return tuple(next(iter(json.loads(request.body).values())))
    if request.api == "show":
        return (urlsplit(url).path.rsplit("/", 1)[-1],)
    return ()


def _page(request: Request) -> tuple[int, int] | None:
    query = dict(request.query)
    return (int(query["offset"]), int(query["limit"])) if request.api == "list" else None
