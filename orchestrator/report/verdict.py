"""The verdict: the one sentence that everything else in the account only explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.engine.model import Ending

if TYPE_CHECKING:
    from orchestrator.engine.account import Report


def verdict(report: Report) -> str:
    """How the run came out, in one sentence."""
    unique, left = report.input.unique, report.not_over
    if left == 0 and report.ending in {Ending.FINISHED, Ending.DEADLINE}:
        return _all_over(unique)
    reason = f": {report.ending_reason.rstrip('.')}" if report.ending_reason else ""
    lead = {
        Ending.FINISHED: "",
        Ending.DEADLINE: "The deadline passed; ",
        Ending.INTERRUPTED: f"Interrupted{reason}; ",
        Ending.ABORTED: f"A guard ended the run{reason}; ",
        Ending.REFUSED: f"The service refused the run{reason}; ",
    }[report.ending]
    return f"{lead}{left:,} of {tasks(unique)} {'is' if left == 1 else 'are'} not over."


def _all_over(unique: int) -> str:
    if unique == 0:
        return "There was nothing to do: no task is in this run."
    return "The one task is over." if unique == 1 else f"All {tasks(unique)} are over."


def tasks(number: int) -> str:
    """`1 task`, `12,345 tasks`."""
    return f"{number:,} task" if number == 1 else f"{number:,} tasks"
