"""A relay of real sockets between client and server, which does one evil deed to the first request of one API."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, field
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


@dataclass
class Relay:
    """Relays to `target` on loopback; in TLS towards the client where `tls` is given."""

    target: int
    deed: Deed | None = None
    api: str = "stop"
    tls: ssl.SSLContext | None = None
    port: int = 0
    seen: list[str] = field(default_factory=list)  # the API of each request, in order of arrival
    done: int = 0  # how often the deed was done
    _servings: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for serving in self._servings:
            serving.cancel()
        await asyncio.gather(*self._servings, return_exceptions=True)

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._servings.add(serving)
        serving.add_done_callback(self._servings.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            while True:
                request = await message(reader)
                self.seen.append(api_of(request))
                deed = self.deed if not self.done and self.seen[-1] == self.api else None
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
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        finally:
            to_server.close()
            writer.close()


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
