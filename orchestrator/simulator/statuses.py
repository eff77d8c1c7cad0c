"""The statuses of migration tasks as bytes, what may be done in each, and how a coarse list shows them."""

from collections.abc import Iterable

# The vendor's words, its misspelling included; DELETED is ours, for tasks that are gone.
KNOWN = (
    *("MIGRATING", "FULLMIGRATING", "INCRMIGEATING", "INCRMIGRATING", "TERMINATING", "TERMINATED"),
    *("SUCCESS", "FAILED", "ERROR", "DELETED", "RUNNING", "CREATING"),
    *("MIGRATION_SUCCESS", "MIGRATION_FAILED", "RELEASED"),
)
MIGRATING, FULLMIGRATING, INCRMIGEATING, INCRMIGRATING, TERMINATING, TERMINATED = range(6)
SUCCESS, FAILED, ERROR, DELETED, RUNNING, CREATING = range(6, 12)
MIGRATION_SUCCESS, MIGRATION_FAILED, RELEASED = range(12, 15)

STOPPABLE = frozenset({MIGRATING, FULLMIGRATING, INCRMIGEATING, INCRMIGRATING})
RESTARTABLE = frozenset({TERMINATED, FAILED, MIGRATION_FAILED})
UNDELETABLE = STOPPABLE | {TERMINATING, CREATING}

# The list page documents four statuses only. What has not begun, or was released, is none of the four and is
# shown as it is.
_COARSE = {
    "FULLMIGRATING": "MIGRATING",
    "INCRMIGEATING": "MIGRATING",
    "INCRMIGRATING": "MIGRATING",
    "TERMINATING": "MIGRATING",
    "MIGRATION_SUCCESS": "SUCCESS",
    "MIGRATION_FAILED": "FAILED",
    "ERROR": "FAILED",
}


class Statuses:
    """The statuses of one service: the vendor's, and whatever else its options name."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self.names = (*KNOWN, *(name for name in extra if name not in KNOWN))
        self.codes = {name: code for code, name in enumerate(self.names)}
        self.coarse = tuple(_COARSE.get(name, name) for name in self.names)
