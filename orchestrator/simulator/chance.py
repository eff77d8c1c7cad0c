"""Everything drawn: from the seed and a concern's name, never from a clock, a hash seed or shared state.

What happens to a task is drawn from its number, not from the order of requests: a run that was killed and
resumed meets the same service as one that was not.
"""

import hashlib
import math
import random
from statistics import NormalDist

from orchestrator.simulator.options import Spread

_WORD = (1 << 64) - 1
_NORMAL = NormalDist()


def stream(seed: int, concern: str) -> random.Random:
    """Give one concern its own source of chance."""
    return random.Random(f"{seed}/{concern}")  # noqa: S311  repeatable on purpose


def key(seed: int, concern: str) -> int:
    """Derive the 64-bit key by which `mixed` and `uniform` draw for one concern."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{concern}".encode()).digest()[:8], "big")


def mixed(concern: int, number: int) -> int:
    """Draw 64 bits for a number: the finaliser of splitmix64 (https://prng.di.unimi.it/splitmix64.c)."""
    word = (concern + number * 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def uniform(concern: int, number: int) -> float:
    """Draw a float above 0 and below 1 for a number."""
    return ((mixed(concern, number) >> 12) + 0.5) / (1 << 52)


def seconds(spread: Spread, draw: float) -> float:
    """Turn a uniform draw into a duration of this spread."""
    if not spread.sigma or not spread.median:
        return spread.median
    return spread.median * math.exp(spread.sigma * _NORMAL.inv_cdf(draw))
