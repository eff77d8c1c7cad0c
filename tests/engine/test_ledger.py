"""Promises of the ledger: every event fits the table or changes nothing, and the totals are always a recount."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orchestrator.engine import events as ev
from orchestrator.engine.columns import MOST
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ending, Outcome, Phase
from orchestrator.engine.states import FIRST_FINAL, MOVES, OPEN, SEEN_CLAIMED, SEEN_UNCLAIMED, Move, State, outcome_of
from orchestrator.errors import IllegalTransitionError
from orchestrator.testing import BAD, GONE, PHASES
from tests.engine.stage import BUSY, LOST, NEVER, THROTTLED

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = {phase: word for word, phase in PHASES.items()} | {Phase.ALIEN: "ODD"}

EVENTS: dict[Move, Callable[[], ev.Event]] = {
    Move.MISS: lambda: ev.Missed(at=9.0, items=[0]),
    Move.INTEND: lambda: ev.BatchIntended(at=9.0, batch=5, items=[0]),
    Move.ACCEPT: lambda: ev.BatchAnswered(at=9.0, batch=5, accepted=[0]),
    Move.REFUSE: lambda: ev.BatchAnswered(at=9.0, batch=5, accepted=[], refused={0: BUSY}),
    Move.REJECT: lambda: ev.BatchAnswered(at=9.0, batch=5, accepted=[], rejected={0: NEVER}),
    Move.RETURN: lambda: ev.BatchReturned(at=9.0, batch=5, items=[0], failure=THROTTLED),
    Move.LOSE: lambda: ev.BatchLost(at=9.0, batch=5, items=[0], failure=LOST),
    Move.RESUBMIT: lambda: ev.Resubmitted(at=9.0, items=[0], reissue=True),
    Move.GIVE_UP: lambda: ev.Rejected(at=9.0, items={0: NEVER}),
    Move.VANISH: lambda: ev.Gone(at=9.0, item=0, failure=GONE),
    Move.REOPEN: lambda: ev.Reopened(at=9.0, items=[0]),
}


def ledger(count: int = 1, **plain: Any) -> Ledger:
    return Ledger(count, phase=lambda word: PHASES.get(word, Phase.ALIEN), **plain)


def standing(state: State, *, claimed: bool = False) -> Ledger:
    """A ledger whose only item stands there."""
    made = ledger()
    made._set(0, State.UNSEEN, state)
    made.claimed[0] = claimed
    if state is State.LEFT:
        made._left[0] = Outcome.TIMED_OUT
    return made


def insides(one: Ledger) -> dict[str, object]:
    """All that is known of items."""
    names = ("state", "claimed", "sends", "tries", "reissues", "status", "first_status", "totals", "failures", "batch")
    return {name: getattr(one, name).copy() if name == "failures" else list(getattr(one, name)) for name in names}


def seen(word: str, *items: int, at: float = 1.0) -> ev.Seen:
    return ev.Seen(at=at, source="list", statuses={word: list(items)})


class TestTable:
    """Every pair of state and event is defined, or raises and changes nothing."""

    @pytest.mark.parametrize("claimed", [False, True])
    @pytest.mark.parametrize("phase", Phase)
    @pytest.mark.parametrize("state", State)
    def test_seen(self, state: State, phase: Phase, *, claimed: bool) -> None:
        one = standing(state, claimed=claimed)
        after = (SEEN_CLAIMED if claimed else SEEN_UNCLAIMED).get((state, phase))
        before = insides(one)
        if after is None:
            with pytest.raises(IllegalTransitionError, match=f"item 0 was {state.name} and was seen"):
                one.apply(seen(WORDS[phase], 0))
            assert insides(one) == before
            return
        one.apply(seen(WORDS[phase], 0))
        assert one.state[0] == after
        assert one.phase_of(0) is phase
        assert math.isnan(one.finished_at[0]) is (after < FIRST_FINAL)

    @pytest.mark.parametrize("move", EVENTS)
    @pytest.mark.parametrize("state", State)
    def test_moved(self, state: State, move: Move) -> None:
        one = standing(state)
        event, before, after = EVENTS[move](), insides(one), MOVES[move].get(state)
        if move is Move.REOPEN and after is None:
            one.apply(event)  # an item that is not over stays as it is, and its tries begin anew
            assert one.state[0] == state
        elif after is None:
            with pytest.raises(IllegalTransitionError, match=f"item 0 was {state.name}, which cannot {move.value}"):
                one.apply(event)
            assert insides(one) == before
        else:
            one.apply(event)
            assert one.state[0] == after

    def test_every_move_has_an_event_but_the_one_that_comes_with_reopening(self) -> None:
        assert set(Move) - set(EVENTS) == {Move.LEAVE}
        assert set(MOVES) == set(Move)

    def test_a_final_state_is_left_by_reopening_only(self) -> None:
        for move, table in MOVES.items():
            if move is not Move.REOPEN:
                assert not [state for state in table if state >= FIRST_FINAL]
        assert not [state for state, _ in [*SEEN_CLAIMED, *SEEN_UNCLAIMED] if state >= FIRST_FINAL]

    def test_an_alien_is_never_called_done_and_only_the_goal_is(self) -> None:
        for (state, phase), after in [*SEEN_CLAIMED.items(), *SEEN_UNCLAIMED.items()]:
            assert (after in (State.DONE, State.ALREADY)) is (phase is Phase.GOAL and state is not State.SENDING)

    @pytest.mark.parametrize(
        "event",
        [
            ev.RunEnded(at=1.0, ending=Ending.FINISHED),
            ev.Tallied(at=1.0, requests={}),
            ev.CurveLearned(at=1.0, buckets=[]),
            ev.ListingRefused(at=1.0, failure=NEVER),
            ev.Noted(at=1.0, name="a.b", text="c"),
            ev.RequestEnded(at=1.0, api="list", result="ok", seconds=0.1, attempt=1),
            ev.RunStarted(at=1.0, attempt=1, items=1),
        ],
    )
    def test_events_of_the_run_change_no_item(self, event: ev.Event) -> None:
        one = ledger()
        before = insides(one)
        one.apply(event)
        assert insides(one) == before


class TestLife:
    """What the account reads off an item in the end."""

    def sent(self, *events: ev.Event, **plain: Any) -> Ledger:
        one = ledger(**plain)
        for event in (seen("RUNS", 0), ev.BatchIntended(at=2.0, batch=1, items=[0]), *events):
            one.apply(event)
        return one

    def test_accepted_and_seen_down(self) -> None:
        one = self.sent(ev.BatchAnswered(at=3.0, batch=1, accepted=[0], request_id="r"), seen("STOPPED", 0, at=8.0))
        assert (one.outcome(0, Ending.FINISHED), one.sends[0]) == (Outcome.DONE, 1)
        assert (one.accepted_at[0], one.finished_at[0], one.request_ids[one.batch[0]]) == (3.0, 8.0, "r")
        assert (one.words[one.first_status[0]], one.words[one.status[0]]) == ("RUNS", "STOPPED")
        assert (one.open, one.unanswered, one.failed, one.last_batch) == (0, 0, 0, 1)

    def test_the_first_acceptance_counts_for_the_account_and_the_last_for_patience(self) -> None:
        one = self.sent(
            ev.BatchAnswered(at=3.0, batch=1, accepted=[0]),
            ev.Resubmitted(at=50.0, items=[0], reissue=True),
            ev.BatchIntended(at=51.0, batch=2, items=[0]),
            ev.BatchAnswered(at=52.0, batch=2, accepted=[0]),
        )
        assert (one.accepted_at[0], one.accepted_last(0), one.reissues[0], one.sends[0]) == (3.0, 52.0, 1, 2)

    def test_a_page_seen_while_the_batch_is_in_flight_decides_nothing(self) -> None:
        one = self.sent(seen("STOPPED", 0, at=2.5))
        assert one.state[0] == State.SENDING
        assert one.unanswered == 1

    def test_refused_and_down_by_itself_is_already(self) -> None:
        one = self.sent(ev.BatchAnswered(at=3.0, batch=1, accepted=[], refused={0: BUSY}), seen("STOPPED", 0))
        assert one.outcome(0, Ending.FINISHED) is Outcome.ALREADY
        assert not one.failures

    def test_unmentioned_is_unknown_and_the_goal_is_then_ours(self) -> None:
        one = self.sent(ev.BatchAnswered(at=3.0, batch=1, accepted=[], unmentioned=[0], request_id="r9"))
        assert one.state[0] == State.AMBIGUOUS
        assert one.failures[0].text == "the answer did not mention this id (request r9)"
        one.apply(seen("STOPPED", 0))
        assert one.outcome(0, Ending.FINISHED) is Outcome.DONE

    def test_a_spoiled_batch_was_sent_and_waits_again(self) -> None:
        one = self.sent(ev.BatchSpoiled(at=3.0, batch=1, items=[0], failure=BAD))
        assert (one.state[0], one.sends[0], one.claimed[0]) == (State.READY, 1, 0)

    def test_what_was_returned_was_not_sent(self) -> None:
        one = self.sent(ev.BatchReturned(at=3.0, batch=1, items=[0], failure=THROTTLED))
        assert (one.state[0], one.sends[0]) == (State.READY, 0)
        assert one.outcome(0, Ending.DEADLINE) is Outcome.NOT_ATTEMPTED

    @pytest.mark.parametrize(
        ("gone_is_goal", "claimed", "comes_to", "failed"),
        [
            (False, False, Outcome.NOT_FOUND, 1),
            (False, True, Outcome.NOT_FOUND, 1),
            (True, False, Outcome.NOT_FOUND, 0),
            (True, True, Outcome.DONE, 0),
        ],
    )
    def test_gone(self, comes_to: Outcome, failed: int, *, gone_is_goal: bool, claimed: bool) -> None:
        one = ledger(gone_is_goal=gone_is_goal)
        one.apply(ev.Missed(at=2.0, items=[0]))
        if claimed:
            one = self.sent(ev.BatchAnswered(at=3.0, batch=1, accepted=[0]), gone_is_goal=gone_is_goal)
        one.apply(ev.Gone(at=9.0, item=0, failure=GONE))
        assert one.outcome(0, Ending.FINISHED) is comes_to
        assert one.failed == failed
        assert (0 in one.failures) is (comes_to is Outcome.NOT_FOUND)

    def test_counters_of_one_byte_stop_at_their_end(self) -> None:
        one = self.sent()
        one.sends[0] = one.tries[0] = one.reissues[0] = MOST
        one.apply(ev.BatchLost(at=3.0, batch=1, items=[0], failure=LOST))
        one.apply(ev.Resubmitted(at=4.0, items=[0], reissue=True))
        assert (one.sends[0], one.tries[0], one.reissues[0]) == (MOST, MOST, MOST)

    def test_confirmations_are_counted_and_begin_anew_after_another_word(self) -> None:
        one = ledger(confirmations=3)
        states = []
        for word in ("STOPPED", "STOPPED", "RUNS", "STOPPED", "STOPPED", "STOPPED"):
            one.apply(seen(word, 0))
            states.append(State(one.state[0]))
        confirming = State.CONFIRMING
        assert states == [confirming, confirming, State.READY, confirming, confirming, State.ALREADY]

    def test_a_confirming_one_that_vanishes_is_not_found(self) -> None:
        one = ledger(confirmations=2)
        one.apply(seen("STOPPED", 0))
        one.apply(ev.Gone(at=2.0, item=0, failure=GONE))
        assert one.outcome(0, Ending.FINISHED) is Outcome.NOT_FOUND


class TestOutcomes:
    """The contract's table of outcomes, for items that are open when the run ends."""

    @pytest.mark.parametrize("ending", Ending)
    @pytest.mark.parametrize("state", OPEN)
    def test_open_items(self, state: State, ending: Ending) -> None:
        late = Outcome.TIMED_OUT if ending in (Ending.DEADLINE, Ending.FINISHED) else Outcome.UNCONFIRMED
        going = state in (State.SENDING, State.GOING, State.CONFIRMING)
        assert outcome_of(state, ending, claimed=True, last_refused=False) is late
        assert outcome_of(state, ending, claimed=True, last_refused=True) is Outcome.REJECTED
        expected = late if going else Outcome.NOT_ATTEMPTED
        assert outcome_of(state, ending, claimed=False, last_refused=False) is expected

    def test_they_are_counted_as_they_are_told_one_by_one(self) -> None:
        one = ledger(6)
        one.apply(ev.Seen(at=1.0, source="list", statuses={"RUNS": [0, 1], "STOPPED": [2], "STOPPING": [3]}))
        one.apply(ev.Missed(at=2.0, items=[4]))
        one.apply(ev.Gone(at=2.0, item=4, failure=GONE))
        for ending in Ending:
            counts = Counter(one.outcome(item, ending) for item in range(6))
            assert one.outcomes(ending) == {outcome: counts[outcome] for outcome in Outcome}
        assert one.open_items() == [0, 1, 3, 5]


