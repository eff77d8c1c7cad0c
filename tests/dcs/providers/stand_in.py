"""Loopback stand-ins of the places that give identities away, with the shapes that the vendor documents."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

EXPIRES = "2031-05-06T07:08:09.000000Z"
EXPIRES_AT = 1935817689.0  # the same, seconds since the epoch
METADATA_TOKEN = "the-metadata-token"
STS_PATH = "/v5/agencies/assume-with-oidc"


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class StandIn:
    """Serves pod identity at `/pod`, STS at its documented path, and the metadata service; `with StandIn() as it`."""

    status: int = 200
    token_status: int = 200  # of the metadata service's token
    body: dict[str, Any] | str | None = None  # instead of the good answer
    rotation: int = 0  # how many keys were given away
    asked: list[Asked] = field(default_factory=list)
    hang: threading.Event | None = None

    def __enter__(self) -> Self:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                stand_in.serve(self)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - the base class looks for these names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length).decode()
        self.asked.append(Asked(request.command, request.path, dict(request.headers.items()), body))
        if self.hang is not None:
            self.hang.wait(30)
        status, text = self._answer(request)
        payload = text.encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(payload)))
        request.end_headers()
        request.wfile.write(payload)

    def _answer(self, request: BaseHTTPRequestHandler) -> tuple[int, str]:
        if request.path == "/meta-data/latest/api/token":
            return self.token_status, METADATA_TOKEN if self.token_status == 200 else "no such page"
        if self.body is not None:
            return self.status, self.body if isinstance(self.body, str) else json.dumps(self.body)
        if self.status != 200:
            return self.status, json.dumps({"error_code": "X.1", "error_msg": "the stand-in says no"})
        self.rotation += 1
        return 200, json.dumps(self._credential(request.path))

    def _credential(self, path: str) -> dict[str, Any]:
        number = self.rotation
        if path == STS_PATH:
            return {
                "credentials": {
                    "access_key_id": f"STSAK{number}",
                    "secret_access_key": f"STSSK{number}",
                    "security_token": f"STSTOKEN{number}",
                    "expiration": EXPIRES,
                }
            }
        return {
            "credential": {
                "access": f"AK{number}",
                "secret": f"SK{number}",
                "securitytoken": f"TOKEN{number}",
                "expires_at": EXPIRES,
            }
        }
