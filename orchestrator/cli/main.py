"""The command: reads its arguments, calls a verb, answers with an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

from orchestrator.cli.console import Console
from orchestrator.cli.failures import answer
from orchestrator.cli.parser import bind_retry, build_parser
from orchestrator.cli.settings import Settings, gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USAGE = 2


def entry() -> None:
    """Console script: run the command that the process was started with, and end the process."""
    sys.exit(main(sys.argv[1:]))


def main(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] = os.environ,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    platform: str = sys.platform,
) -> int:
    """Run one command and return its exit code; raises nothing."""
    console = Console(
        stdin=stdin or sys.stdin, stdout=stdout or sys.stdout, stderr=stderr or sys.stderr, environ=environ
    )
    if platform == "win32":
        console.tell("error: Windows is not supported: run it on Linux or macOS, or inside WSL")
        return USAGE
    try:
        with contextlib.redirect_stdout(console.stdout), contextlib.redirect_stderr(console.stderr):
            given = build_parser().parse_args(bind_retry(argv))
    except SystemExit as ended:  # argparse has said why
        console.close()
        return ended.code if isinstance(ended.code, int) else USAGE
    settings = None
    try:
        settings = gather(given, environ)
        return dispatch(settings, console)
    except BaseException as error:  # noqa: BLE001 - the one place where nothing may pass
        return answer(error, console, settings)
    finally:
        console.close()


def dispatch(settings: Settings, console: Console) -> int:
    """Call the verb. Each is imported when it is called: `--help` must not wait for an HTTP library."""
    match settings.verb:
        case "run":
            from orchestrator.cli.run import run

            return run(settings, console)
        case "validate":
            from orchestrator.cli.validate import validate

            return validate(settings, console)
        case "simulate":
            from orchestrator.cli.simulate import simulate

            return simulate(settings, console)
        case "init":
            from orchestrator.cli.starters import init

            return init(settings, console)
        case _:
            from orchestrator.cli.starters import schema

            return schema(console)
