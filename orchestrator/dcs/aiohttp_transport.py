"""The transport over sockets: one pooled `aiohttp` session; the only module below the top that imports `aiohttp`."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from orchestrator.dcs.redaction import presentable
from orchestrator.dcs.wire import Response
from orchestrator.engine.model import Failure, Verdict
from orchestrator.errors import InputError, ServiceError

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from orchestrator.dcs.wire import Request

MAX_ANSWER: Final = 32 * 1024 * 1024  # bytes, after decompression
_READS: Final = 4  # an answer may trickle for so many read time-outs altogether
_NEVER_REPEATED: Final = "POST"  # by `aiohttp` itself
_PROXY_MEANS_IT: Final = frozenset({403, 405, 407})
_TOO_LARGE: Final = "the answer is larger than {} bytes and was not read further"
# The peer hung up amid the handshake: a stumble, not a wrong certificate.
_HUNG_UP: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@lru_cache(maxsize=64)  # a run asks for few different ones, again and again; each knows its parts by then
def _url(url: str) -> URL:
    return URL(url, encoded=True)


class AiohttpTransport:
    """One session, made when the first request goes, in the loop that sends it.

    Times are seconds: `connect_timeout` covers name, connection and TLS, `read_timeout` each silence of the service.
    The environment is not looked at: a proxy is used only if `proxy` names one. Raises `InputError` for a `ca_file`
    that cannot be used.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        ca_file: str | None = None,
        proxy: str | None = None,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=connect_timeout + _READS * read_timeout, connect=connect_timeout, sock_read=read_timeout
        )
        self._ssl = _context(ca_file) if ca_file else None
        self._proxy = _checked_proxy(proxy) if proxy else None
        self._max_answer = max_answer
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request, *, url: str) -> Response:
        """Send `request` to `url`; see `Transport.send`."""
        session = self._session = self._session or self._open()
        try:
            answer = await session.request(
                request.method,
                _url(url),
                data=request.body or None,
                headers=request.headers,
                proxy=self._proxy,
                allow_redirects=False,
                middlewares=() if request.method == _NEVER_REPEATED else None,
            )
            try:
                body = await self._read(answer)
            except BaseException:
                answer.close()
                raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServiceError(translated(error)) from error
        return Response(status=answer.status, headers=answer.headers, body=body)

    async def aclose(self) -> None:
        """Close the session; a later request would open a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        # No limit of connections: the engine bounds what is in flight, and waiting for one is not connecting.
        connector = _Connector(limit=0, ssl=self._ssl or True)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            middlewares=(_once,),
        )

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        """The whole body; with its last byte the connection goes back to the pool."""
        content, size = answer.content, 0
        chunks: list[bytes] = []
        while not content.at_eof():
            chunk = await content.readany()
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_answer:
                raise too_large(self._max_answer, status=answer.status)
        return b"".join(chunks)


class _Connector(aiohttp.TCPConnector):
    """Says of what breaks before a connection stands that nothing was sent, and hands out no kept one with leftovers.

    `aiohttp` looks for what nobody had asked for when a connection is put away, not when it is taken up: what came
    in between would be read as the answer to the next request, and every answer after it as that to the one after.
    """

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        return None

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  the signature is aiohttp's
    ) -> ResponseHandler:
        try:
            return await super()._create_connection(req, traces, timeout)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, TimeoutError):
            raise  # these say by themselves that nothing was sent
        except (aiohttp.ClientError, OSError) as error:
            told = f"the proxy broke off while it was to connect: {type(error).__name__} {error}"
            raise ServiceError(_unreached(told)) from error


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep `aiohttp` from sending GET and DELETE again when a kept-alive connection turns out to be closed.

    It does so, unseen, for just these errors; under another name they reach the engine, which looks before it sends.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError(str(error)) from error


def too_large(limit: int, *, status: int) -> ServiceError:
    """An answer of more than `limit` bytes."""
    return ServiceError(Failure(verdict=Verdict.LOST, message=_TOO_LARGE.format(limit), status=status))


def translated(error: Exception) -> Failure:
    """What a failure to send or to read means for the request."""
    if isinstance(error, aiohttp.ClientSSLError):
        return _tls_failure(error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _proxy_failure(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return _unreached(_whom_and_why(error))
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _unreached("connecting took longer than connect_timeout")
    if isinstance(error, TimeoutError):
        return Failure(verdict=Verdict.LOST, message="no answer within read_timeout")
    return Failure(verdict=Verdict.LOST, message=presentable(f"the connection broke: {type(error).__name__} {error}"))


def _unreached(message: str) -> Failure:
    return Failure(verdict=Verdict.UNREACHED, message=presentable(message))


def _whom_and_why(error: aiohttp.ClientConnectorError) -> str:
    """A connection that was not made, for people."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"no address for {error.host}: check region, endpoint and the name server"
    who = "the proxy" if isinstance(error, aiohttp.ClientProxyConnectionError) else error.host
    return f"cannot connect to {who}: {error.os_error.strerror or error.os_error}"


def _proxy_failure(error: aiohttp.ClientHttpProxyError) -> Failure:
    """A proxy that made no tunnel: nothing was sent."""
    message = f"the proxy refused to connect: HTTP {error.status} {presentable(error.message, limit=100)}"
    if error.status in _PROXY_MEANS_IT:
        return Failure(verdict=Verdict.RUN_REFUSED, message=f"{message}; check service.proxy and its login")
    return _unreached(message)


def _tls_failure(error: aiohttp.ClientSSLError) -> Failure:
    """A TLS handshake that failed. Nothing was sent; a certificate that is not trusted will not be trusted later."""
    cause = error.certificate_error if isinstance(error, aiohttp.ClientConnectorCertificateError) else error.os_error
    if isinstance(cause, _HUNG_UP):
        return _unreached(f"{error.host} hung up during the TLS handshake")
    reason = presentable(str(cause), limit=200)
    remedy = "if a proxy or a private authority signs it, name its certificate in service.ca_file"
    return Failure(verdict=Verdict.RUN_REFUSED, message=f"no TLS with {error.host}: {reason}; {remedy}")


def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()  # the machine's authorities stay trusted
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or str(error)
        raise InputError(f"ca_file {ca_file} cannot be used: {reason}; it must hold certificates as PEM") from error
    return context


def _checked_proxy(proxy: str) -> URL:
    try:
        url = URL(proxy)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        # Not repeated: it may hold a password.
        raise InputError("the proxy must be http://host:port or https://host:port")
    return url