class TestTakenUp:
    """A run that died: what may have left is ambiguous, what was seen is seen afresh."""

    @pytest.mark.parametrize(
        ("state", "claimed", "after"),
        [
            (State.SENDING, False, State.AMBIGUOUS),
            (State.SENDING, True, State.AMBIGUOUS),
            (State.READY, False, State.UNSEEN),
            (State.READY, True, State.AMBIGUOUS),
            (State.MISSING, False, State.UNSEEN),
            (State.WAITING, True, State.WAITING),
            (State.REFUSED, False, State.REFUSED),
            (State.GOING, False, State.GOING),
            (State.DONE, True, State.DONE),
        ],
    )
    def test_states(self, state: State, after: State, *, claimed: bool) -> None:
        one = standing(state, claimed=claimed)
        one.apply(ev.RunStarted(at=1.0, attempt=2, items=1))
        assert one.state[0] == after
        assert (0 in one.failures) is (after is State.AMBIGUOUS)

    def test_an_intent_without_an_answer_counts_as_sent_but_as_no_failed_try(self) -> None:
        one = standing(State.SENDING)
        one.apply(ev.RunStarted(at=1.0, attempt=2, items=1))
        assert (one.sends[0], one.claimed[0], one.tries[0]) == (1, 1, 0)

    @pytest.mark.parametrize("is_reopened", [False, True])
    def test_what_was_seen_first_is_kept(self, *, is_reopened: bool) -> None:
        one = ledger(2)
        one.apply(seen("ODD" if is_reopened else "RUNS", 0))
        if is_reopened:
            one.apply(ev.Reopened(at=8.0, items=[0, 1]))
        one.apply(ev.RunStarted(at=9.0, attempt=2, items=2))
        assert list(one.state) == [State.UNSEEN, State.UNSEEN]
        one.apply(seen("STOPPED", 0, 1))
        first = [one.words[code] for code in one.first_status]
        assert first == ["ODD" if is_reopened else "RUNS", "STOPPED"]


