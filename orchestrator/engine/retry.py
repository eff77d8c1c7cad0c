"""Which failures are tried again, and after how long. Plain arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.engine.model import Failure, Verdict

if TYPE_CHECKING:
    from random import Random

    from orchestrator.engine.options import RetryOptions

AGAIN = frozenset({Verdict.UNREACHED, Verdict.LOST})  # a read may simply be sent again after these
RETRY_COST = 5.0  # tokens a retry costs, as large SDKs charge it
REFUND = 1.0  # tokens a success earns
BUDGET = 500.0
MAX_RETRY_AFTER = 300.0  # seconds; a longer wish of the service is cut to this


def backoff(attempt: int, options: RetryOptions, random: Random) -> float:
    """Seconds before attempt `attempt + 1`: doubling with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    exponent = min(attempt - 1, 64)  # beyond this every sane ceiling is reached
    return random.uniform(0.0, min(options.max_backoff, options.base_backoff * 2.0**exponent))


def delay_after(failure: Failure, attempt: int, options: RetryOptions, random: Random) -> float:
    """Seconds to wait after `failure`: what the service asks for, or our own backoff if that is longer."""
    asked = min(failure.retry_after or 0.0, MAX_RETRY_AFTER)
    return max(asked, backoff(attempt, options, random))


class Budget:
    """A budget for the whole run: while it lasts retries are free to go, when it is spent they go one at a time."""

    def __init__(self, tokens: float = BUDGET) -> None:
        self._full = tokens
        self._tokens = tokens

    @property
    def is_spent(self) -> bool:
        """Whether a retry has to wait its turn."""
        return self._tokens < RETRY_COST

    def retried(self) -> None:
        """A retry goes."""
        self._tokens = max(0.0, self._tokens - RETRY_COST)

    def succeeded(self) -> None:
        """A request succeeded."""
        self._tokens = min(self._full, self._tokens + REFUND)
