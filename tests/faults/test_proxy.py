"""An HTTP proxy that breaks before there is a tunnel: nothing was sent, so it may be tried again without a look."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from orchestrator.dcs.aiohttp_transport import AiohttpTransport
from orchestrator.dcs.wire import Request
from orchestrator.errors import ServiceError
from tests.faults.relay import Listening, end

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

TUNNEL: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
# What the proxy says to CONNECT, and how it goes on; and what that is taken to mean.
MEANS: Final[dict[tuple[bytes, str], str]] = {
    (b"", "reset"): "unreached",
    (b"", "close"): "unreached",
    (b"", "stall"): "unreached",
    (TUNNEL[:20], "reset"): "unreached",
    (TUNNEL[:20], "close"): "unreached",
    (TUNNEL[:20], "stall"): "unreached",
    (b"\x16\x03\x01 what?\r\n\r\n", "close"): "unreached",
    (TUNNEL, "reset"): "unreached",
    (TUNNEL, "close"): "unreached",
    (TUNNEL, "stall"): "unreached",
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "close"): "unreached",
    (b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n", "close"): "run_refused",
}


class Proxy(Listening):
    """Answers a CONNECT so, and goes on so."""

    def __init__(self, said: bytes, deed: str) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self._said = said
        self._deed: Any = deed

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self._said)
        await writer.drain()
        if self._said == TUNNEL:
            self.asked.append(await reader.read(1))  # the first byte of a handshake
        await asyncio.sleep(0.01)  # so that what was said is read before a reset
        await end(writer, self._deed)


class TestConnect:
    @pytest.mark.parametrize(("said", "deed"), MEANS, ids=lambda value: repr(value)[:24])
    async def test_nothing_was_sent(self, said: bytes, deed: str) -> None:
        request = Request(api="stop", method="POST", path="/x", body=b"{}")
        async with Proxy(said, deed) as proxy:
            transport = AiohttpTransport(proxy=f"http://127.0.0.1:{proxy.port}", connect_timeout=0.2, read_timeout=5.0)
            with pytest.raises(ServiceError) as caught:
                await transport.send(request, url="https://dcs.example/x")
            await transport.aclose()
        assert proxy.asked[0].startswith(b"CONNECT dcs.example:443 ")
        assert caught.value.failure.verdict.value == MEANS[said, deed], caught.value.failure
