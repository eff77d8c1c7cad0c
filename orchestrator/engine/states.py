"""The states of an item and the table of its transitions: the whole life of an item, as data.

    UNSEEN ──seen──▶ READY ──intend──▶ SENDING ──accepted──▶ WAITING ──goal seen──▶ DONE
      │ no page         ▲ │                ├─ lost ──▶ AMBIGUOUS ┐
      ▼ shows it        │ └─ seen going    └─ refused ▶ REFUSED ─┤ looked at
    MISSING             └────────────────── resubmitted ◀────────┘

What a sighting does depends on whether the item is *claimed*: whether a request of ours for it was accepted or left
unanswered. Then the goal means that we did it; else that it was so, or that someone else did it.
"""

from __future__ import annotations

import enum

from orchestrator.engine.model import Ending, Outcome, Phase


class State(enum.IntEnum):
    """Where an item stands. From `DONE` on it is final."""

    UNSEEN = 0  # nothing is known yet
    MISSING = 1  # no list page shows it: to be looked at singly
    READY = 2  # may be sent
    SENDING = 3  # its batch is about to leave, or has left and is not answered
    WAITING = 4  # accepted, not at its goal yet
    AMBIGUOUS = 5  # sent, and nobody knows what came of it: to be looked at
    REFUSED = 6  # refused for now: to be looked into, then tried again
    GOING = 7  # on its way to the goal without a request of ours
    CONFIRMING = 8  # at its goal, not often enough seen there
    DONE = 9
    ALREADY = 10
    ENDED = 11
    NOT_FOUND = 12
    REJECTED = 13
    SKIPPED = 14
    LEFT = 15  # of a run that was reopened for others: it stays as the run's first end left it


FIRST_FINAL = State.DONE
S = State

# Seen in a phase: what becomes of an item that is not claimed …
SEEN_UNCLAIMED: dict[tuple[State, Phase], State] = {
    **{
        (state, phase): after
        for state in (S.UNSEEN, S.MISSING, S.READY, S.CONFIRMING)
        for phase, after in (
            (Phase.ACTIONABLE, S.READY),
            (Phase.GOING, S.GOING),
            (Phase.GOAL, S.ALREADY),
            (Phase.ENDED, S.ENDED),
            (Phase.ALIEN, S.SKIPPED),
        )
    },
    (S.REFUSED, Phase.ACTIONABLE): S.REFUSED,  # `Resubmitted` decides
    (S.REFUSED, Phase.GOING): S.GOING,
    (S.REFUSED, Phase.GOAL): S.ALREADY,
    (S.REFUSED, Phase.ENDED): S.ENDED,
    (S.REFUSED, Phase.ALIEN): S.SKIPPED,
    (S.GOING, Phase.ACTIONABLE): S.READY,
    (S.GOING, Phase.GOING): S.GOING,
    (S.GOING, Phase.GOAL): S.ALREADY,
    (S.GOING, Phase.ENDED): S.ENDED,
    (S.GOING, Phase.ALIEN): S.GOING,  # it was on its way: wait for what it comes to
    # A page may have been made before the batch in flight reached the service, or after: the answer decides, or a look.
    **{(S.SENDING, phase): S.SENDING for phase in Phase},
}

# … and of one that is.
SEEN_CLAIMED: dict[tuple[State, Phase], State] = {
    **{(state, Phase.GOAL): S.DONE for state in (S.READY, S.WAITING, S.AMBIGUOUS, S.REFUSED, S.CONFIRMING)},
    **{(state, Phase.ENDED): S.ENDED for state in (S.READY, S.WAITING, S.AMBIGUOUS, S.REFUSED, S.CONFIRMING)},
    **{(state, Phase.GOING): S.WAITING for state in (S.READY, S.WAITING, S.AMBIGUOUS, S.REFUSED, S.CONFIRMING)},
    **{(S.WAITING, phase): S.WAITING for phase in (Phase.ACTIONABLE, Phase.ALIEN)},
    **{(S.CONFIRMING, phase): S.WAITING for phase in (Phase.ACTIONABLE, Phase.ALIEN)},
    **{(S.AMBIGUOUS, phase): S.AMBIGUOUS for phase in (Phase.ACTIONABLE, Phase.ALIEN)},
    **{(S.REFUSED, phase): S.REFUSED for phase in (Phase.ACTIONABLE, Phase.ALIEN)},
    (S.READY, Phase.ACTIONABLE): S.READY,
    (S.READY, Phase.ALIEN): S.WAITING,  # sent before, untouchable now: wait for what it comes to
    **{(S.SENDING, phase): S.SENDING for phase in Phase},
}


