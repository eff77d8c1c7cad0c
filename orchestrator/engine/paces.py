"""The pace of one API beside that of all APIs together: nobody says which of them a service's quota counts.

Mostly it counts each API by itself, and so it is begun. But a gateway may count a user's or an address's requests
whichever API they are for. It shows when one is refused: what went to this API leaves room in the quota that the
refusal names, and what went to all of them does not. Where neither explains it, strangers use the quota too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.engine.model import Failure, Quota
    from orchestrator.engine.pace import ApiPace


@dataclass(slots=True)
class Paces:
    """Plain arithmetic, as `ApiPace`: what one API does is told to both, and the slower one is heeded.

    `together` has quotas only once the service was seen to count so.
    """

    own: ApiPace
    together: ApiPace

    @property
    def are_tied(self) -> bool:
        """Whether what goes to another API matters."""
        return bool(self.together.quotas)

    def wait(self, now: float) -> float:
        """Seconds until one more may start, after those that are held: `inf` not before something is answered."""
        return max(self.own.wait(now), self.together.wait(now) if self.are_tied else 0.0)

    def wait_held(self, now: float) -> float:
        """Seconds until one of those that are held may start."""
        return max(self.own.wait_held(now), self.together.wait_held(now) if self.are_tied else 0.0)

    def wait_to_prepare(self, now: float) -> float:
        """Seconds until one more may be got ready."""
        return max(self.own.wait_to_prepare(now), self.together.wait(now) if self.are_tied else 0.0)

    def hold(self) -> None:
        """One request is being got ready."""
        self.own.hold()
        self.together.hold()

    def let_go(self) -> None:
        """One that was held does not start after all."""
        self.own.let_go()
        self.together.let_go()

    def start_held(self, now: float) -> float:
        """One that was held leaves. Returns its time: after that of any refusal before it."""
        return max(self.own.start_held(now), self.together.start_held(now))

    def cancelled(self) -> None:
        """A request that was started did not leave after all."""
        self.own.cancelled()
        self.together.cancelled()

    def answered(self, now: float, started_at: float) -> None:
        """One request was answered, well or badly, or given up."""
        self.own.answered(now, started_at)
        self.together.answered(now, started_at)

    def recall(self, answers: Iterable[tuple[float, int]], now: float) -> None:
        """Count what an attempt before spent: `(seconds ago, requests)`. What was seen since is better, if anything."""
        if not self.own.has_answers:
            spent = list(answers)
            self.own.recall(spent, now)
            self.together.recall(spent, now)

    def throttled(self, now: float, started_at: float, failure: Failure) -> Quota | None:
        """One request was refused for a quota. Returns the quota if it is news."""
        is_new_here = self.own.refused(now, started_at)
        is_new = self.together.refused(now, started_at)
        quota = self.own.believable(failure.quota)
        if quota is None or not self._counts_all(quota, now, is_new=is_new_here):
            return self.own.heed(failure, now, is_new=is_new_here)
        known = quota in self.own.quotas.values()
        self.own.learn(quota)
        self.together.heed(failure, now, is_new=is_new)
        return None if known else quota

    def _counts_all(self, quota: Quota, now: float, *, is_new: bool) -> bool:
        """Whether the service counts all APIs together in this quota. The same story twice tells nothing more."""
        if quota in self.together.quotas.values():
            return True
        return is_new and self.own.has_room(quota, now) and not self.together.has_room(quota, now)
