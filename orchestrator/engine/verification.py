"""Whether what was reported of an item still holds: plain judgements over what the ledger says and what is seen now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.engine.model import Outcome, Phase

if TYPE_CHECKING:
    from orchestrator.engine.inspection import Sight
    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Ending

_ON_ITS_WAY = frozenset({Phase.ACTIONABLE, Phase.GOING})


@dataclass(frozen=True, slots=True)
class Claim:
    """What a report says of an item's state. `phases` is empty where it says that the service does not know it."""

    phases: frozenset[Phase]
    status: str  # as it was last seen

    @property
    def is_gone(self) -> bool:
        """Whether the service is said not to know it."""
        return not self.phases


def claim_of(ledger: Ledger, item: int, ending: Ending, *, gone_is_goal: bool) -> Claim | None:
    """What the report says of the item's state; None where it says nothing: it was never seen."""
    outcome = ledger.outcome(item, ending)
    status = ledger.words[ledger.status[item]]
    if outcome is Outcome.NOT_FOUND or (gone_is_goal and outcome is Outcome.DONE):
        return Claim(frozenset(), status)
    if outcome in _GOALS:
        return Claim(frozenset({_GOALS[outcome]}), status)
    if not status:
        return None
    phase = ledger.phase_of(item)
    return Claim(_ON_ITS_WAY if phase in _ON_ITS_WAY else frozenset({phase}), status)


def holds(claim: Claim, sight: Sight) -> bool:
    """Whether what is seen now is what was reported. Not to be asked where nothing could be seen."""
    if claim.is_gone or sight.is_gone:
        return claim.is_gone and sight.is_gone
    if sight.phase is Phase.ALIEN and Phase.ALIEN in claim.phases:
        return _plain(sight.status) == _plain(claim.status)  # of these nothing is known but the word itself
    return sight.phase in claim.phases


def _plain(status: str) -> str:
    return status.strip().upper()


_GOALS = {Outcome.DONE: Phase.GOAL, Outcome.ALREADY: Phase.GOAL, Outcome.ENDED: Phase.ENDED}
