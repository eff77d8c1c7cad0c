"""A relay of real sockets between client and server, which does one evil deed to the first request of one API."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Literal, Self, get_args

if TYPE_CHECKING:
    import ssl
    from asyncio import StreamReader, StreamWriter

# What it does, and when: before the request is passed on, after it (the answer is swallowed), in the answer's head or
# in its body. `reset` is a RST, `close` an orderly end, `stall` silence on a connection that stays open.
Deed = Literal[
    "reset before",
    "close before",
    "stall before",
    "reset after",
    "close after",
    "stall after",
    "reset in head",
    "close in head",
    "stall in head",
    "reset in body",
    "close in body",
    "stall in body",
    "garble the head",
    "drip",
    "answer twice",
    "answer twice, late",
]
DEEDS: Final[tuple[Deed, ...]] = get_args(Deed)
DRIP: Final = 0.01  # seconds between two parts of an answer that drips
LATE: Final = 0.05  # seconds after which an answer that nobody asked for comes
ABORT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a RST
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


async def _turns() -> None:
    """Let the loop do what it was told to do soon, and what follows from that."""
    for _ in range(3):
        await asyncio.sleep(0)


class Listening(ABC):
    """Listens on a free port of loopback, and lets go of every connection in the end."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self._tls = tls
        self._servings: set[asyncio.Task[None]] = set()
        self._writers: set[StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await _turns()  # who was let in just now is served, or cannot be let go of
        for serving in self._servings:
            serving.cancel()
        await asyncio.gather(*self._servings, return_exceptions=True)
        for writer in self._writers:  # a serving that was cancelled before its first step has closed nothing
            writer.transport.abort()
        await _turns()

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.add(writer)
        serving = asyncio.ensure_future(self._serve_and_close(reader, writer))
        self._servings.add(serving)
        serving.add_done_callback(self._servings.discard)

    async def _serve_and_close(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            await closed(writer)
            self._writers.discard(writer)  # the first ones of Python 3.11 cannot abort what is closed already

    @abstractmethod
    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection."""


class Relay(Listening):
    """Relays to `target` on loopback; in TLS towards the client where `tls` is given."""

    def __init__(
        self, target: int, *, deed: Deed | None = None, api: str = "stop", tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls)
        self.scheme = "https" if tls else "http"
        self.seen: list[str] = []  # the API of each request, in order of arrival
        self.done = 0  # how often the deed was done
        self._target = target
        self._deed = deed
        self._api = api

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Pass requests and answers on, until the other side ends, or by the deed."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            while True:
                request = await message(reader)
                self.seen.append(api_of(request))
                deed = self._deed if not self.done and self.seen[-1] == self._api else None
                self.done += deed is not None
                if deed is not None and deed.endswith("before"):
                    return await end(writer, deed)
                to_server.write(request)
                answer = await message(from_server)
                if deed is not None and not await passed(writer, answer, deed):
                    return await end(writer, deed)
                if deed is None:
                    writer.write(answer)
                await writer.drain()
        finally:
            await closed(to_server)


class Doorstep(Relay):
    """A relay whose first connection comes to no TLS handshake: its deed is done at the client's first byte."""

    def __init__(self, target: int, *, deed: Deed, tls: ssl.SSLContext) -> None:
        super().__init__(target, deed=deed)
        self.scheme = "https"
        self._behind = Relay(target, tls=tls)

    async def __aenter__(self) -> Self:
        await self._behind.__aenter__()
        return await super().__aenter__()

    async def __aexit__(self, *problem: object) -> None:
        await super().__aexit__(*problem)
        await self._behind.__aexit__(*problem)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Do the deed once; after that, pass on what comes."""
        self.done += 1
        if self.done == 1 and self._deed is not None:
            await reader.read(1)
            await end(writer, self._deed)
        else:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._behind.port)
            await asyncio.gather(pumped(reader, to_server), pumped(from_server, writer))


async def pumped(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass on what comes until it ends."""
    try:
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
    finally:
        await closed(writer)


async def closed(writer: StreamWriter) -> None:
    """Close, and wait until it is."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def message(reader: StreamReader) -> bytes:
    """One request or answer, whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def api_of(request: bytes) -> str:
    """Which API a request is for."""
    line = request.split(b"\r\n", 1)[0]
    if b"/batch-stop" in line:
        return "stop"
    return "list" if b"migration-tasks?" in line else "show"


async def passed(writer: StreamWriter, answer: bytes, deed: Deed) -> bool:
    """Pass on what the deed leaves of the answer. Returns whether the connection goes on."""
    head = answer.index(b"\r\n\r\n") + 4
    match deed:
        case "reset in head" | "close in head" | "stall in head":
            writer.write(answer[: head // 2])
        case "reset in body" | "close in body" | "stall in body":
            writer.write(answer[: head + (len(answer) - head) // 2])
        case "garble the head":
            writer.write(b"\x16\x03\x01" + answer[20:])
        case "drip":
            for start in range(0, len(answer), 1 + len(answer) // 10):
                writer.write(answer[start : start + 1 + len(answer) // 10])
                await asyncio.sleep(DRIP)
            return True
        case "answer twice":
            writer.write(answer + answer)
            return True
        case "answer twice, late":
            writer.write(answer)
            await asyncio.sleep(LATE)
            writer.write(answer)
            return True
        case _:
            pass
    await writer.drain()
    return False


async def end(writer: StreamWriter, deed: Deed) -> None:
    """End the connection, or leave it in silence until the other side does."""
    if deed.startswith("stall"):
        await asyncio.Event().wait()
    if deed.startswith("reset"):
        bare = writer.get_extra_info("socket")
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        writer.transport.abort()
