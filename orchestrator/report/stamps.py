"""Stamps for people and machines: RFC 3339 in UTC with milliseconds, cheap for a million rows."""

from __future__ import annotations

import time

MAX_CACHED = 100_000  # seconds of the clock whose text is kept


class Stamps:
    """Formats seconds since the epoch; keeps the text of each second, for rows come in bursts of the same one."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: dict[int, str] = {}

    def __call__(self, at: float) -> str:
        """`at` as `2026-11-23T17:57:03.250Z`."""
        second, millisecond = divmod(round(at * 1000), 1000)
        text = self._seconds.get(second)
        if text is None:
            if len(self._seconds) >= MAX_CACHED:
                self._seconds.clear()
            text = self._seconds[second] = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{text}{millisecond:03d}Z"


def stamp(at: float) -> str:
    """One stamp: `at`, seconds since the epoch, as `2026-11-23T17:57:03.250Z`."""
    return Stamps()(at)


def duration(seconds: float) -> str:
    """A length of time for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the tenth matters
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{whole} s"
