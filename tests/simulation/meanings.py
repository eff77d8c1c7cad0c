"""What statuses mean to each verb, as the contract has it: the referee's own table, not the product's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario

ENDED: Final = frozenset({"SUCCESS", "MIGRATION_SUCCESS", "FAILED", "MIGRATION_FAILED", "RELEASED", "ERROR"})
OVER: Final = ENDED | {"TERMINATED"}
PROGRESS: Final = frozenset({"MIGRATING", "FULLMIGRATING", "INCRMIGEATING"})

WORDS: Final = {
    "stop": ("stopped", "already_stopped"),
    "restart": ("restarted", "already_running"),
    "delete": ("deleted", "already_deleted"),
}
GOAL: Final = {"stop": {"TERMINATED"}, "restart": {"INCRMIGEATING", "SUCCESS"}, "delete": set[str]()}
GOING: Final = {"stop": {"TERMINATING"}, "restart": {"MIGRATING", "FULLMIGRATING"}, "delete": set[str]()}


def canonical(status: str) -> str:
    """The one spelling of a status that has two."""
    return "INCRMIGEATING" if status == "INCRMIGRATING" else status


def is_actionable(scenario: Scenario, status: str) -> bool:
    """Whether a task in this status may be asked for."""
    word = canonical(status)
    match scenario.verb:
        case "stop":
            return word in scenario.stop_states
        case "restart":
            return word == "TERMINATED"
        case "delete":
            return word in OVER


def is_goal(scenario: Scenario, status: str) -> bool:
    """Whether this status is what the verb wants."""
    return canonical(status) in GOAL[scenario.verb]


def is_going(scenario: Scenario, status: str) -> bool:
    """Whether a task in this status is on its way there."""
    return canonical(status) in GOING[scenario.verb]


def is_ended(scenario: Scenario, status: str) -> bool:
    """Whether a task in this status is over in another way."""
    return canonical(status) in ENDED - GOAL[scenario.verb] and not is_actionable(scenario, status)


def is_alien(scenario: Scenario, status: str) -> bool:
    """Whether this status is none of the above."""
    return not any(judge(scenario, status) for judge in (is_actionable, is_goal, is_going, is_ended))
