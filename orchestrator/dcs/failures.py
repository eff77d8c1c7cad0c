"""Reads an unsuccessful answer, in any of the shapes that service, gateway, IAM and proxies give it."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from orchestrator.dcs import codes, quotas
from orchestrator.dcs.redaction import MAX_MESSAGE, one_line, presentable
from orchestrator.engine.model import Failure, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CODE: Final = 64  # characters of a code, a status or a request id
_MAX_DEPTH: Final = 4  # objects inside objects that are searched for a code
_MAX_TEXT: Final = 65_536  # bytes of an error body that are looked at
_TITLE: Final = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]{0,1000}>")
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
# Pairs in the order of precedence that the vendor's own SDK uses.
_PAIRS: Final = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))
_REQUEST_ID_HEADERS: Final = ("x-request-id", "x-iam-trace-id")


def request_id_of(headers: Mapping[str, str]) -> str:
    """The id under which the vendor finds this request; empty where no header has one."""
    for name in _REQUEST_ID_HEADERS:
        if value := headers.get(name):
            return one_line(value, limit=MAX_CODE)
    return ""


def scalar(value: object) -> str:
    """`value` as text if it is text or a whole number (IAM's codes are numbers), else empty."""
    if isinstance(value, bool):
        return ""
    return str(value).strip() if isinstance(value, (str, int)) else ""


def text_of(headers: Mapping[str, str], body: bytes) -> str:
    """`body` as text, by its `charset`, its byte-order mark or its looks; never fails."""
    charset = _CHARSET.search(headers.get("content-type", ""))
    for encoding in (charset[1] if charset else "", json.detect_encoding(body)):
        try:
            return body.decode(encoding).removeprefix("\ufeff")
        except (LookupError, ValueError):
            continue
    return body.decode("utf-8", errors="replace").removeprefix("\ufeff")


def failure_of(api: str, status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> Failure:
    """What an answer of `api` that is not a success means. `now` is seconds since the epoch."""
    text = text_of(headers, body[:_MAX_TEXT])
    answer = _object(text)
    code, message, request_id = _parts(answer) if answer is not None else ("", _plain(text), "")
    verdict, remedy = codes.judge(api, status, code, message, foreign=answer is None)
    if not presentable(message, limit=1):  # nothing, or nothing that can be shown
        unread = status < HTTPStatus.MULTIPLE_CHOICES
        message = "a success without the content that belongs to it" if unread else "no reason was given"
    return Failure(
        verdict=verdict,
        code=presentable(code, limit=MAX_CODE),
        message=with_remedy(message, remedy),
        status=status,
        request_id=request_id_of(headers) or presentable(request_id, limit=MAX_CODE),
        retry_after=_wait(headers, now),
        quota=quotas.quota_of(message) if verdict is Verdict.THROTTLED else None,
    )


def undecipherable(status: int, headers: Mapping[str, str], message: str) -> Failure:
    """A success that cannot be understood: nobody knows what it means."""
    return Failure(verdict=Verdict.LOST, message=message, status=status, request_id=request_id_of(headers))


def with_remedy(message: str, remedy: str) -> str:
    """`message`, redacted and bounded so that the remedy behind it is never cut off."""
    if not remedy:
        return presentable(message)
    return f"{presentable(message, limit=MAX_MESSAGE - len(remedy) - 2)}; {remedy}"


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait, where a header names them; a date in it is compared with the answerer's own clock."""
    answered_at = quotas.timestamp_of(headers.get("date", ""))
    return quotas.retry_after_of(headers.get("retry-after", ""), now=now if answered_at is None else answered_at)


def _object(text: str) -> dict[str, object] | None:
    """The JSON object in `text`, if it is one."""
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _parts(answer: dict[str, object], depth: int = 1) -> tuple[str, str, str]:
    """Code, message and request id of an error body, wherever in it they stand; empty where there are none."""
    request_id = scalar(answer.get("request_id"))
    for code_key, message_key in _PAIRS:
        code, message = scalar(answer.get(code_key)), scalar(answer.get(message_key))
        if code or message:
            return code, message, request_id
    if depth < _MAX_DEPTH:
        for value in answer.values():
            if isinstance(value, dict):
                code, message, inner = _parts(value, depth + 1)
                if code or message:
                    return code, message, request_id or inner
    return "", "", request_id


def _plain(text: str) -> str:
    """What a body that is not JSON says: the title of a page, or its text."""
    title = _TITLE.search(text)
    return title[1] if title else _TAG.sub(" ", text[:4096])
