"""The simulated service on a loopback socket: delays pass, and broken answers break there."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, cast

from aiohttp import web

from orchestrator.simulator.answers import Incoming, Reply
from orchestrator.simulator.core import Service
from orchestrator.simulator.options import SimulatorOptions

_SHUTDOWN_SECONDS = 0.5
_DRIPS = 20
_INSTANT = 1e-6  # seconds


class SimulatorServer:
    """Serves one simulated service as long as its block lasts.

    Args:
        options: What the service is like.
        ids: The ids of a job; None: the service has ids of its own.
        host: An address of this machine's loopback; others are refused.
        port: 0 takes a free one.
        clock: Seconds that do not go back; the service lives by it.

    Raises:
        ValueError: The host is not a loopback address: the stand-in has no business on a network.

    """

    def __init__(
        self,
        options: SimulatorOptions,
        ids: Sequence[str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_loopback(host)
        self.service = Service(options, ids=ids, epoch=time.time() - clock())
        self.in_flight = 0
        self.most_in_flight = 0
        """The highest number of requests that were being answered at the same time."""
        self._host = host
        self._port = port
        self._clock = clock
        self._runner: web.ServerRunner | None = None
        self._closing = AsyncExitStack()
        self._answering: set[asyncio.Task[object]] = set()

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        if self._runner is None:
            raise RuntimeError("the simulator is not running: use it with `async with`")
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def __aenter__(self) -> Self:
        # A caller who hangs up ends its handler, so that nobody who has gone is counted as in flight.
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            stack.callback(self._dismiss)
            await runner.setup()
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            stack.push_async_callback(_stop_listening, site)
            self._runner = runner
            self._closing = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    def _dismiss(self) -> None:
        self._runner = None
        for task in self._answering:
            task.cancel()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = cast("asyncio.Task[object]", asyncio.current_task())  # a handler runs in a task
        self._answering.add(task)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(request)
        finally:
            self.in_flight -= 1
            self._answering.discard(task)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        incoming = Incoming(
            method=request.method,
            path=request.rel_url.raw_path,
            query=list(request.rel_url.query.items()),
            headers=request.headers,
            body=await request.read(),
        )
        reply = self.service.handle(incoming, self._clock())
        match reply.fault:
            case "hang":
                await asyncio.Event().wait()
            case "slow":
                return await _drip(request, reply)
            case _:
                if reply.delay:
                    await asyncio.sleep(reply.delay)
        match reply.fault:
            case "reset":
                return _reset(request)
            case "truncated":
                return await _truncate(request, reply)
            case _:
                return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


async def _stop_listening(site: web.TCPSite) -> None:
    """Let nobody else in, once those are in who knocked: Python 3.11 forgets a socket that has no transport yet."""
    await asyncio.sleep(_INSTANT)  # woken by a timer, so after whoever is let in by this turn of the loop
    await asyncio.sleep(0)  # and behind the making of their transports, but before the next turn lets anyone in
    await site.stop()


async def serve(
    options: SimulatorOptions,
    *,
    ids: Sequence[str] | None,
    host: str,
    port: int,
    announce: Callable[[str], None],
) -> None:
    """Serve until cancelled.

    Args:
        options: What the service is like.
        ids: The ids of a job; None: the service has ids of its own.
        host: A loopback address.
        port: 0 takes a free one.
        announce: Told the URL once requests are welcome.

    Raises:
        ValueError: The host is not a loopback address.
        OSError: The port cannot be had.

    """
    async with SimulatorServer(options, ids, host=host, port=port) as server:
        announce(server.url)
        await asyncio.Event().wait()


def _check_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(f"the simulator serves loopback only, not {host!r}; use 127.0.0.1, ::1 or localhost")


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    _hang_up(request)
    return web.Response()  # goes nowhere: the connection is gone


async def _truncate(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = await _begin(request, reply)
    await response.write(reply.body[: len(reply.body) // 2])
    _hang_up(request)
    return response


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:  # pragma: no branch  the caller went first: nothing is left to break
        request.transport.abort()


async def _drip(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = await _begin(request, reply)
    step = max(1, -(-len(reply.body) // _DRIPS))
    for start in range(0, len(reply.body), step):
        await asyncio.sleep(reply.delay / _DRIPS)
        await response.write(reply.body[start : start + step])
    return response


async def _begin(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    return response
