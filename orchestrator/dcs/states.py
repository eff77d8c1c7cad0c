"""What each status of a migration task means to each operation.

Statuses are an open set: the service adds values, and some exist in one region only. A status that is not in a
table is `Phase.ALIEN`: never touched, and never called done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from orchestrator.engine.model import Phase

PhaseTable: TypeAlias = Mapping[str, Phase]

CREATING: Final = "CREATING"
RUNNING: Final = "RUNNING"  # created and waiting to be configured: not migrating, whatever the word suggests
MIGRATING: Final = "MIGRATING"  # in progress; the only such value that the list page documents
FULLMIGRATING: Final = "FULLMIGRATING"
INCRMIGEATING: Final = "INCRMIGEATING"  # sic; the vendor's prose also spells it INCRMIGRATING
TERMINATING: Final = "TERMINATING"
TERMINATED: Final = "TERMINATED"
SUCCESS: Final = "SUCCESS"
MIGRATION_SUCCESS: Final = "MIGRATION_SUCCESS"
FAILED: Final = "FAILED"
MIGRATION_FAILED: Final = "MIGRATION_FAILED"
RELEASED: Final = "RELEASED"
ERROR: Final = "ERROR"
DELETED: Final = "DELETED"
EXCHANGING: Final = "EXCHANGING"  # a `task_status`, not a `status`: the two instances are swapping their addresses

DEFAULT_STOP_STATES: Final = frozenset({MIGRATING, FULLMIGRATING, INCRMIGEATING})

_ENDED: Final = frozenset({SUCCESS, MIGRATION_SUCCESS, FAILED, MIGRATION_FAILED, RELEASED, ERROR})
OVER: Final = _ENDED | {TERMINATED}

# While addresses are being swapped the task's own status says MIGRATING, yet it must not be touched. These stay
# true all the same: nothing is swapped any more once a task is down or on its way there.
OUTWEIGHS_EXCHANGING: Final = OVER | {TERMINATING, DELETED}

_SPELLINGS: Final = {"INCRMIGRATING": INCRMIGEATING}


def canonical(status: str) -> str:
    """`status` in the one spelling that the tables use."""
    word = status.strip().upper()
    return _SPELLINGS.get(word, word)


def phase(table: PhaseTable, status: str) -> Phase:
    """What `status` means by `table`; `Phase.ALIEN` for anything unknown."""
    return table.get(status) or table.get(canonical(status), Phase.ALIEN)


def stop_table(stop_states: Iterable[str] = DEFAULT_STOP_STATES) -> PhaseTable:
    """Phases for stopping, where only tasks in `stop_states` are to be stopped.

    A task that is over, or on its way down, is never sent, even if `stop_states` names its status.
    """
    return {
        **dict.fromkeys(map(canonical, stop_states), Phase.ACTIONABLE),
        **dict.fromkeys(_ENDED, Phase.ENDED),
        TERMINATING: Phase.GOING,
        TERMINATED: Phase.GOAL,
        DELETED: Phase.ALIEN,
    }


# A restarted task is back when it is incremental again, or has succeeded meanwhile. Only a stopped one is restarted.
RESTART_TABLE: Final[PhaseTable] = {
    **dict.fromkeys(_ENDED, Phase.ENDED),
    TERMINATED: Phase.ACTIONABLE,
    MIGRATING: Phase.GOING,
    FULLMIGRATING: Phase.GOING,
    INCRMIGEATING: Phase.GOAL,
    SUCCESS: Phase.GOAL,
}

# Only what is over is deleted: to delete a running migration was not asked for. The goal is to be gone.
DELETE_TABLE: Final[PhaseTable] = dict.fromkeys(OVER, Phase.ACTIONABLE)
