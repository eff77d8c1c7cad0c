"""The pace of one API beside that of all APIs together: nobody says which of them a service's quota counts.

Mostly it counts each API by itself, and so it is begun. But a gateway may count a user's or an address's requests
whichever API they are for. It shows when one is refused: what went to this API leaves room in the quota that the
refusal names, and what went to all of them does not.

That may be chance, and strangers the reason. So the quota is spread over its windows at first, as it is beside
strangers: they are not crowded out, and another refusal, where all together leave room, says that it is they. Where
it does not come in some windows, it was right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.engine.model import Failure, Quota
    from orchestrator.engine.pace import ApiPace


TRIAL = 5  # windows in which a refusal that is not explained refutes what was supposed


class Together:
    """All APIs of an identity as one. `pace` has quotas only where the service seems to count so."""

    def __init__(self, pace: ApiPace) -> None:
        self.pace = pace
        self._trial_ends = math.inf  # of the loop's time
        self._is_refuted = False

    def counts(self, quota: Quota | None) -> bool:
        """Whether this quota seems to count all of them."""
        return quota is not None and quota in self.pace.quotas.values()

    def judge(self, quota: Quota, now: float, *, one_has_room: bool) -> None:
        """Suppose so, or no longer, as a request was refused; `one_has_room` if its own API does not explain that."""
        all_have_room = self.pace.has_room(quota, now)
        if self.counts(quota):
            if all_have_room and now < self._trial_ends:
                self.pace.forget(quota)
                self._is_refuted = True
        elif one_has_room and not all_have_room and not self._is_refuted:
            self.pace.suppose(quota)
            self._trial_ends = now + TRIAL * quota.seconds


@dataclass(slots=True)
class Paces:
    """Plain arithmetic, as `ApiPace`: what one API does is told to both, and the slower one is heeded."""

    own: ApiPace
    together: Together

    @property
    def are_tied(self) -> bool:
        """Whether what goes to another API matters."""
        return bool(self.together.pace.quotas)

    def wait(self, now: float) -> float:
        """Seconds until one more may start, after those that are held: `inf` not before something is answered."""
        return max(self.own.wait(now), self.together.pace.wait(now) if self.are_tied else 0.0)

    def wait_held(self, now: float) -> float:
        """Seconds until one of those that are held may start."""
        return max(self.own.wait_held(now), self.together.pace.wait_held(now) if self.are_tied else 0.0)

    def wait_to_prepare(self, now: float) -> float:
        """Seconds until one more may be got ready."""
        return max(self.own.wait_to_prepare(now), self.together.pace.wait(now) if self.are_tied else 0.0)

    def hold(self) -> None:
        """One request is being got ready."""
        self.own.hold()
        self.together.pace.hold()

    def let_go(self) -> None:
        """One that was held does not start after all."""
        self.own.let_go()
        self.together.pace.let_go()

    def start_held(self, now: float) -> float:
        """One that was held leaves. Returns its time: after that of any refusal before it."""
        return max(self.own.start_held(now), self.together.pace.start_held(now))

    def cancelled(self) -> None:
        """A request that was started did not leave after all."""
        self.own.cancelled()
        self.together.pace.cancelled()

    def answered(self, now: float, started_at: float) -> None:
        """One request was answered, well or badly, or given up."""
        self.own.answered(now, started_at)
        self.together.pace.answered(now, started_at)

    def recall(self, answers: Iterable[tuple[float, int]], now: float) -> None:
        """Count what an attempt before spent: `(seconds ago, requests)`. What was seen since is better, if anything."""
        if not self.own.has_answers:
            spent = list(answers)
            self.own.recall(spent, now)
            self.together.pace.recall(spent, now)

    def throttled(self, now: float, started_at: float, failure: Failure) -> Quota | None:
        """One request was refused for a quota. Returns the quota if it is news."""
        is_new_here = self.own.refused(now, started_at)
        is_new = self.together.pace.refused(now, started_at)
        quota = self.own.believable(failure.quota)
        if quota is not None and is_new and is_new_here:  # the same story twice tells nothing more
            self.together.judge(quota, now, one_has_room=self.own.has_room(quota, now))
        if quota is None or not self.together.counts(quota):
            return self.own.heed(failure, now, is_new=is_new_here)
        known = quota in self.own.quotas.values()
        self.own.learn(quota)
        self.together.pace.heed(failure, now, is_new=is_new)
        return None if known else quota
