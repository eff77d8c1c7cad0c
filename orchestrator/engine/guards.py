"""Guards: judgements that end a run or hold it back, as plain functions over plain values.

The rule of `max_failures`: nothing is sent that could carry the failures beyond one more than allowed, the one that
ends the run, if all that was sent and is not decided came to fail: what is in flight, what got no answer, and what was
refused for now. It holds for whole batches, for the parts of one that is taken apart, and for whoever is sent again.
So of the ids that were sent no more than that fail, ever; of a share, no more than its sample where that is larger.
Who was never sent and turns out unknown by a look counts and may end the run, but waits for nobody and holds nobody
back: looking does no harm, and to know first that nobody is missing would be a run of looks before the first stop.
Such ids come on top of the bound only if they are found while the last requests are in flight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGuard:
    """`max_failures`: more than `limit` failures end the run; a share is judged only after `sample` items."""

    limit: int
    sample: int  # 0: from the first item on
    wording: str  # as the user wrote it, for the message

    @classmethod
    def of(cls, max_failures: float, *, unique: int, sample: int) -> FailureGuard | None:
        """The guard for a count (int) or a share (float) of `unique` items; None where it is off."""
        if isinstance(max_failures, int):
            return cls(limit=max_failures, sample=0, wording=str(max_failures))
        if max_failures >= 1.0:
            return None
        return cls(
            limit=math.floor(max_failures * unique), sample=sample, wording=f"{max_failures * 100:g}% of {unique}"
        )

    def is_tripped(self, *, failed: int, judged: int) -> bool:
        """Whether the run must end."""
        return failed > self.limit and judged >= self.sample

    def room(self, *, failed: int, undecided: int, judged: int) -> int:
        """How many more items may be sent now, if all that is undecided and all that is sent came to fail.

        Before the sample is complete it bounds nothing that the sample would not.
        """
        room = self.limit + 1 - failed - undecided
        if judged < self.sample:
            room = max(room, self.sample - judged - undecided)
        return max(0, room)

    def message(self, failed: int) -> str:
        """Why the run ended."""
        return (
            f"{failed} tasks failed, more than limits.max_failures allows ({self.wording}): nothing more is sent; "
            "look at the reasons in tasks.csv, then resume with the same command or with a higher limit"
        )


def too_many(unique: int, max_tasks: int) -> str | None:
    """Why a list is too long to be taken at its word; None if it is not."""
    if unique <= max_tasks:
        return None
    return (
        f"the input names {unique} tasks, more than limits.max_tasks allows ({max_tasks}): nothing was sent; "
        "check the list, or raise the limit with --set limits.max_tasks=N"
    )


def span(seconds: float) -> str:
    """A duration for people: `8h20m`, `5m`, `12s`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest}s" if rest and not hours else ""]
    return "".join(parts) or "0s"
