from __future__ import annotations

import asyncio
import json

import pytest

from orchestrator.cli.failures import REPORT_BUG, RESUME, answer, explain
from orchestrator.cli.settings import Settings
from orchestrator.engine.model import Failure, Verdict
from orchestrator.errors import (
    AccountError,
    CredentialsError,
    DirectoryBusyError,
    GuardError,
    IllegalTransitionError,
    InputError,
    OrchestratorError,
    RecordError,
    RunRefusedError,
    ServiceError,
    TasksNotOverError,
    UnreachableError,
)
from tests.cli.streams import console_in_memory, text_of


def failure(verdict: Verdict) -> Failure:
    return Failure(verdict=verdict, status=403, code="DCS.2003", message="no", request_id="r-1")


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (InputError("a", "b"), 2),
            (CredentialsError("none found"), 2),
            (RunRefusedError(failure(Verdict.FORBIDDEN)), 3),
            (GuardError("too many"), 4),
            (UnreachableError("gone"), 75),
            (DirectoryBusyError("held by 7"), 75),
            (RecordError("disk full"), 75),
            (AccountError("does not close"), 70),
            (IllegalTransitionError("x"), 70),
            (OrchestratorError("of no kind"), 70),
            (TasksNotOverError("1 left"), 1),
            (KeyboardInterrupt(), 75),
            (asyncio.CancelledError(), 75),
            (BrokenPipeError(), 75),
            (ValueError("x"), 70),
            (MemoryError(), 70),
            (ServiceError(failure(Verdict.FORBIDDEN)), 3),
            (ServiceError(failure(Verdict.THROTTLED)), 75),
            (ServiceError(failure(Verdict.BAD_ITEM)), 70),
        ],
    )
    def test_are_those_of_the_contract(self, error: BaseException, code: int) -> None:
        assert explain(error).exit_code == code

    def test_a_bug_is_called_one(self) -> None:
        explanation = explain(ZeroDivisionError("division by zero"))
        assert explanation.messages == ("unexpected ZeroDivisionError: division by zero",)
        assert explanation.hint == REPORT_BUG
        assert explain(MemoryError()).messages == ("unexpected MemoryError",)

    def test_an_interruption_names_the_way_on(self) -> None:
        assert explain(KeyboardInterrupt()).hint == RESUME


class TestGroups:
    def test_the_most_telling_error_speaks_however_deep(self) -> None:
        group = BaseExceptionGroup(
            "",
            [
                asyncio.CancelledError(),
                ExceptionGroup("", [UnreachableError("silence"), ExceptionGroup("", [GuardError("too many")])]),
                KeyError("echo"),
            ],
        )
        assert explain(group).messages == ("too many",)

    def test_our_bug_outranks_all(self) -> None:
        assert explain(ExceptionGroup("", [GuardError("x"), AccountError("does not close")])).exit_code == 70


class TestAnswer:
    def test_each_problem_has_its_own_line_and_no_traceback(self) -> None:
        console = console_in_memory()
        code = answer(InputError("job.yaml:3: bad\x1b[31m", "job.yaml:7: worse"), console, None)
        assert code == 2
        assert text_of(console.stderr) == "error: job.yaml:3: bad [31m\nerror: job.yaml:7: worse\n"
        assert text_of(console.stdout) == ""

    def test_a_hint_follows(self) -> None:
        console = console_in_memory()
        answer(DirectoryBusyError("out/ is held by pid 7"), console, Settings(verb="validate"))
        assert text_of(console.stderr).splitlines() == [
            "error: out/ is held by pid 7",
            "hint: wait for it or stop it; the same command then goes on",
        ]

    def test_a_run_away_from_a_terminal_says_it_in_json(self) -> None:
        console = console_in_memory()
        assert answer(GuardError("too many tasks"), console, Settings(verb="run")) == 4
        line = json.loads(text_of(console.stderr))
        assert line["event"] == "run.failed"
        assert (line["level"], line["problem"], line["exit_code"]) == ("error", "too many tasks", 4)

    def test_a_run_at_a_terminal_says_it_in_words(self) -> None:
        console = console_in_memory(terminal=True)
        answer(GuardError("too many tasks"), console, Settings(verb="run"))
        assert text_of(console.stderr).startswith("error: too many tasks\n")

    def test_a_broken_pipe_is_quiet(self) -> None:
        console = console_in_memory()
        assert answer(BrokenPipeError(), console, None) == 75
        assert text_of(console.stderr) == ""
