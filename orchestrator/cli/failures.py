"""Every way to fail, made into a message, a hint and an exit code; a person never sees a traceback unasked."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchestrator.cli.termination import leave, of_problems
from orchestrator.engine.model import Verdict
from orchestrator.errors import (
    AccountError,
    CredentialsError,
    DirectoryBusyError,
    GuardError,
    IllegalTransitionError,
    InputError,
    OrchestratorError,
    RecordError,
    RecordUnusableError,
    RunRefusedError,
    ServiceError,
    TasksNotOverError,
    UnreachableError,
)
from orchestrator.report.harmless import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings

NOT_OVER: Final = 1
USAGE: Final = 2
REFUSED: Final = 3
GUARD: Final = 4
BUG: Final = 70
INTERRUPTED: Final = 75

MAX_LINE: Final = 2_000  # letters of a message: a job file may be named by a long path
RESUME: Final = "run the same command again to resume"
MEND: Final = "mend what the service refused; the same command then resumes"
REPORT_BUG: Final = "this is a bug of ours: please report it, with --log-level debug; the run's record is kept"

# The most telling first: where several errors come at once (a task group gathers them), the later ones are echoes.
TELLING: Final[tuple[type[BaseException], ...]] = (
    AccountError,
    IllegalTransitionError,
    RunRefusedError,
    GuardError,
    InputError,
    RecordError,
    DirectoryBusyError,
    UnreachableError,
    OrchestratorError,
    Exception,
    BaseException,
)

KNOWN: Final[Mapping[type[OrchestratorError], tuple[str, int]]] = {
    RunRefusedError: (MEND, REFUSED),
    GuardError: ("the same command judges the guard again first", GUARD),
    DirectoryBusyError: ("wait for it or stop it; the same command then goes on", INTERRUPTED),
    UnreachableError: (RESUME, INTERRUPTED),
    RecordUnusableError: ("nothing was sent", USAGE),
    RecordError: (RESUME, INTERRUPTED),
    TasksNotOverError: ("", NOT_OVER),
}
UNHANDLED: Final[Mapping[Verdict, tuple[str, int]]] = {
    Verdict.UNAUTHENTICATED: (MEND, REFUSED),
    Verdict.FORBIDDEN: (MEND, REFUSED),
    Verdict.RUN_REFUSED: (MEND, REFUSED),
    Verdict.THROTTLED: (RESUME, INTERRUPTED),
    Verdict.UNREACHED: (RESUME, INTERRUPTED),
    Verdict.LOST: (RESUME, INTERRUPTED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What to tell a person (a line each, none for silence), what to do about it, and the exit code."""

    messages: tuple[str, ...]
    hint: str
    exit_code: int


def explain(error: BaseException) -> Explanation:
    """What `error`, or the most telling one in a group, means to a person and to a script."""
    from asyncio import CancelledError  # imported in need only: it is half of the start-up time of --help

    error = most_telling(error)
    match error:
        case CredentialsError():
            return Explanation(
                messages=error.problems,
                hint="what each kind of credentials reads is told beside service.credentials in: orchestrator init -",
                exit_code=USAGE,
            )
        case InputError():
            return Explanation(messages=error.problems, hint="", exit_code=USAGE)
        case OrchestratorError():
            hint, exit_code = _known(error)
            return Explanation(messages=(str(error),), hint=hint, exit_code=exit_code)
        case KeyboardInterrupt() | CancelledError():
            return Explanation(messages=("interrupted",), hint=RESUME, exit_code=INTERRUPTED)
        case BrokenPipeError():
            # Nobody listens any more. Whether all was done is unknown, so the code is not a success.
            return Explanation(messages=(), hint="", exit_code=INTERRUPTED)
        case _:
            text = f"unexpected {type(error).__name__}: {error}" if str(error) else f"unexpected {type(error).__name__}"
            return Explanation(messages=(text,), hint=REPORT_BUG, exit_code=BUG)


def answer(error: BaseException, console: Console, settings: Settings | None) -> int:
    """Tell on stderr what `error` means, with the traceback only where debugging; returns the exit code."""
    explanation = explain(error)
    _tell(console, settings, explanation)
    if settings is None or settings.verb == "run":
        word = of_problems(explanation.messages, hint=explanation.hint, exit_code=explanation.exit_code)
        if complaint := leave(console.environ, word):
            console.tell(f"warning: {complaint}")
    if settings is not None and settings.debug:
        console.tell("".join(traceback.format_exception(error)))
    return explanation.exit_code


def most_telling(error: BaseException) -> BaseException:
    """The error itself, or of a group's members (at any depth) the one that says most."""
    leaves = list(_leaves(error))
    return min(leaves, key=_rank)


def _known(error: OrchestratorError) -> tuple[str, int]:
    """Hint and exit code of an error of ours that is no input error."""
    for kind, answer_of_kind in KNOWN.items():
        if isinstance(error, kind):
            return answer_of_kind
    if isinstance(error, ServiceError):
        # An answer that nobody handled: the run's fate follows from what it means.
        return UNHANDLED.get(error.failure.verdict, (REPORT_BUG, BUG))
    return REPORT_BUG, BUG


def _tell(console: Console, settings: Settings | None, explanation: Explanation) -> None:
    """A log line for a cluster where a run writes JSON lines, plain lines for everybody else."""
    if settings is not None and settings.verb == "run" and settings.log_json(terminal=console.can_draw):
        from orchestrator.cli.logs import open_log

        log = open_log(console.stderr, json_lines=True)
        if settings.job_name:
            log = log.bind(job=settings.job_name)
        for message in explanation.messages:
            log.error("run.failed", problem=message, hint=explanation.hint, exit_code=explanation.exit_code)
        return
    for message in explanation.messages:
        console.tell(f"error: {one_line(message, MAX_LINE)}")
    if explanation.hint:
        console.tell(f"hint: {explanation.hint}")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error


def _rank(error: BaseException) -> int:
    return next(rank for rank, kind in enumerate(TELLING) if isinstance(error, kind))
