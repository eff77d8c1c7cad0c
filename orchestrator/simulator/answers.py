"""What goes over the wire: requests as they come in, replies, and error bodies in the service's styles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal, cast

import msgspec

JSON = "application/json"
HTML = "text/html"

Fault = Literal["reset", "truncated", "hang", "slow"]
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One request, as the transport hands it over."""

    method: str
    path: str
    """As on the request line, percent-encoded, without the query."""
    query: Sequence[tuple[str, str]] = ()
    """Names and values, decoded, in their order."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, and how it is to be delivered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    delay: float = 0.0
    """Seconds before it is sent; infinite for a hang."""
    fault: Fault | None = None
    """`reset`: the connection breaks instead; `truncated`: it breaks within the body; `hang`: no answer ever;
    `slow`: the body drips."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer in the making."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    by_gateway: bool = False
    """Whether the gateway wrote it (then the body names the request) or the service behind it."""

    def reply(self, request_id: str, *, shape: str) -> Reply:
        """Write it out in one of the service's styles."""
        return reply(self.status, self._body(request_id, shape), request_id, self.headers)

    def _body(self, request_id: str, shape: str) -> bytes:
        body: dict[str, object] = {"error_msg": self.message, "error_code": self.code}
        if self.by_gateway:
            body["request_id"] = request_id
            if self.code.startswith("PAP5"):
                body["encoded_authorization_message"] = "c2ltdWxhdGVk"
        elif shape == "v1":
            body = {"error": {"code": self.code, "message": self.message}}
        elif shape == "flat":
            body = {"code": self.code, "message": self.message, "ext_message": None}
        elif shape == "camel":
            body = {"errorCode": self.code, "errorMsg": self.message}
        else:
            body["error_ext_msg"] = None
        return encode(body)


def encode(value: object) -> bytes:
    """Write JSON."""
    return msgspec.json.encode(value)


def reply(
    status: int,
    body: bytes,
    request_id: str,
    headers: Mapping[str, str] = _NO_HEADERS,
    kind: str = JSON,
) -> Reply:
    """Make an answer with the headers that every one of them has."""
    common = {"X-Request-Id": request_id}
    if body:
        common["Content-Type"] = kind
    return Reply(status=status, headers={**common, **headers}, body=body)


class Calendar:
    """Turns the service's clock into dates, cheaply: consecutive answers mostly share their second."""

    def __init__(self, epoch: float) -> None:
        self._epoch = epoch
        self._second = -1
        self._date = ""

    def wall(self, now: float) -> float:
        """Seconds since 1970 at this moment."""
        return self._epoch + now

    def date(self, now: float) -> str:
        """Give the value of a Date header."""
        second = int(self.wall(now))
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
        return self._date


class _StopBody(msgspec.Struct):
    migration_tasks: list[str]


class _DeleteBody(msgspec.Struct):
    task_id_list: list[str]


def read_ids(body: bytes, field_name: str) -> list[str] | Problem:
    """Read the ids out of a batch request."""
    if not body.strip():
        return Problem(400, "DCS.4004", "The request body is empty.")
    kind: type[msgspec.Struct] = _DeleteBody if field_name == "task_id_list" else _StopBody
    try:
        found = cast("list[str]", getattr(msgspec.json.decode(body, type=kind), field_name))
    except msgspec.ValidationError:
        return Problem(400, "DCS.4062", f"Invalid {field_name} parameter in the request.")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem(400, "DCS.4005", "The request body is not in JSON format.")
    if not found:
        return Problem(400, "DCS.4004", f"The {field_name} in the request is empty.")
    return found
