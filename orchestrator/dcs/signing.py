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
    return _canonical(method, path, query, _signed(headers), body)


def _canonical(method: str, path: str, query: Iterable[tuple[str, str]], signed: Mapping[str, str], body: bytes) -> str:
    lines = "".join([f"{name}:{value}\n" for name, value in signed.items()])  # hence the empty line after them
    hashed = hashlib.sha256(body).hexdigest()
    return f"{method.upper()}\n{canonical_path(path)}\n{canonical_query(query)}\n{lines}\n{';'.join(signed)}\n{hashed}"


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
    signed = _signed(headers)
    canonical = _canonical(method, path, query, signed, body)
    to_sign = f"{ALGORITHM}\n{signed['x-sdk-date']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(sk.encode(), to_sign.encode(), "sha256").hex()  # no derived key
    return f"{ALGORITHM} Access={ak}, SignedHeaders={';'.join(signed)}, Signature={signature}"


def _signed(headers: Mapping[str, str]) -> dict[str, str]:
    """What is signed of each header, in the order of their names."""
    return dict(sorted([(name.lower(), value.strip()) for name, value in headers.items()]))


def _encoded(text: str) -> str:
    return quote(text, safe="~")
