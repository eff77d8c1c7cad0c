"""Throttling: windows of fixed phase, sliding windows and buckets, and the gateway's ways to say no."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Protocol, assert_never

from orchestrator.simulator.answers import Problem
from orchestrator.simulator.options import Quota


class Window(Protocol):
    """One quota being counted; times never go back."""

    def admit(self, now: float) -> bool:
        """Count a request in, or refuse it; a refused one does not count."""

    def opens(self, now: float) -> float:
        """Seconds until the next request would be admitted."""


class FixedWindow:
    """Counts in windows that follow one another."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._window = -math.inf
        self._count = 0

    def admit(self, now: float) -> bool:
        """Count a request in, or refuse it."""
        window = (now - self._quota.phase) // self._quota.seconds
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self._quota.limit:
            return False
        self._count += 1
        return True

    def opens(self, now: float) -> float:
        """Seconds until the next window begins, if this one is full."""
        if self._count < self._quota.limit:
            return 0.0
        return self._quota.seconds - (now - self._quota.phase) % self._quota.seconds


class SlidingWindow:
    """Counts the requests of the last seconds, looking back from each."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count a request in, or refuse it."""
        while self._admitted and self._admitted[0] <= now - self._quota.seconds:
            self._admitted.popleft()
        if len(self._admitted) >= self._quota.limit:
            return False
        self._admitted.append(now)
        return True

    def opens(self, now: float) -> float:
        """Seconds until the oldest request falls out of sight, if there is no room."""
        if len(self._admitted) < self._quota.limit:
            return 0.0
        return max(0.0, self._admitted[0] + self._quota.seconds - now)


class Bucket:
    """A token bucket that holds `limit` and refills evenly in `seconds` (https://en.wikipedia.org/wiki/Token_bucket)."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._tokens = float(quota.limit)
        self._at = -math.inf

    def admit(self, now: float) -> bool:
        """Take a token, or refuse."""
        rate = self._quota.limit / self._quota.seconds
        if now > self._at:
            self._tokens = min(self._quota.limit, self._tokens + (now - self._at) * rate)
            self._at = now
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True

    def opens(self, now: float) -> float:
        """Seconds until a whole token is there."""
        rate = self._quota.limit / self._quota.seconds
        return max(0.0, (1 - self._tokens) / rate - (now - self._at))


def window(quota: Quota) -> Window:
    """Make the counter of this kind of quota."""
    match quota.kind:
        case "fixed":
            return FixedWindow(quota)
        case "sliding":
            return SlidingWindow(quota)
        case "bucket":
            return Bucket(quota)
        case _:
            assert_never(quota.kind)


class Throttle:
    """One quota, which somebody else may be drawing on too."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._window = window(quota)
        self._next_stranger = math.nan

    def admit(self, now: float) -> bool:
        """Count a request in, or refuse it."""
        if self.quota.strangers:
            self._admit_strangers(now)
        return self._window.admit(now)

    def opens(self, now: float) -> float:
        """Seconds until a request would be admitted, as far as can be said now."""
        return self._window.opens(now)

    def _admit_strangers(self, now: float) -> None:
        gap = 1 / self.quota.strangers
        if math.isnan(self._next_stranger):
            self._next_stranger = now + gap
        # What they took longer ago than two windows matters no more: a long sleep is not paid for request by request.
        missed = math.floor((now - 2 * self.quota.seconds - self._next_stranger) / gap)
        self._next_stranger += max(0, missed) * gap
        while self._next_stranger <= now:
            self._window.admit(self._next_stranger)
            self._next_stranger += gap


class Throttles:
    """The quotas of one service, by API."""

    def __init__(self, quotas: Mapping[str, Quota], gateway: str) -> None:
        self._throttles = {api: Throttle(quota) for api, quota in quotas.items()}
        self._gateway = gateway

    def refuse(self, api: str, now: float) -> Problem | None:
        """Count a request to this API, or give the refusal."""
        if not self._throttles:
            return None
        for name in (api, "all"):
            throttle = self._throttles.get(name)
            if throttle is not None and not throttle.admit(now):
                return refusal(throttle.quota, throttle.opens(now), self._gateway)
        return None


def refusal(quota: Quota, opens_in: float, gateway: str) -> Problem:
    """Say no in the words of the gateway; its numbers stand in the text only."""
    headers = {"Retry-After": str(max(1, math.ceil(opens_in)))} if quota.retry_after else {}
    match quota.wording:
        case "gateway":
            text = (
                f"The throttling threshold has been reached: policy {quota.policy} over ratelimit,"
                f"limit:{quota.limit},time:{_in_words(quota.seconds)}"
            )
            return Problem(429, f"{gateway}.0308", text, headers=headers, by_gateway=True)
        case "iam":
            text = f"The request is too frequent. Threshold: {quota.limit} times per {quota.seconds:g} seconds"
            return Problem(429, "IAM.0012", text, headers=headers, by_gateway=True)
        case "bare":
            text = "The throttling threshold has been reached"
            return Problem(429, f"{gateway}.0308", text, headers=headers, by_gateway=True)
        case _:
            assert_never(quota.wording)


def _in_words(seconds: float) -> str:
    if seconds % 60 == 0:
        return f"{seconds / 60:g} minute"
    return f"{seconds:g} second"