class TestReopened:
    def test_the_chosen_begin_anew_and_the_others_stay_as_they_were_left(self) -> None:
        one = ledger(4)
        one.apply(ev.Seen(at=1.0, source="list", statuses={"RUNS": [0, 1], "STOPPED": [2], "ODD": [3]}))
        one.apply(ev.RunEnded(at=9.0, ending=Ending.DEADLINE))
        one.apply(ev.Reopened(at=10.0, items=[0, 3]))
        one.apply(ev.RunStarted(at=10.0, attempt=2, items=4))
        assert [State(state) for state in one.state] == [State.UNSEEN, State.LEFT, State.ALREADY, State.UNSEEN]
        assert one.outcome(1, Ending.INTERRUPTED) is Outcome.NOT_ATTEMPTED
        assert one.open_items() == [0, 3]
        one.apply(ev.Reopened(at=20.0, items=[1]))
        assert one.state[1] == State.UNSEEN
        assert one.outcome(1, Ending.FINISHED) is Outcome.NOT_ATTEMPTED

    def test_one_that_was_left_in_flight_was_asked_for(self) -> None:
        """Seed 202799: the account forgot the request; reopened later, it would have been sent again unseen."""
        one = ledger(2)
        one.apply(seen("RUNS", 0, 1))
        one.apply(ev.BatchIntended(at=2.0, batch=1, items=[0]))
        one.apply(ev.RunEnded(at=9.0, ending=Ending.DEADLINE))
        one.apply(ev.Reopened(at=10.0, items=[1]))
        assert one.sends[0] == 1
        assert one.outcome(0, Ending.FINISHED) is Outcome.TIMED_OUT
        one.apply(ev.Reopened(at=20.0, items=[0]))
        assert one.state[0] == State.AMBIGUOUS

    def test_one_that_was_asked_once_is_looked_at_before_it_is_asked_again(self) -> None:
        one = ledger()
        for event in (
            seen("RUNS", 0),
            ev.BatchIntended(at=2.0, batch=1, items=[0]),
            ev.BatchAnswered(at=3.0, batch=1, accepted=[0]),
            seen("BROKEN", 0),
            ev.Reopened(at=9.0, items=[0]),
        ):
            one.apply(event)
        assert one.state[0] == State.AMBIGUOUS
        assert "asked before" in one.failures[0].message
        assert math.isnan(one.finished_at[0])


