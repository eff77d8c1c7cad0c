"""Makes text from elsewhere fit to be kept and shown: no secrets, no control characters, bounded."""

from __future__ import annotations

import re
from typing import Final

MAX_MESSAGE: Final = 500  # characters
_MAX_RAW: Final = 8192  # characters looked at; the rest could not be shown anyway
_REMOVED: Final = "[removed]"

# The gateway echoes the canonical request, with every signed header, inside the message of a rejected signature.
_CANONICAL_REQUEST: Final = re.compile(r"canonical_?\s?request\b.*", re.IGNORECASE | re.DOTALL)
_SIGNATURE: Final = re.compile(r"(?:SDK|V11)-HMAC-\w+\s.*?Signature\s?=\s?\w*", re.IGNORECASE | re.DOTALL)
_AUTHORIZATION: Final = re.compile(
    r"""\b((?:proxy-)?authorization)["'\\]*\s*[:=]\s*["'\\]*(?:(?:basic|bearer|negotiate)\s+)?[^\s"',;|}]+""",
    re.IGNORECASE,
)
_NAMED_SECRET: Final = re.compile(
    r"""((?:[\w-]{0,40}(?:token|password|passwd|secret|secret[_-]?key|cookie)|\bpwd|\bsk))["'\\]{0,4}\s*[:=]\s*"""
    r"""(?:\\?"[^"]*"|'[^']*'|[^\s"',;|}&]+)""",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(r"(://)[^/\s@]+@")
_OPAQUE: Final = re.compile(r"[A-Za-z0-9+/_=-]{100,}")  # nothing that a person reads is one word of this length


def redact(text: str) -> str:
    """`text` without what looks like a signature, a token, a password or an echoed canonical request."""
    text = _CANONICAL_REQUEST.sub("canonicalRequest " + _REMOVED, text[:_MAX_RAW])
    text = _SIGNATURE.sub(_REMOVED, text)
    text = _AUTHORIZATION.sub(r"\1: " + _REMOVED, text)
    text = _NAMED_SECRET.sub(r"\1: " + _REMOVED, text)
    text = _USERINFO.sub(r"\1" + _REMOVED + "@", text)
    return _OPAQUE.sub(_REMOVED, text)


def one_line(text: str, *, limit: int = MAX_MESSAGE) -> str:
    """`text` on one line, at most `limit` characters, without control characters."""
    text = text[:_MAX_RAW]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def presentable(text: str, *, limit: int = MAX_MESSAGE) -> str:
    """`text` redacted, then made one bounded line."""
    return one_line(redact(text), limit=limit)
