"""What needs a person: which tasks are not over, and one sentence on what to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.engine.account import Report, Row

# Meanings of the service's codes that change what a person does next; any other code has its outcome's advice.
# The gateway writes the same number as APIG., APIGW. and APIC.
CODES: Mapping[str, str] = {
    "DCS.4855": "The service calls the id invalid: check it in the console, and the job's region and project.",
    "DCS.4957": "The task's state forbids it: look at it in the console, then run again with --retry rejected.",
    "DCS.4133": "The service does not know the id: check it in the console, and the job's region and project.",
    "DCS.4027": "The service does not support this for the task: handle it in the console.",
    "DCS.2003": "The identity lacks a permission for this task: grant it, then run again with --retry rejected.",
    "DCS.2007": "The identity lacks a permission for this task: grant it, then run again with --retry rejected.",
    "DCS.3002": "The identity lacks a permission for this task: grant it, then run again with --retry rejected.",
    "DCS.3003": "The identity lacks a permission for this task: grant it, then run again with --retry rejected.",
    "PAP5.0001": "A policy denies it: grant the permission, then run again with --retry rejected.",
}

STATUSES: Mapping[str, str] = {
    "RUNNING": "Created but not configured, so nothing is migrating: configure or delete it in the console.",
    "CREATING": "Still being created: run again with --retry skipped once it migrates.",
    "EXCHANGING": "An IP switch is in progress: let it end, then run again with --retry skipped.",
}

OUTCOMES: Mapping[str, str] = {
    "not_found": "Check the id for typing errors, and that the region and project are the task's own.",
    "rejected": "The service refused it for good: mend the cause that it names, then run again with --retry rejected.",
    "skipped": "Its state is not in tasks.stop_states: look at it in the console; add the state there if need be.",
    "timed_out": "It was asked and was not over in time: look again later, or run again with --retry timed_out.",
    "unconfirmed": "It was asked, and its end was not seen: the same command looks at it again.",
    "not_attempted": "Nothing was sent for it: the same command goes on with it.",
}

# A run that finished (or whose deadline passed) is a no-op for the same command: it must be reopened.
FINISHED: Mapping[str, str] = {
    "not_attempted": "The deadline passed before it was sent: run again with --retry not_attempted.",
}


def advise(outcome: str, *, code: str = "", status: str = "", finished: bool = True) -> str:
    """One sentence on what to do about a task that came to `outcome`; empty where nothing is to be done.

    Args:
        outcome: the task's outcome.
        code: the service's error code, where one was kept.
        status: the task's last status, which tells apart the skipped ones.
        finished: False where the run was cut short, so that the same command goes on.

    """
    if finished and outcome in FINISHED:
        return FINISHED[outcome]
    if outcome == "rejected":
        return CODES.get(code, OUTCOMES[outcome])
    if outcome == "skipped":
        return STATUSES.get(status, OUTCOMES[outcome])
    return OUTCOMES.get(outcome, "")


def advise_row(row: Row, *, finished: bool) -> str:
    """What to do about a row that is not over."""
    return advise(row.outcome, code=row.error_code, status=row.status, finished=finished)


def is_finished(report: Report) -> bool:
    """Whether the run came to its end: then the same command does nothing more."""
    return report.exit_code in {0, 1}


def next_step(exit_code: int) -> str:
    """What to run next after a run that ended with `exit_code`."""
    return NEXT_STEPS[exit_code]


NEXT_STEPS: Mapping[int, str] = {
    0: "Nothing is left to do. The same command again answers from the record and sends nothing.",
    1: "The same command again would only say the same; add --retry to take up the tasks that are not over.",
    3: "Mend what the service refused (credentials, permission, project, region); the same command then resumes.",
    4: "Look into what the guard saw; the same command judges it again and then resumes.",
    75: "The same command resumes where this one ended; nothing is sent twice without a look.",
}
