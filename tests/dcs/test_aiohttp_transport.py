"""Tests of dcs/aiohttp_transport.py over real sockets on loopback: what breaks, and how it is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orchestrator.dcs.aiohttp_transport import AiohttpTransport, translated
from orchestrator.dcs.transport import Transport
from orchestrator.dcs.wire import Request, Response
from orchestrator.engine.model import Failure, Verdict
from orchestrator.errors import InputError, ServiceError

if TYPE_CHECKING:
    from pathlib import Path

GET = Request(api="list", method="GET", path="/x")
DELETE = Request(api="delete", method="DELETE", path="/x", body=b"{}")
POST = Request(api="stop", method="POST", path="/x", body=b'{"a":1}')
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: r\r\nSet-Cookie: a=b\r\n\r\n{}"

Handler = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A server that speaks bytes: it notes what arrives and answers what it is told."""

    handler: Handler
    port: int = 0
    arrivals: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            await self.handler(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def arrival(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")), 0
        )
        self.arrivals.append(head + await reader.readexactly(length))
        return self.arrivals[-1]


def saying(*answers: bytes) -> Handler:
    """Answer each request of a connection in turn, then close it."""

    async def handler(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for content in answers:
            await server.arrival(reader)
            writer.write(content)
            await writer.drain()

    return handler


def key_of(host: str) -> ConnectionKey:
    """What aiohttp's own errors carry."""
    return ConnectionKey(
        host=host, port=443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
    )


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(handler)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await asyncio.sleep(0)
        for writer in server.writers:
            writer.transport.abort()
        for _ in range(3):  # or the loop is gone before the connections are
            await asyncio.sleep(0)


@asynccontextmanager
async def transport(**options: object) -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport(**options)  # type: ignore[arg-type]  # tests pass what each is about
    try:
        yield made
    finally:
        await made.aclose()


async def ask(request: Request, port: int, *, scheme: str = "http", **options: object) -> Response:
    async with transport(**options) as made:
        return await made.send(request, url=f"{scheme}://127.0.0.1:{port}{request.path}")


async def failure(request: Request, port: int, *, scheme: str = "http", **options: object) -> Failure:
    with pytest.raises(ServiceError) as caught:
        await ask(request, port, scheme=scheme, **options)
    return caught.value.failure


class TestSending:
    """What leaves, and what comes back, byte for byte."""

    async def test_an_exchange(self) -> None:
        request = Request(api="stop", method="POST", path="/a%2Fb", headers={"Host": "h:1", "X-A": "1"}, body=b"{}")
        async with serving(saying(OK)) as server, transport() as made:
            response = await made.send(request, url=f"http://127.0.0.1:{server.port}/a%2Fb?x=a%20b")
        assert (response.status, response.body, response.headers["x-request-id"]) == (200, b"{}", "r")
        head = server.arrivals[0]
        assert head.startswith(b"POST /a%2Fb?x=a%20b HTTP/1.1\r\n")
        assert head.lower().count(b"\r\nhost:") == 1
        assert b"Host: h:1\r\n" in head

    async def test_connections_are_kept_and_cookies_are_not(self) -> None:
        async with serving(saying(OK, OK)) as server, transport() as made:
            for _ in range(2):
                await made.send(GET, url=f"http://127.0.0.1:{server.port}/x")
        assert len(server.arrivals) == 2
        assert b"cookie" not in server.arrivals[1].lower()

    async def test_redirects_are_told_and_not_followed(self) -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        async with serving(saying(moved, OK)) as server:
            assert (await ask(GET, server.port)).status == 302
        assert len(server.arrivals) == 1

    async def test_a_compressed_answer_is_read(self) -> None:
        body = gzip.compress(b'{"a":1}')
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        async with serving(saying(head + body)) as server:
            assert (await ask(GET, server.port)).body == b'{"a":1}'

    def test_it_is_a_transport(self) -> None:
        assert isinstance(AiohttpTransport(), Transport)

    async def test_closing_twice_or_unused_is_fine_and_a_later_request_goes(self) -> None:
        made = AiohttpTransport()
        await made.aclose()
        async with serving(saying(OK)) as server:
            url = f"http://127.0.0.1:{server.port}{GET.path}"
            assert (await made.send(GET, url=url)).status == 200
            await made.aclose()
            await made.aclose()
            assert (await made.send(GET, url=url)).status == 200
            await made.aclose()

    async def test_a_proxy_is_used_where_one_is_named(self) -> None:
        async with serving(saying(OK)) as proxy:
            response = await ask(GET, 9, proxy=f"http://u:p@127.0.0.1:{proxy.port}")
        assert response.status == 200
        assert proxy.arrivals[0].startswith(b"GET http://127.0.0.1:9/x HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic" in proxy.arrivals[0]

    async def test_the_environment_names_no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        async with serving(saying(OK)) as server:
            assert (await ask(GET, server.port)).status == 200


class TestNeverTwice:
    """A request arrives once, whatever becomes of its connection."""

    @pytest.mark.parametrize("request_", [GET, DELETE, POST], ids=["GET", "DELETE", "POST"])
    async def test_a_kept_connection_that_was_closed_is_not_tried_again_unseen(self, request_: Request) -> None:
        """Aiohttp by itself would send GET and DELETE a second time."""

        async def answer_once_then_hang_up(
            server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.arrival(reader)
            writer.write(OK)
            await server.arrival(reader)

        async with serving(answer_once_then_hang_up) as server, transport() as made:
            url = f"http://127.0.0.1:{server.port}/x"
            await made.send(GET, url=url)
            with pytest.raises(ServiceError) as caught:
                await made.send(request_, url=url)
            assert caught.value.failure.verdict is Verdict.LOST
            assert len(server.arrivals) == 2
            assert (await made.send(GET, url=url)).status == 200


class TestAnswersNobodyAskedFor:
    async def test_one_that_comes_on_a_kept_connection_is_not_taken_for_the_next(self) -> None:
        """And the next one's not for that of the request after it, and so on."""

        async def answer_the_first_twice(
            server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            number = len(server.arrivals)
            while True:
                await server.arrival(reader)
                number += 1
                said = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number
                writer.write(said)
                if number == 1:
                    await asyncio.sleep(0.02)
                    writer.write(said)

        async with serving(answer_the_first_twice) as server, transport() as made:
            url = f"http://127.0.0.1:{server.port}/x"
            said = [(await made.send(GET, url=url)).body]
            await asyncio.sleep(0.1)
            said += [(await made.send(GET, url=url)).body for _ in range(2)]
        assert said == [b"1", b"2", b"3"]


class TestUnreached:
    """Certainly not sent."""

    async def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            told = await failure(POST, unused.getsockname()[1])
        assert told.verdict is Verdict.UNREACHED
        assert "cannot connect to 127.0.0.1" in told.message

    async def test_connecting_takes_too_long(self) -> None:
        """The TLS handshake belongs to connecting."""

        async def silence(_: Server, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with serving(silence) as server:
            told = await failure(POST, server.port, scheme="https", connect_timeout=0.02)
        assert (told.verdict, told.status) == (Verdict.UNREACHED, 0)
        assert "connect_timeout" in told.message

    async def test_a_proxy_that_is_not_there(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            told = await failure(GET, 9, proxy=f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert told.verdict is Verdict.UNREACHED
        assert "cannot connect to the proxy" in told.message

    @pytest.mark.parametrize(("status", "verdict"), [(502, Verdict.UNREACHED), (407, Verdict.RUN_REFUSED)])
    async def test_a_proxy_that_makes_no_tunnel(self, status: int, verdict: Verdict) -> None:
        refusal = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
        async with serving(saying(refusal)) as proxy:
            told = await failure(POST, 9, scheme="https", proxy=f"http://127.0.0.1:{proxy.port}")
        assert told.verdict is verdict
        assert str(status) in told.message
        assert proxy.arrivals[0].startswith(b"CONNECT 127.0.0.1:9 ")

    def test_a_name_without_an_address(self) -> None:
        """Made by hand: the machine of the tests may have no name server."""
        key = key_of("nowhere.example")
        told = translated(aiohttp.ClientConnectorDNSError(key, OSError(-2, "Name or service not known")))
        assert told.verdict is Verdict.UNREACHED
        assert "nowhere.example: check region, endpoint" in told.message


class TestLost:
    """Perhaps processed."""

    @pytest.mark.parametrize("content", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"what?\r\n\r\n"])
    async def test_hung_up_amid_the_answer(self, content: bytes) -> None:
        async with serving(saying(content)) as server:
            told = await failure(POST, server.port)
        assert told.verdict is Verdict.LOST
        assert told.message.startswith("the connection broke: ")

    async def test_reset(self) -> None:
        async def reset(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.arrival(reader)
            writer.transport.abort()

        async with serving(reset) as server:
            assert (await failure(DELETE, server.port)).verdict is Verdict.LOST

    @pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
    async def test_silence(self, beginning: bytes) -> None:
        async def hang(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.arrival(reader)
            writer.write(beginning)
            await reader.read()

        async with serving(hang) as server:
            told = await failure(POST, server.port, read_timeout=0.02)
        assert told.verdict is Verdict.LOST
        assert "read_timeout" in told.message

    async def test_an_answer_that_trickles_for_ever(self) -> None:
        async def trickle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.arrival(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n")
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.005)

        async with serving(trickle) as server:
            told = await failure(GET, server.port, connect_timeout=0.05, read_timeout=0.05)
        assert told.verdict is Verdict.LOST

    async def test_an_answer_without_end_is_not_read_on(self) -> None:
        async def pour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.arrival(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
            while True:
                writer.write(b" " * 65_536)
                await writer.drain()

        async with serving(pour) as server:
            told = await failure(GET, server.port, max_answer=200_000)
        assert (told.verdict, told.status) == (Verdict.LOST, 200)
        assert "200000 bytes" in told.message

    async def test_a_small_answer_that_unfolds_into_a_huge_one(self) -> None:
        body = gzip.compress(bytes(64 * 1024 * 1024))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        async with serving(saying(head + body)) as server:
            assert (await failure(GET, server.port, max_answer=1_000_000)).verdict is Verdict.LOST


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TestTls:
    """A certificate that is not trusted ends the run, with the remedy."""

    async def test_one_that_nobody_vouches_for(self, tls: ssl.SSLContext) -> None:
        async with serving(saying(OK), tls) as server:
            told = await failure(POST, server.port, scheme="https")
        assert told.verdict is Verdict.RUN_REFUSED
        assert "service.ca_file" in told.message
        assert server.arrivals == []

    async def test_one_that_the_user_vouches_for(self, tls: ssl.SSLContext, certificate: Path) -> None:
        async with serving(saying(OK), tls) as server:
            response = await ask(POST, server.port, scheme="https", ca_file=str(certificate))
        assert response.status == 200

    async def test_no_tls_at_all(self) -> None:
        async with serving(saying(OK)) as server:

            async def plain(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(1)
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                await writer.drain()

            server.handler = plain
            told = await failure(POST, server.port, scheme="https")
        assert told.verdict is Verdict.RUN_REFUSED
        assert "no TLS with 127.0.0.1" in told.message

    def test_hanging_up_amid_the_handshake_is_a_stumble(self) -> None:
        key = key_of("h.example")
        told = translated(aiohttp.ClientConnectorSSLError(key, ssl.SSLEOFError(8, "EOF")))
        assert told.verdict is Verdict.UNREACHED
        assert "TLS handshake" in told.message


class TestOptions:
    """Options that cannot be used are said at once."""

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_a_ca_file_without_certificates(self, tmp_path: Path, content: str | None) -> None:
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(InputError, match=f"ca_file {path} cannot be used"):
            AiohttpTransport(ca_file=str(path))

    @pytest.mark.parametrize("proxy", ["hunter2", "socks5://hunter2@proxy:1", "http://", "http://hunter2:port"])
    def test_a_proxy_that_is_none_is_refused_and_not_shown(self, proxy: str) -> None:
        with pytest.raises(InputError, match="the proxy must be") as caught:
            AiohttpTransport(proxy=proxy)
        assert "hunter2" not in str(caught.value)