class Move(enum.Enum):
    """What happens to an item otherwise than by being seen."""

    MISS = "miss"
    INTEND = "intend"
    ACCEPT = "accept"
    REFUSE = "refuse"
    REJECT = "reject"
    RETURN = "return"
    LOSE = "lose"
    RESUBMIT = "resubmit"
    GIVE_UP = "give up"
    VANISH = "vanish"
    LEAVE = "leave"
    REOPEN = "reopen"


# What the poller looks at: everything open that neither waits to be sent nor is being sent.
PENDING = frozenset({S.MISSING, S.WAITING, S.AMBIGUOUS, S.REFUSED, S.GOING, S.CONFIRMING})
OPEN = tuple(state for state in State if state < FIRST_FINAL)
# The same for loops over many items: a byte for each state, 1 where it is one of them (256, for `bytes.translate`).
IS_PENDING = bytes(state in PENDING for state in range(256))
IS_OPEN = bytes(state in OPEN for state in range(256))

MOVES: dict[Move, dict[State, State]] = {
    Move.MISS: {S.UNSEEN: S.MISSING},
    Move.INTEND: {S.READY: S.SENDING},
    Move.ACCEPT: {S.SENDING: S.WAITING},
    Move.REFUSE: {S.SENDING: S.REFUSED},
    Move.REJECT: {S.SENDING: S.REJECTED},
    Move.RETURN: {S.SENDING: S.READY},
    Move.LOSE: {S.SENDING: S.AMBIGUOUS},
    Move.RESUBMIT: {S.WAITING: S.READY, S.AMBIGUOUS: S.READY, S.REFUSED: S.READY},
    Move.GIVE_UP: dict.fromkeys((S.AMBIGUOUS, S.REFUSED, S.MISSING), S.REJECTED),
    Move.VANISH: {state: S.NOT_FOUND for state in OPEN if state not in (S.UNSEEN, S.SENDING)},
    Move.LEAVE: dict.fromkeys(OPEN, S.LEFT),
    Move.REOPEN: {state: S.UNSEEN for state in State if state >= FIRST_FINAL},
}

# The run is taken up again: what was seen is seen afresh. What was about to leave may have left, and is `LOSE`d.
TAKEN_UP_UNCLAIMED: dict[State, State] = {S.READY: S.UNSEEN, S.MISSING: S.UNSEEN}
TAKEN_UP_CLAIMED: dict[State, State] = {S.READY: S.AMBIGUOUS}

FINAL_OUTCOMES: dict[State, Outcome] = {
    S.DONE: Outcome.DONE,
    S.ALREADY: Outcome.ALREADY,
    S.ENDED: Outcome.ENDED,
    S.NOT_FOUND: Outcome.NOT_FOUND,
    S.REJECTED: Outcome.REJECTED,
    S.SKIPPED: Outcome.SKIPPED,
}


def outcome_of(state: State, ending: Ending, *, claimed: bool, last_refused: bool) -> Outcome:
    """What an item that was not `LEFT` comes to when the run ends as `ending` says."""
    if state >= FIRST_FINAL:
        return FINAL_OUTCOMES[state]
    if last_refused:
        return Outcome.REJECTED
    if claimed or state in (S.SENDING, S.GOING, S.CONFIRMING):
        return Outcome.TIMED_OUT if ending in (Ending.DEADLINE, Ending.FINISHED) else Outcome.UNCONFIRMED
    return Outcome.NOT_ATTEMPTED
