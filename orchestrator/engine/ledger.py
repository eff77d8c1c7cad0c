"""The ledger: every item's state, a fold of the events; the account is read off it.

An event that does not fit the transition table raises `IllegalTransitionError`, and is our bug.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, assert_never

from orchestrator.engine import events as ev
from orchestrator.engine.cells import cells
from orchestrator.engine.columns import MOST, NAN, Columns
from orchestrator.engine.model import Ending, Failure, Outcome, Phase, Verdict
from orchestrator.engine.states import (
    FINAL_OUTCOMES,
    FIRST_FINAL,
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
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


class Ledger(Columns):
    """Changed by `apply` only."""

    def __init__(
        self, count: int, *, phase: Callable[[str], Phase], confirmations: int = 1, gone_is_goal: bool = False
    ) -> None:
        super().__init__(count, phase=phase)
        self.last_batch = 0
        self._told: set[str] = set()  # words whose phase was told in this attempt
        self._confirmations = confirmations
        self._goals: dict[int, int] = {}  # times seen at the goal, where more than one is asked for
        self._gone_is_goal = gone_is_goal
        self._seen_before = False  # whether who is not seen yet may have been seen in an attempt before
        self._ending = Ending.INTERRUPTED  # how the last attempt ended
        self._left: dict[int, Outcome] = {}

    @property
    def failed(self) -> int:
        """How many count against `max_failures`."""
        missing = 0 if self._gone_is_goal else self.totals[State.NOT_FOUND]
        return self.totals[State.REJECTED] + missing

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
        """How many items come to each outcome if the run ends so."""
        counts = dict.fromkeys(Outcome, 0)
        for state, outcome in FINAL_OUTCOMES.items():
            counts[outcome] = self.totals[state]
        for outcome in self._left.values():
            counts[outcome] += 1
        if not self.open:
            return counts
        alike = Counter(zip(self.state, self.claimed, strict=True))
        for item in self.failures:  # told apart by the last word on them
            stands = self.state[item], self.claimed[item]
            if stands[0] < FIRST_FINAL:
                alike[stands] -= 1
                counts[self.outcome(item, ending)] += 1
        for (number, claimed), many in alike.items():
            if number < FIRST_FINAL:
                counts[outcome_of(State(number), ending, claimed=bool(claimed), last_refused=False)] += many
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
                self._count_sends(event.items)
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
        for word, items in event.statuses.items():
            code = self.code(word)
            for before, claimed, group in self.alike(items):
                after = _SEEN[self._phases[code]][claimed][before]
                if after is None:
                    raise IllegalTransitionError(f"item {group[0]} was {State(before).name} and was seen {word!r}")
                self._note_status(group, code, before=before)
                if self._confirmations > 1:
                    self._see_counted(group, before, after, event.at)
                elif after != before:
                    self._arrive(group, before, after, event.at)

    def _note_status(self, items: Sequence[int], code: int, *, before: int) -> None:
        status, first_status = self.status, self.first_status
        for item in items:
            status[item] = code
        if before in _NOT_SEEN_YET:
            if self._seen_before:
                items = [item for item in items if not first_status[item]]
            for item in items:
                first_status[item] = code

    def _arrive(self, items: Sequence[int], before: int, after: int, at: float) -> None:
        """All of `items`, which stood in `before`, were seen to stand elsewhere now."""
        self._place(items, before, after)
        if after >= FIRST_FINAL:
            finished_at = self.finished_at
            for item in items:
                finished_at[item] = at
        if self.failures:
            for item in items:
                self.failures.pop(item, None)

    def _see_counted(self, items: Sequence[int], before: int, after: int, at: float) -> None:
        """The goal must be seen more than once: item by item."""
        for item in items:
            stands = after
            if after in _GOALS:
                stands = self._confirm(item, after)
            elif before == State.CONFIRMING:
                self._goals.pop(item, None)
            if stands != before:
                self._arrive((item,), before, stands, at)

    def _confirm(self, item: int, after: int) -> int:
        seen = self._goals[item] = self._goals.get(item, 0) + 1
        if seen < self._confirmations:
            return State.CONFIRMING
        del self._goals[item]
        return after

    def _answer(self, event: ev.BatchAnswered) -> None:
        self.request_ids[event.batch] = event.request_id
        self._accept(event.accepted, event.at)
        if event.refused:
            self._refuse(event.refused, Move.REFUSE)
        if event.rejected:
            self._refuse(event.rejected, Move.REJECT)
            for item in event.rejected:
                self._finish(item, event.at)
        if event.unmentioned:
            silence = Failure(
                verdict=Verdict.LOST, message="the answer did not mention this id", request_id=event.request_id
            )
            self._lose(event.unmentioned, silence)

    def _accept(self, items: Sequence[int], at: float) -> None:
        self._move(items, Move.ACCEPT)
        sends, claimed, accepted_at = self.sends, self.claimed, self.accepted_at
        if any(cells(sends, items)):
            self._accept_again(items, at)
        else:  # as mostly
            for item in items:
                sends[item] = claimed[item] = 1
                accepted_at[item] = at
        if self.failures:
            for item in items:
                self.failures.pop(item, None)

    def _accept_again(self, items: Collection[int], at: float) -> None:
        """The same where some were sent before; who was accepted then keeps the stamp of the first time."""
        self._count_sends(items)
        for item in items:
            if self.claimed[item] and self.accepted_at[item] == self.accepted_at[item]:  # not NaN
                self.reaccepted_at[item] = at
            else:
                self.accepted_at[item] = at
            self.claimed[item] = 1
            self.tries[item] = 0

    def _refuse(self, refusals: Mapping[int, Failure], move: Move) -> None:
        self._move(refusals, move)
        self._count_sends(refusals)
        self._count_tries(refusals)
        self.failures.update(refusals)

    def _lose(self, items: Collection[int], failure: Failure) -> None:
        self._move(items, Move.LOSE)
        self._count_sends(items)
        self._count_tries(items)
        for item in items:
            self.claimed[item] = 1
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

    def _reopen(self, items: Collection[int]) -> None:
        """Let these begin anew; whoever else is not final stays as it was left."""
        chosen = set(items)
        for item in self.open_items():
            if item not in chosen:
                self._left[item] = self.outcome(item, self._ending)
                if self.state[item] == State.SENDING:  # in flight when the run ended: it may have arrived
                    self._count_sends((item,))
                    self.claimed[item] = 1
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
        self._seen_before = True
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

    def _finish(self, item: int, at: float) -> None:
        self.finished_at[item] = at


_ASKED_BEFORE = Failure(verdict=Verdict.LOST, message="asked before; what came of it was not seen yet")


def _by_state(table: Mapping[tuple[State, Phase], State], phase: Phase) -> list[int | None]:
    """One column of a transition table, as a list by state: what the hot loop can afford."""
    return [int(table[state, phase]) if (state, phase) in table else None for state in State]


_SEEN = {phase: (_by_state(SEEN_UNCLAIMED, phase), _by_state(SEEN_CLAIMED, phase)) for phase in Phase}
_FINAL = [FINAL_OUTCOMES.get(state) for state in State]
_REFUSALS = frozenset({Verdict.BUSY, Verdict.REJECTED, Verdict.BAD_ITEM, Verdict.GONE})
_GOALS = frozenset({State.DONE, State.ALREADY})
_NOT_SEEN_YET = frozenset({State.UNSEEN, State.MISSING})
