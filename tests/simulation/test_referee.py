"""The referee itself: a true story passes, and a story with one word changed does not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from orchestrator.engine.events import RequestEnded
from orchestrator.engine.options import LimitOptions, RunOptions, SubmitOptions
from orchestrator.simulator.options import SimulatorOptions
from tests.simulation.referee import judge
from tests.simulation.rules_clock import last_stamps
from tests.simulation.scenario import Scenario
from tests.simulation.world import play

if TYPE_CHECKING:
    from tests.simulation.story import Story

SCENARIO = Scenario(
    seed=7,
    service=SimulatorOptions(tasks=30, seed=7, unknown=0.1),
    options=RunOptions(submit=SubmitOptions(batch_size=10), limits=LimitOptions(max_failures=1.0)),
)


def story() -> Story:
    return play(SCENARIO)


@cache
def rules_of_the_true_one() -> tuple[str, ...]:
    return tuple(judge(story()))


def broken(told: Story) -> set[str]:
    return {violation.split(":")[0] for violation in judge(told)}


class TestReferee:
    def test_a_true_story_passes(self) -> None:
        assert rules_of_the_true_one() == ()

    def test_a_missing_row_is_seen(self) -> None:
        told = story()
        told.last.rows.pop()
        assert "accounts_close" in broken(told)

    def test_stopped_without_a_stop_is_seen(self) -> None:
        told = story()
        place = next(k for k, row in enumerate(told.last.rows) if row.outcome == "already_stopped")
        told.last.rows[place] = told.last.rows[place]._replace(outcome="stopped")
        assert "outcomes_are_true" in broken(told)

    def test_a_batch_above_fifty_is_seen(self) -> None:
        told = story()
        told.sends()[0].ids = tuple(told.service.ids)
        assert "batches_are_lawful" in broken(told)

    def test_a_stop_repeated_is_seen(self) -> None:
        told = story()
        first = told.sends()[0]
        again = replace(
            first, number=len(told.exchanges), sent_at=first.sent_at + 5, sent_turn=10_000, closed_turn=10_001
        )
        told.exchanges.append(again)
        assert {"repeats_have_reasons", "over_is_over"} <= broken(told)

    def test_a_life_that_ended_by_an_error_is_seen(self) -> None:
        told = story()
        told.last.end, told.last.error = "error", "KeyError: 7"
        assert "lives_end_well" in broken(told)

    def test_a_secret_that_leaked_is_seen(self) -> None:
        told = story()
        told.leaks.append("simulator-token is in the record")
        assert "lives_end_well" in broken(told)

    def test_a_record_that_tells_something_else_is_seen(self) -> None:
        told = story()
        told.refolded[0] = "skipped"
        assert "record_tells_the_same" in broken(told)

    def test_too_many_in_flight_are_seen(self) -> None:
        told = story()
        told.last.workers_seen = 9
        assert "workers_are_bounded" in broken(told)

    def test_of_single_requests_no_later_attempt_can_know(self) -> None:
        """Seed 202302: after a clock was set back, what went on from the last stamp on record was called too early."""
        told = story()
        life = told.last
        kept = [event.at for event in life.events if not isinstance(event, RequestEnded)]
        life.end, life.committed_at = "record", life.ended_at + 60.0
        life.events.append(RequestEnded(at=kept[-1] + 5.0, api="list", result="ok", seconds=0.1, attempt=1))
        surely, perhaps = last_stamps(told, life)
        assert (surely, perhaps) == (kept[-1], kept[-1] + 5.0)
