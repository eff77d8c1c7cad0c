"""How a run ends by an error: which error of many tells it, and what it makes of the run."""

from __future__ import annotations

from orchestrator.engine.model import Ending
from orchestrator.errors import GuardError, RunError, RunRefusedError, UnreachableError

KNOWN = (GuardError, RunRefusedError, UnreachableError)


def cause_of(group: BaseExceptionGroup[BaseException]) -> RunError:
    """What ended a run by these errors; raises the first of them that is not a way to end, for that is worse."""
    _, unexpected = group.split(KNOWN)
    error: BaseException = unexpected or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, RunError):
        raise error
    return error


def ending_by(error: RunError) -> Ending:
    """What `error` makes of the run."""
    match error:
        case GuardError():
            return Ending.ABORTED
        case RunRefusedError():
            return Ending.REFUSED
        case _:
            return Ending.INTERRUPTED
