"""The ledger: every item's state in flat arrays, a fold of the events; the account is read off it.

No object per item: a million items are some forty bytes each. An event that does not fit the transition table raises
`IllegalTransitionError`, and is our bug.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, assert_never

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Outcome, Phase, Verdict
from orchestrator.engine.states import (
    FINAL_OUTCOMES,
    FIRST_FINAL,
    MOVES,
    SEEN_CLAIMED,
    SEEN_UNCLAIMED,
    TAKEN_UP_CLAIMED,
    TAKEN_UP_UNCLAIMED,
    Move,
    State,
    outcome_of,
)
from orchestrator.errors import IllegalTransitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NAN = math.nan
MOST = 255  # counters of one byte stop here


class Ledger:
    """Item `i` stands in `state[i]`; the other arrays say what is known of it. Changed by `apply` only."""

    def __init__(
        self, count: int, *, phase: Callable[[str], Phase], confirmations: int = 1, gone_is_goal: bool = False
    ) -> None:
        self.count = count
        self.state = bytearray(count)
        self.claimed = bytearray(count)
        self.sends = bytearray(count)  # requests that reached the service, or may have
        self.tries = bytearray(count)  # of these, refused or lost since the last acceptance
        self.reissues = bytearray(count)
        self.status = array("H", bytes(2 * count))  # index into `words`
        self.first_status = array("H", bytes(2 * count))
        self.accepted_at = array("d", [NAN]) * count  # first acceptance
        self.finished_at = array("d", [NAN]) * count
        self.batch = array("I", bytes(4 * count))  # the last batch that named it, 0: none
        self.words = [""]
        self.request_ids: dict[int, str] = {}  # by batch
        self.failures: dict[int, Failure] = {}  # the last bad word on an item
        self.reaccepted_at: dict[int, float] = {}  # last acceptance, of items that were asked again
        self.totals = [0] * len(State)
        self.totals[State.UNSEEN] = count
        self.last_batch = 0
        self._phase = phase
        self._phases: list[Phase] = [Phase.ALIEN]
        self._codes = {"": 0}
        self._told: set[str] = set()  # words whose phase was told in this attempt
        self._confirmations = confirmations
        self._goals: dict[int, int] = {}  # times seen at the goal, where more than one is asked for
        self._gone_is_goal = gone_is_goal
        self._ending = Ending.INTERRUPTED  # how the last attempt ended
        self._left: dict[int, Outcome] = {}

    @property
    def open(self) -> int:
        """How many items are not final."""
        return sum(self.totals[:FIRST_FINAL])

    @property
    def failed(self) -> int:
        """How many count against `max_failures`."""
        missing = 0 if self._gone_is_goal else self.totals[State.NOT_FOUND]
        return self.totals[State.REJECTED] + missing

    @property
    def unanswered(self) -> int:
        """How many are in requests whose answer is not known."""
        return self.totals[State.SENDING] + self.totals[State.AMBIGUOUS]

    def code(self, status: str) -> int:
        """The number that stands for `status` in the arrays."""
        code = self._codes.get(status)
        if code is None:
            code = self._codes[status] = len(self.words)
            self.words.append(status)
            self._phases.append(self._phase(status))
        return code

    def phase_of(self, item: int) -> Phase:
        """What the item's last status means."""
        return self._phases[self.status[item]]

    def accepted_last(self, item: int) -> float:
        """When a request for the item was last accepted; NaN if never."""
        return self.reaccepted_at.get(item, self.accepted_at[item])

    def open_items(self) -> list[int]:
        """All items that are not final, in input order."""
        return [item for item, state in enumerate(self.state) if state < FIRST_FINAL]

    def outcome(self, item: int, ending: Ending) -> Outcome:
        """What the item comes to if the run ends so."""
        final = _FINAL[self.state[item]]
        if final is not None:
            return final
        if self.state[item] == State.LEFT:
            return self._left[item]
        failure = self.failures.get(item)
        refused = failure is not None and failure.verdict in _REFUSALS
        return outcome_of(State(self.state[item]), ending, claimed=bool(self.claimed[item]), last_refused=refused)

    def outcomes(self, ending: Ending) -> dict[Outcome, int]:
        """How many items come to each outcome if the run ends so; only those items are visited that are not final."""
        counts = dict.fromkeys(Outcome, 0)
        for state, outcome in FINAL_OUTCOMES.items():
            counts[outcome] = self.totals[state]
        for outcome in self._left.values():
            counts[outcome] += 1
        for item in self.open_items() if self.open else ():
            counts[self.outcome(item, ending)] += 1
        return counts

    def apply(self, event: ev.Event) -> None:  # noqa: C901, PLR0912  # one arm an event
        """Fold one event."""
        match event:
            case ev.Seen():
                for word, name in (event.phases or {}).items():
                    self._phases[self.code(word)] = Phase(name)
                    self._told.add(word)
                self._see(event)
            case ev.Missed():
                self._move(event.items, Move.MISS)
            case ev.Gone():
                self._vanish(event)
            case ev.BatchIntended():
                self._move(event.items, Move.INTEND)
                self.last_batch = max(self.last_batch, event.batch)
                for item in event.items:
                    self.batch[item] = event.batch
            case ev.BatchAnswered():
                self._answer(event)
            case ev.BatchReturned():
                self._move(event.items, Move.RETURN)
            case ev.BatchSpoiled():
                self._move(event.items, Move.RETURN)
                self._count_send(event.items)
                self.request_ids[event.batch] = event.failure.request_id
            case ev.BatchLost():
                self._lose(event.items, event.failure)
                self.request_ids[event.batch] = event.failure.request_id
            case ev.Resubmitted():
                self._move(event.items, Move.RESUBMIT)
                if event.reissue:
                    for item in event.items:
                        self.reissues[item] = min(self.reissues[item] + 1, MOST)
            case ev.Rejected():
                self._move(event.items, Move.GIVE_UP)
                for item, failure in event.items.items():
                    self._finish(item, event.at)
                    self.failures[item] = failure
            case ev.Reopened():
                self._reopen(event.items)
            case ev.RunStarted():
                self._confirmations = event.confirmations or self._confirmations
                self._told.clear()
                self._phases[1:] = map(self._phase, self.words[1:])
                if event.attempt > 1:
                    self._take_up()
            case ev.RunEnded():
                self._ending = event.ending
            case (
                ev.RequestEnded()
                | ev.Tallied()
                | ev.QuotaLearned()
                | ev.CurveLearned()
                | ev.ListingRefused()
                | ev.Noted()
            ):
                pass
            case _:
                assert_never(event)

    def untold(self, statuses: Iterable[str]) -> dict[str, str] | None:
        """What those of these words mean that were not seen yet in this attempt; None if there are none.

        It is kept with the record: a state that is to be stopped today may have been left alone by an attempt before.
        """
        return {word: self._phase(word).value for word in statuses if word not in self._told} or None

    def _see(self, event: ev.Seen) -> None:
        state, claimed, status, first_status = self.state, self.claimed, self.status, self.first_status
        for word, items in event.statuses.items():
            code = self.code(word)
            phase = self._phases[code]
            tables = _SEEN[phase]
            is_counted = phase is Phase.GOAL and self._confirmations > 1
            for item in items:
                before = state[item]
                after = tables[claimed[item]][before]
                if after is None:
                    raise IllegalTransitionError(f"item {item} was {State(before).name} and was seen {word!r}")
                if not first_status[item]:
                    first_status[item] = code
                status[item] = code
                if is_counted and after >= FIRST_FINAL:
                    after = self._confirm(item, after)
                elif before == State.CONFIRMING:
                    self._goals.pop(item, None)
                if after != before:
                    self._set(item, before, after)
                    if after >= FIRST_FINAL:
                        self.finished_at[item] = event.at
                    if self.failures:
                        self.failures.pop(item, None)

    def _confirm(self, item: int, after: int) -> int:
        seen = self._goals[item] = self._goals.get(item, 0) + 1
        if seen < self._confirmations:
            return State.CONFIRMING
        del self._goals[item]
        return after

    def _answer(self, event: ev.BatchAnswered) -> None:
        self.request_ids[event.batch] = event.request_id
        self._move(event.accepted, Move.ACCEPT)
        self._count_send(event.accepted)
        for item in event.accepted:
            self.claimed[item] = 1
            self.tries[item] = 0
            if self.accepted_at[item] == self.accepted_at[item]:  # not NaN: accepted before
                self.reaccepted_at[item] = event.at
            else:
                self.accepted_at[item] = event.at
            self.failures.pop(item, None)
        self._refuse(event.refused.items(), Move.REFUSE)
        self._refuse(event.rejected.items(), Move.REJECT)
        for item in event.rejected:
            self._finish(item, event.at)
        if event.unmentioned:
            silence = Failure(
                verdict=Verdict.LOST, message="the answer did not mention this id", request_id=event.request_id
            )
            self._lose(event.unmentioned, silence)

    def _refuse(self, refusals: Iterable[tuple[int, Failure]], move: Move) -> None:
        for item, failure in refusals:
            self._move((item,), move)
            self._count_send((item,))
            self.tries[item] = min(self.tries[item] + 1, MOST)
            self.failures[item] = failure

    def _lose(self, items: Iterable[int], failure: Failure) -> None:
        self._move(items, Move.LOSE)
        self._count_send(items)
        for item in items:
            self.claimed[item] = 1
            self.tries[item] = min(self.tries[item] + 1, MOST)
            self.failures[item] = failure

    def _vanish(self, event: ev.Gone) -> None:
        done = self._gone_is_goal and self.claimed[event.item]
        self._move((event.item,), Move.VANISH)
        if done:
            self._set(event.item, State.NOT_FOUND, State.DONE)
            self.failures.pop(event.item, None)
        else:
            self.failures[event.item] = event.failure
        self._goals.pop(event.item, None)
        self._finish(event.item, event.at)

    def _reopen(self, items: Iterable[int]) -> None:
        """Let these begin anew; whoever else is not final stays as it was left."""
        chosen = set(items)
        for item in self.open_items():
            if item not in chosen:
                self._left[item] = self.outcome(item, self._ending)
                self._move((item,), Move.LEAVE)
        for item in items:
            before = State(self.state[item])
            self._left.pop(item, None)
            if before >= FIRST_FINAL:
                self._move((item,), Move.REOPEN)
            self.tries[item] = self.reissues[item] = 0
            self.finished_at[item] = NAN
            if before >= FIRST_FINAL:
                self.failures.pop(item, None)
                if self.claimed[item]:  # we asked once: what it came to is looked at first
                    self._set(item, State.UNSEEN, State.AMBIGUOUS)
                    self.failures[item] = _ASKED_BEFORE

    def _take_up(self) -> None:
        for item, number in enumerate(self.state):
            if number >= FIRST_FINAL:
                continue
            state = State(number)
            if state is State.SENDING:
                tries = self.tries[item]  # a death of ours is no failure of the service's
                self._lose((item,), Failure(verdict=Verdict.LOST, message="the run died before the answer came"))
                self.tries[item] = tries
                continue
            after = (TAKEN_UP_CLAIMED if self.claimed[item] else TAKEN_UP_UNCLAIMED).get(state, state)
            self._set(item, state, after)
            if after is State.AMBIGUOUS:
                self.failures.setdefault(item, _ASKED_BEFORE)

    def _count_send(self, items: Iterable[int]) -> None:
        sends = self.sends
        for item in items:
            if sends[item] < MOST:
                sends[item] += 1

    def _finish(self, item: int, at: float) -> None:
        self.finished_at[item] = at

    def _move(self, items: Iterable[int], move: Move) -> None:
        table, state, totals = MOVES[move], self.state, self.totals
        for item in items:
            before = state[item]
            after = table.get(before)  # type: ignore[call-overload]  # State is an int
            if after is None:
                raise IllegalTransitionError(f"item {item} was {State(before).name}, which cannot {move.value}")
            state[item] = after
            totals[before] -= 1
            totals[after] += 1

    def _set(self, item: int, before: int, after: int) -> None:
        self.state[item] = after
        self.totals[before] -= 1
        self.totals[after] += 1


_ASKED_BEFORE = Failure(verdict=Verdict.LOST, message="asked before; what came of it was not seen yet")


def _by_state(table: Mapping[tuple[State, Phase], State], phase: Phase) -> list[int | None]:
    """One column of a transition table, as a list by state: what the hot loop can afford."""
    return [int(table[state, phase]) if (state, phase) in table else None for state in State]


_SEEN = {phase: (_by_state(SEEN_UNCLAIMED, phase), _by_state(SEEN_CLAIMED, phase)) for phase in Phase}
_FINAL = [FINAL_OUTCOMES.get(state) for state in State]
_REFUSALS = frozenset({Verdict.BUSY, Verdict.REJECTED, Verdict.BAD_ITEM, Verdict.GONE})
