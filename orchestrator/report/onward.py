"""The page's section on what to run next: resume, retry, verify, undo, with the very paths."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.report.advice import next_step
from orchestrator.report.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.engine.account import Report


COMMAND = "run JOB.yaml"  # where nobody knows better
SIMULATED = "The service was a simulator inside this run and ended with it: there is nothing to resume, verify or undo."


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """How a person names this run on a command line."""

    again: str = COMMAND  # what follows `orchestrator` in the command that made this run, as a shell takes it
    directory: str = "OUT_DIR"
    recorded: bool = True  # whether a record lies in the directory: what `merge` made has none


def onward(report: Report, commands: Commands) -> Iterator[str]:
    """What to run next, and what else can be done with this run."""
    yield f'<section id="next"><h2>What next</h2><p>{escape(what_next(report))}</p>'
    yield '<dl class="commands">'
    for command, purpose in _commands(report, commands):
        yield f"<dt><code>{escape(command)}</code></dt><dd>{escape(purpose)}</dd>"
    yield "</dl></section>"


def what_next(report: Report) -> str:
    """What to do next, in a sentence."""
    return SIMULATED if _is_simulated(report) else next_step(report.exit_code)


def next_command(report: Report, again: str) -> tuple[str, str] | None:
    """The command that goes on with this run, and what it does; None where there is nothing left to do."""
    command = f"orchestrator {again}"
    if _is_simulated(report):
        return command, "the same again, from the beginning"
    if report.exit_code == 1:
        return f"{command} --retry", "take up the tasks that are not over, with a new deadline"
    return (command, "resume where this run ended") if report.exit_code else None


def _is_simulated(report: Report) -> bool:
    """Whether the service died with the run's process."""
    service = report.job.get("service")
    return isinstance(service, dict) and bool(service.get("simulator"))


def _commands(report: Report, commands: Commands) -> Iterator[tuple[str, str]]:
    if (first := next_command(report, commands.again)) is not None:
        yield first
    if _is_simulated(report) or not commands.recorded:
        return
    directory = shlex.quote(commands.directory)
    done = next(iter(report.outcomes.values()), 0)
    yield (
        f"orchestrator verify {directory}",
        "look, any time later, whether the tasks still are as reported; changes nothing",
    )
    if report.info.operation == "stop" and done:
        yield (
            f"orchestrator undo {directory}",
            f"restart the {done:,} tasks that this run stopped; shows its plan first",
        )
    yield f"orchestrator report {directory} --html report.html", "render this page again, from the run's record alone"
