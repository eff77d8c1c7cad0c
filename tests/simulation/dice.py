"""The dice: a source of chance with the few throws that are wanted here."""

from __future__ import annotations

import math
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice(Random):
    """A source of chance with the few throws that are wanted here."""

    def one_in(self, sides: int) -> bool:
        """Whether the one side came up."""
        return self.randrange(sides) == 0

    def pick(self, *values: T) -> T:
        """One of these."""
        return values[self.randrange(len(values))]

    def scale(self, low: float, high: float) -> float:
        """A number between these, every order of magnitude alike."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def share(self, *, most: float = 0.2) -> float:
        """A share of the tasks: mostly none."""
        return round(self.uniform(0.01, most), 3) if self.one_in(4) else 0.0
