"""The vendor's request signature, SDK-HMAC-SHA256: a pure function of the request and the key.

https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALGORITHM: Final = "SDK-HMAC-SHA256"


def stamp(at: float) -> str:
    """`at` (seconds since the epoch) as `X-Sdk-Date` wants it: `20260102T030405Z`."""
    return _stamp(int(at))


@lru_cache(maxsize=16)
def _stamp(at: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def canonical_query(query: Iterable[tuple[str, str]]) -> str:
    """`query` sorted and percent-encoded; what is signed must also be what is sent."""
    return "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in sorted(query))


@lru_cache(maxsize=64)  # a run asks for few different paths, again and again
def canonical_path(path: str) -> str:
    """`path` with each segment encoded anew. It ends in `/` in the signature only, never in the request line."""
    encoded = "/".join(map(_encoded, unquote(path).split("/")))
    return encoded if encoded.endswith("/") else f"{encoded}/"


def canonical_request(
    *, method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str], body: bytes
) -> str:
    """The text whose hash is signed. All of `headers` are signed."""
    head, _, _ = _head(method, path, tuple(query), tuple(headers.items()))
    return f"{head}{hashlib.sha256(body).hexdigest()}"


@lru_cache(maxsize=64)  # most requests of one second differ in their bodies only
def _head(
    method: str, path: str, query: tuple[tuple[str, str], ...], headers: tuple[tuple[str, str], ...]
) -> tuple[str, str, str]:
    """What comes before the body's hash, the names of what is signed, and the date."""
    signed = dict(sorted([(name.lower(), value.strip()) for name, value in headers]))
    lines = "".join([f"{name}:{value}\n" for name, value in signed.items()])  # hence the empty line after them
    names = ";".join(signed)
    head = f"{method.upper()}\n{canonical_path(path)}\n{canonical_query(query)}\n{lines}\n{names}\n"
    return head, names, signed.get("x-sdk-date", "")


def authorization(
    *,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
    ak: str,
    sk: str,
) -> str:
    """The `Authorization` header for a request with exactly these `headers` (`x-sdk-date` must be among them)."""
    head, names, date = _head(method, path, tuple(query), tuple(headers.items()))
    canonical = f"{head}{hashlib.sha256(body).hexdigest()}"
    to_sign = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    keyed = _keyed(sk).copy()
    keyed.update(to_sign.encode())
    return f"{ALGORITHM} Access={ak}, SignedHeaders={names}, Signature={keyed.hexdigest()}"


@lru_cache(maxsize=4)
def _keyed(sk: str) -> hmac.HMAC:
    """To be copied for each signature; no key is derived."""
    return hmac.new(sk.encode(), digestmod="sha256")


def _encoded(text: str) -> str:
    return quote(text, safe="~")
