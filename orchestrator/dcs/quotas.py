"""Reads a quota, or a time to wait, out of a throttled answer."""

from __future__ import annotations

import email.utils
import math
import re
from datetime import UTC
from typing import Final

from orchestrator.engine.model import Quota

MAX_RETRY_AFTER: Final = 86_400.0  # seconds; whoever asks for more is not believed

# The window stands in the message only, never in a header; for example
# "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute".
_GATEWAY: Final = re.compile(
    r"(?:policy\s*[:=]?\s*(?P<policy>\w{1,40})\W{0,8})?"
    r"(?:over\s?rate\s?limit\W{0,8})?"
    r"\blimit\s*[:=]\s*(?P<limit>\d{1,9})\s*[,;]?\s*"
    r"time\s*[:=]\s*(?P<time>\d{1,9})\s*(?P<unit>[a-z]*)",
    re.IGNORECASE,
)
# IAM words it otherwise: "Threshold: %d times per %d seconds".
_IAM: Final = re.compile(
    r"threshold\s*[:=]?\s*(?P<limit>\d{1,9})\s*times?\s*(?:per|in|/)\s*(?P<time>\d{1,9})?\s*(?P<unit>[a-z]*)",
    re.IGNORECASE,
)
_UNITS: Final = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}


def quota_of(text: str) -> Quota | None:
    """The quota that `text` states, or None where it states none that can be understood."""
    for pattern in (_GATEWAY, _IAM):
        if match := pattern.search(text):
            parts = match.groupdict()
            unit = _UNITS.get(parts["unit"].lower())
            limit, count = int(parts["limit"]), int(parts["time"] or 1)
            if unit is None or limit < 1 or count < 1:
                continue
            policy = (parts.get("policy") or "").lower()
            return Quota(policy=policy, limit=limit, seconds=float(count * unit))
    return None


def retry_after_of(value: str, *, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds, or an HTTP date seen at `now`); None if unreadable.

    The vendor documents no such header; proxies and other clouds of the same make may send it.
    """
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        stamp = timestamp_of(value)
        if stamp is None:
            return None
        seconds = stamp - now
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def timestamp_of(http_date: str) -> float | None:
    """Seconds since the epoch of an HTTP date such as `Tue, 15 Nov 1994 08:12:31 GMT`; None if unreadable."""
    try:
        moment = email.utils.parsedate_to_datetime(http_date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
