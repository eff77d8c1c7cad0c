"""Promises of the guards: plain judgements over plain values."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.canary import Canary
from orchestrator.engine.guards import FailureGuard, span, too_many
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Phase
from orchestrator.engine.states import State
from orchestrator.errors import GuardError
from tests.engine.stage import NEVER


class TestFailures:
    @pytest.mark.parametrize(
        ("max_failures", "limit", "sample", "wording"),
        [
            (0, 0, 0, "0"),
            (7, 7, 0, "7"),
            (0.5, 500, 100, "50% of 1000"),
            (0.005, 5, 100, "0.5% of 1000"),
            (0.0, 0, 100, "0% of 1000"),
        ],
    )
    def test_counts_and_shares(self, max_failures: float, limit: int, sample: int, wording: str) -> None:
        guard = FailureGuard.of(max_failures, unique=1000, sample=100)
        assert guard == FailureGuard(limit=limit, sample=sample, wording=wording)
        assert guard is not None
        assert f"allows ({wording})" in guard.message(limit + 1)
        assert not guard.is_tripped(failed=limit, judged=1000)
        assert guard.is_tripped(failed=limit + 1, judged=1000)
        assert guard.is_tripped(failed=limit + 1, judged=99) is (sample == 0)

    def test_the_whole_share_is_off(self) -> None:
        assert FailureGuard.of(1.0, unique=10, sample=0) is None

    @given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.integers(0, 100))
    def test_if_all_that_may_fail_fails_the_limit_is_passed_by_one_at_most(
        self, limit: int, failed: int, undecided: int, judged: int, sample: int
    ) -> None:
        guard = FailureGuard(limit=limit, sample=sample, wording="")
        room = guard.room(failed=failed, undecided=undecided, judged=judged)
        assert room >= 0
        if room and judged >= sample:
            assert failed + undecided + room == limit + 1

    @given(st.integers(0, 50), st.integers(0, 40), st.integers(0, 99))
    def test_the_sample_can_always_be_completed(self, limit: int, failed: int, judged: int) -> None:
        guard = FailureGuard(limit=limit, sample=100, wording="")
        assert guard.room(failed=min(failed, judged), undecided=0, judged=judged) >= 1


class TestSize:
    def test_a_list_may_be_as_long_as_it_may_be(self) -> None:
        assert too_many(10, 10) is None
        why = too_many(11, 10)
        assert why is not None
        assert "11 tasks" in why
        assert "--set limits.max_tasks=N" in why


class TestSpan:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0.0, "0s"),
            (-5.0, "0s"),
            (12.4, "12s"),
            (60.0, "1m"),
            (300.0, "5m"),
            (90.0, "1m30s"),
            (30_000.0, "8h20m"),
            (3601.0, "1h"),
            (7200.0, "2h"),
        ],
    )
    def test_for_people(self, seconds: float, words: str) -> None:
        assert span(seconds) == words


class TestCanary:
    def birds(self, wanted: int, states: list[State]) -> tuple[Canary, Ledger]:
        ledger = Ledger(len(states), phase=lambda _: Phase.ALIEN)
        for item, state in enumerate(states):
            ledger._set(item, State.UNSEEN, state)
        return Canary(wanted, ledger=ledger, ids=[f"t{item}" for item in range(len(states))]), ledger

    def test_none_is_no_bound(self) -> None:
        canary, _ = self.birds(0, [State.READY])
        canary.sent([0])
        assert canary.room() == inf

    def test_so_many_and_no_more_until_they_are_done(self) -> None:
        canary, ledger = self.birds(2, [State.READY] * 5)
        assert canary.room() == 2
        canary.sent([0, 1])
        ledger._set(0, State.READY, State.DONE)
        ledger._set(1, State.READY, State.WAITING)
        assert canary.room() == 0
        ledger._set(1, State.WAITING, State.DONE)
        assert canary.room() == inf

    def test_who_was_not_reached_or_ends_by_itself_makes_room(self) -> None:
        canary, ledger = self.birds(3, [State.READY] * 5)
        canary.sent([0, 1, 2])
        ledger._set(1, State.READY, State.ENDED)
        ledger._set(2, State.READY, State.AMBIGUOUS)
        assert canary.room() == 2  # 0 came back untouched, 1 ended

    def test_who_waits_to_be_asked_for_again_keeps_its_place(self) -> None:
        canary, ledger = self.birds(2, [State.READY] * 3)
        canary.sent([0, 1])
        ledger.sends[0] = ledger.sends[1] = 1
        ledger._set(1, State.READY, State.WAITING)
        assert canary.room() == 0
        assert canary.returning == 1

    def test_one_that_failed_says_why(self) -> None:
        canary, ledger = self.birds(1, [State.READY] * 2)
        canary.sent([1])
        ledger._set(1, State.READY, State.REJECTED)
        with pytest.raises(GuardError, match=r"t1 was refused \(no reason given\)"):
            canary.room()
        ledger.failures[1] = NEVER
        with pytest.raises(GuardError, match="refused for good"):
            canary.room()

    def test_a_resumed_run_counts_those_that_it_has_seen_down(self) -> None:
        canary, _ = self.birds(2, [State.DONE, State.DONE, State.READY])
        assert canary.room() == inf
        canary, _ = self.birds(3, [State.DONE, State.DONE, State.READY])
        assert canary.room() == 1

    def test_a_resumed_run_judges_those_that_were_refused_first(self) -> None:
        canary, ledger = self.birds(2, [State.READY, State.READY])
        ledger._set(0, State.READY, State.REJECTED)
        ledger.sends[0] = 1
        again = Canary(2, ledger=ledger, ids=["a", "b"])
        with pytest.raises(GuardError, match="a was refused"):
            again.room()
        assert canary.room() == 2
