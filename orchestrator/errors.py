"""The whole exception tree: every error that leaves this library descends from `OrchestratorError`.

A failed item is data (it is in the account); a failed run is an exception of this tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.engine.account import Report
    from orchestrator.engine.model import Failure


class OrchestratorError(Exception):
    """Root of all errors raised on purpose here. Its text says what happened, to what, and what to do."""


class InputError(OrchestratorError):
    """The job file, the id list, an option or a missing credential: nothing was sent.

    `problems` holds one finished line each (`file:line: what is wrong; the remedy`).
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class CredentialsError(InputError):
    """No usable credentials could be found where the job says they are."""


class RunError(OrchestratorError):
    """A run did not come to a good end. `report` is its account so far; None where nothing had begun."""

    report: Report | None = None


class RecordError(RunError):
    """The run's record cannot be opened, read or written; no request leaves without it."""


class RecordUnusableError(RecordError):
    """There is no directory, no lock or no record to begin with: nothing was sent, and the same command would fail."""


class DirectoryBusyError(OrchestratorError):
    """Another process holds the output directory; the text names it."""


class ServiceError(OrchestratorError):
    """One request was answered with an error, or not at all; `failure` says what that means."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.text)


class RunRefusedError(RunError):
    """The service refused the whole run: authentication, permission, project or region."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.text)


class GuardError(RunError):
    """A guard ended the run: too many tasks, too many failures, a failed canary, a deadline out of reach."""


class UnreachableError(RunError):
    """No successful answer for `limits.give_up_after`: the run is interrupted and can be resumed."""


class IllegalTransitionError(OrchestratorError):
    """An event contradicts the ledger: our bug. Nothing was changed by it."""


class AccountError(OrchestratorError):
    """The outcomes do not add up to the number of unique ids: our bug. The record is kept."""


class TasksNotOverError(RunError):
    """`Report.raise_for_failures` found tasks that are not over; the text names the first few."""
