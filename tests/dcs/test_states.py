"""Tests of dcs/states.py: what each status means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs import states
from orchestrator.engine.model import Phase

ENDED = ["SUCCESS", "FAILED", "MIGRATION_SUCCESS", "MIGRATION_FAILED", "RELEASED", "ERROR"]


class TestStop:
    """By default only what migrates is stopped."""

    @pytest.mark.parametrize("status", ["MIGRATING", "FULLMIGRATING", "INCRMIGEATING", "INCRMIGRATING", " migrating"])
    def test_acts_on_what_migrates(self, status: str) -> None:
        assert states.phase(states.stop_table(), status) is Phase.ACTIONABLE

    @pytest.mark.parametrize("status", ["RUNNING", "CREATING", "EXCHANGING", "DELETED", "PAUSED", ""])
    def test_leaves_alone_what_does_not_migrate(self, status: str) -> None:
        assert states.phase(states.stop_table(), status) is Phase.ALIEN

    def test_knows_its_goal_and_the_way_there(self) -> None:
        table = states.stop_table()
        assert states.phase(table, "TERMINATING") is Phase.GOING
        assert states.phase(table, "TERMINATED") is Phase.GOAL

    @pytest.mark.parametrize("status", ENDED)
    def test_ended_is_ended(self, status: str) -> None:
        assert states.phase(states.stop_table(), status) is Phase.ENDED

    def test_either_spelling_of_incremental_counts_as_the_other(self) -> None:
        table = states.stop_table({"INCRMIGRATING"})
        assert states.phase(table, "INCRMIGEATING") is Phase.ACTIONABLE
        assert states.phase(table, "MIGRATING") is Phase.ALIEN

    def test_what_is_over_or_going_is_never_sent_even_if_asked_for(self) -> None:
        everything = [*ENDED, "TERMINATED", "TERMINATING", "DELETED", "RUNNING"]
        table = states.stop_table(everything)
        assert [status for status in everything if states.phase(table, status) is Phase.ACTIONABLE] == ["RUNNING"]


class TestRestart:
    """Only what was stopped is restarted."""

    @pytest.mark.parametrize(
        ("status", "phase"),
        [
            ("TERMINATED", Phase.ACTIONABLE),
            ("MIGRATING", Phase.GOING),
            ("FULLMIGRATING", Phase.GOING),
            ("INCRMIGEATING", Phase.GOAL),
            ("INCRMIGRATING", Phase.GOAL),
            ("SUCCESS", Phase.GOAL),
            ("FAILED", Phase.ENDED),
            ("RELEASED", Phase.ENDED),
            ("TERMINATING", Phase.ALIEN),
            ("RUNNING", Phase.ALIEN),
        ],
    )
    def test_phases(self, status: str, phase: Phase) -> None:
        assert states.phase(states.RESTART_TABLE, status) is phase


class TestDelete:
    """Nothing that still runs is deleted."""

    @pytest.mark.parametrize("status", [*ENDED, "TERMINATED"])
    def test_what_is_over_is_deleted(self, status: str) -> None:
        assert states.phase(states.DELETE_TABLE, status) is Phase.ACTIONABLE

    @pytest.mark.parametrize("status", ["MIGRATING", "TERMINATING", "RUNNING", "CREATING", "EXCHANGING", "DELETED"])
    def test_what_is_not_over_is_left_alone(self, status: str) -> None:
        assert states.phase(states.DELETE_TABLE, status) is Phase.ALIEN


@given(st.text())
def test_any_text_has_a_phase(status: str) -> None:
    for table in (states.stop_table(), states.RESTART_TABLE, states.DELETE_TABLE):
        assert isinstance(states.phase(table, status), Phase)
