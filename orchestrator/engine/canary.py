"""The canary: the first few items are sent and seen at their goal before the rest goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orchestrator.engine.states import OPEN, State
from orchestrator.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.engine.ledger import Ledger

FAILED = frozenset({State.REJECTED, State.NOT_FOUND})
MAX_NAMED = 5  # of the canary, in a message
STILL_OPEN = frozenset(OPEN)


class Canary:
    """Lets `wanted` items go; the rest when all of these are done. 0: no canary, everything may go."""

    def __init__(self, wanted: int, *, ledger: Ledger, ids: Sequence[str]) -> None:
        self._wanted = max(0, wanted - ledger.totals[State.DONE])  # a resumed run has seen some already
        self._ledger = ledger
        self._ids = ids
        # Who was refused in an attempt before is judged again first; who was sent and is not over is out still.
        self._sent: list[int] = (
            [item for item in range(ledger.count) if _was_refused(ledger, item) or _is_out(ledger, item)]
            if self._wanted
            else []
        )

    def sent(self, items: Sequence[int]) -> None:
        """These are about to leave."""
        if self._wanted:
            self._sent = list(dict.fromkeys([*self._sent, *items]))

    def room(self) -> float:
        """How many more may go now, for the first time. Raises `GuardError` if one of the canary failed."""
        if not self._wanted:
            return math.inf
        state = self._ledger.state
        failed = [item for item in self._sent if state[item] in FAILED]
        if failed:
            why = self._ledger.failures.get(failed[0])
            raise GuardError(
                f"the canary failed: {self._ids[failed[0]]} was refused ({why.text if why else 'no reason given'}); "
                f"nothing but the canary ({len(self._sent)} tasks) was sent"
            )
        # Who ended in another way, by itself, proves nothing either way: somebody else goes in its place, and so for
        # whom no request has reached yet. Anybody else keeps the place until the goal is seen: forgotten, refused for
        # now or lost, it is asked for again, and may be on its way all the same.
        self._sent = [item for item in self._sent if self._keeps_place(item)]
        if sum(state[item] == State.DONE for item in self._sent) >= self._wanted:
            self._wanted = 0
            return math.inf
        return self._wanted - len(self._sent)

    @property
    def returning(self) -> int:
        """How many of the canary wait to be asked for again: these have their places already."""
        state = self._ledger.state
        return sum(state[item] == State.READY for item in self._sent)

    def held_back(self) -> str:
        """Why the rest was not sent; empty where no canary is waited for, or there is no rest."""
        state, totals = self._ledger.state, self._ledger.totals
        waiting = [item for item in self._sent if state[item] in STILL_OPEN]
        if not waiting or not any(totals[each] for each in (State.UNSEEN, State.MISSING, State.READY)):
            return ""
        named = ", ".join(self._ids[item] for item in waiting[:MAX_NAMED])
        more = f" and {len(waiting) - MAX_NAMED} more" if len(waiting) > MAX_NAMED else ""
        return f"limits.canary held the rest back: {named}{more} of the canary did not come to the goal"

    def _keeps_place(self, item: int) -> bool:
        state = self._ledger.state[item]
        if state == State.READY:
            return self._ledger.sends[item] > 0
        return state in STILL_OPEN or state == State.DONE


def _was_refused(ledger: Ledger, item: int) -> bool:
    return ledger.state[item] == State.REJECTED and ledger.sends[item] > 0


def _is_out(ledger: Ledger, item: int) -> bool:
    return ledger.sends[item] > 0 and ledger.state[item] in STILL_OPEN