class Machine(RuleBasedStateMachine):
    """Any events in any order: each is taken whole, or refused; the totals always equal a recount."""

    COUNT = 5

    def __init__(self) -> None:
        super().__init__()
        self.ledger = ledger(self.COUNT, confirmations=2)
        self.attempt = 1
        self.batch = 0

    items = st.integers(0, COUNT - 1)

    def apply(self, event: ev.Event) -> None:
        before = insides(self.ledger)
        try:
            self.ledger.apply(event)
        except IllegalTransitionError:
            assert insides(self.ledger) == before

    @rule(item=items, word=st.sampled_from(sorted(WORDS.values())))
    def see(self, item: int, word: str) -> None:
        self.apply(seen(word, item))

    @rule(item=items, move=st.sampled_from(sorted(EVENTS, key=lambda move: move.value)))
    def move(self, item: int, move: Move) -> None:
        event = EVENTS[move]()
        changes: dict[str, Any] = {}
        for name in ("items", "accepted", "refused", "rejected"):
            value = getattr(event, name, None)
            if value:
                changes[name] = {item: BUSY} if isinstance(value, dict) else [item]
        if isinstance(event, ev.Gone):
            changes["item"] = item
        fields = {name: getattr(event, name) for name in event.__slots__}
        self.apply(type(event)(**{**fields, **changes}))

    @rule()
    def take_up(self) -> None:
        self.attempt += 1
        self.apply(ev.RunStarted(at=1.0, attempt=self.attempt, items=self.COUNT))

    @rule(ending=st.sampled_from(Ending))
    def end(self, ending: Ending) -> None:
        self.apply(ev.RunEnded(at=1.0, ending=ending))

    @invariant()
    def totals_equal_a_recount(self) -> None:
        counted = Counter(self.ledger.state)
        assert self.ledger.totals == [counted[state] for state in State]
        assert self.ledger.open == len(self.ledger.open_items())

    @invariant()
    def the_account_closes(self) -> None:
        for ending in Ending:
            counts = Counter(self.ledger.outcome(item, ending) for item in range(self.COUNT))
            assert {o: n for o, n in self.ledger.outcomes(ending).items() if n} == dict(counts)

    @invariant()
    def who_is_looked_into_has_a_reason(self) -> None:
        for item, state in enumerate(self.ledger.state):
            if state in (State.AMBIGUOUS, State.REFUSED):
                assert item in self.ledger.failures

    @invariant()
    def who_is_done_was_claimed(self) -> None:
        for item, state in enumerate(self.ledger.state):
            if state == State.DONE:
                assert self.ledger.claimed[item]


TestAnything = Machine.TestCase
TestAnything.settings = settings(max_examples=150, stateful_step_count=40)
