"""Regions and endpoints: where the service is, and where an unencrypted or unsigned request may go."""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from orchestrator.errors import InputError

# As listed by the vendor's SDK; for suggestions only, since regions are added.
KNOWN: Final = (
    *("ae-ad-1", "af-north-1", "af-south-1"),
    *(f"ap-southeast-{n}" for n in range(1, 6)),
    *(f"cn-east-{n}" for n in range(2, 6)),
    *(f"cn-north-{n}" for n in (1, 2, 4, 9, 11, 12)),
    *(f"cn-south-{n}" for n in (1, 2, 4)),
    *("cn-southwest-2", "cn-southwest-3"),
    *("eu-de", "eu-nl", "eu-west-0", "eu-west-101"),
    *("la-north-2", "la-south-2", "me-east-1", "my-kualalumpur-1", "na-mexico-1"),
    *("ru-moscow-1", "ru-northwest-2", "sa-brazil-1", "tr-west-1"),
)
_OTC: Final = frozenset({"eu-de", "eu-nl"})  # Open Telekom Cloud: the same API under another roof
_VENDOR_DOMAINS: Final = ("myhuaweicloud.com", "myhuaweicloud.cn", "myhuaweicloud.eu", "otc.t-systems.com")
_WELL_FORMED: Final = re.compile(r"[a-z]{2,12}(?:-[a-z0-9]{1,20}){1,3}")
_HOST: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def suggestion(region: str) -> str | None:
    """The known region that `region` was perhaps meant to be; None if it is known, or like none."""
    if region in KNOWN:
        return None
    return next(iter(difflib.get_close_matches(region.strip().lower(), KNOWN, n=1)), None)


def endpoint_of_region(region: str) -> str:
    """The service's address in `region`, which need not be a known one. Raises `InputError` if it is malformed."""
    if not _WELL_FORMED.fullmatch(region):
        guess = suggestion(region)
        hint = f"did you mean {guess}?" if guess else "a region looks like cn-north-4"
        raise InputError(f"region {region[:60]!r} is not one: {hint}; or give service.endpoint instead")
    domain = "otc.t-systems.com" if region in _OTC else "myhuaweicloud.com"
    return f"https://dcs.{region}.{domain}"


def endpoint_of(*, region: str | None = None, endpoint: str | None = None) -> str:
    """The checked address to send to: `endpoint` if given, else that of `region`. Raises `InputError`."""
    if endpoint is not None:
        return checked_endpoint(endpoint)
    if region is None:
        raise InputError("neither a region nor an endpoint is given: set service.region (for example cn-north-4)")
    return endpoint_of_region(region)


def checked_endpoint(endpoint: str) -> str:
    """`endpoint` as `scheme://host[:port]`: https, or http to loopback only. Raises `InputError`."""
    try:
        parts = urlsplit(endpoint.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused("is not a URL") from error
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise _refused("must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise _refused("must not hold a user name or password")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _refused("must be scheme and host only, without path or query")
    if not _is_host(host):
        raise _refused("names a host that is not one")
    if parts.scheme == "http" and not _is_loopback_host(host):
        raise _refused("must be https: plain http goes to loopback only (127.0.0.1, ::1, localhost)")
    return f"{parts.scheme}://{_netloc(host, port, parts)}"


def is_loopback(endpoint: str) -> bool:
    """Whether `endpoint` (a checked one) is on this very machine."""
    return _is_loopback_host(urlsplit(endpoint).hostname or "")


def is_vendor(endpoint: str) -> bool:
    """Whether `endpoint` (a checked one) lies in one of the vendor's own domains."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith(tuple(f".{domain}" for domain in _VENDOR_DOMAINS))


def _is_host(host: str) -> bool:
    return _address(host) is not None or _HOST.fullmatch(host) is not None


def _is_loopback_host(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _netloc(host: str, port: int | None, parts: SplitResult) -> str:
    name = f"[{host}]" if ":" in host else host.lower()
    return name if port is None or port == _DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"


def _refused(why: str) -> InputError:
    # The endpoint itself is not repeated: it may hold a password.
    return InputError(f"service.endpoint {why}; for example https://dcs.cn-north-4.myhuaweicloud.com")
