"""Promises of the retry arithmetic: full jitter within bounds, the service's wish first, a budget for the run."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.model import Failure, Verdict
from orchestrator.engine.options import RetryOptions
from orchestrator.engine.retry import BUDGET, MAX_RETRY_AFTER, RETRY_COST, Budget, backoff, delay_after


class Highest(Random):
    """Always the upper end."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002  # the interface of Random
        return b


class TestBackoff:
    def test_it_doubles_up_to_its_ceiling(self) -> None:
        options = RetryOptions(base_backoff=0.5, max_backoff=6.0)
        assert [backoff(n, options, Highest()) for n in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 6.0, 6.0]

    @given(st.integers(1, 10**9), st.floats(0.01, 1e3), st.floats(0.01, 1e3), st.integers())
    def test_it_stays_between_nothing_and_the_ceiling(self, attempt: int, base: float, most: float, seed: int) -> None:
        options = RetryOptions(base_backoff=base, max_backoff=most)
        assert 0.0 <= backoff(attempt, options, Random(seed)) <= most

    def test_the_service_may_ask_for_longer_within_reason(self) -> None:
        def wish(seconds: float | None) -> float:
            failure = Failure(verdict=Verdict.UNREACHED, retry_after=seconds)
            return delay_after(failure, 1, RetryOptions(base_backoff=2.0), Highest())

        assert [wish(None), wish(0.0), wish(1.0), wish(9.0), wish(1e9)] == [2.0, 2.0, 2.0, 9.0, MAX_RETRY_AFTER]


class TestBudget:
    def test_it_is_spent_by_retries_and_earned_back_by_successes(self) -> None:
        budget = Budget()
        for _ in range(int(BUDGET / RETRY_COST)):
            assert not budget.is_spent
            budget.retried()
        assert budget.is_spent
        budget.retried()  # never below nothing
        for _ in range(int(RETRY_COST)):
            assert budget.is_spent
            budget.succeeded()
        assert not budget.is_spent

    def test_successes_beyond_the_whole_budget_are_not_saved_up(self) -> None:
        budget = Budget(10.0)
        for _ in range(100):
            budget.succeeded()
        budget.retried()
        budget.retried()
        assert budget.is_spent
