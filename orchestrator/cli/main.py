"""The command: reads its arguments, calls a verb, answers with an exit code."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, TextIO

from orchestrator.cli.console import Console
from orchestrator.cli.failures import answer
from orchestrator.cli.memory import keep_freed_memory
from orchestrator.cli.parser import bind_retry, build_parser
from orchestrator.cli.settings import Settings, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

USAGE = 2
VERBS = {  # module and function of each
    "run": ("run", "run"),
    "plan": ("plan", "plan"),
    "validate": ("validate", "validate"),
    "verify": ("verify", "verify"),
    "undo": ("undo", "undo"),
    "report": ("render", "report"),
    "merge": ("merge", "merge"),
    "kubernetes": ("kubernetes", "kubernetes"),
    "simulate": ("simulate", "simulate"),
    "init": ("starters", "init"),
    "schema": ("starters", "schema"),
    "completion": ("completion", "completion"),
}
COLLECT_AFTER: Final = (10_000, 20, 20)  # objects, and collections of each generation: one page makes thousands


def entry() -> None:
    """Console script: run the command that the process was started with, and end the process."""
    # A container's first process has no default action: outside of the run proper a SIGTERM would be passed over.
    signal.signal(signal.SIGTERM, _interrupt)
    gc.disable()  # until the verb is loaded
    code = main(sys.argv[1:], when_loaded=_settle_in)
    gc.freeze()  # what is left goes with the process: nobody looks through a million ids for cycles
    sys.exit(code)


def _settle_in() -> None:
    """Collect seldom, and never look through what importing made: it stays to the end. Keep what was freed."""
    keep_freed_memory()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()


def _interrupt(*_: object) -> None:
    """End as by Ctrl-C: with a line, the last word and exit code 75. A second signal ends at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt


def main(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] = os.environ,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    platform: str = sys.platform,
    when_loaded: Callable[[], None] | None = None,
) -> int:
    """Run one command and return its exit code; raises nothing. `when_loaded` is called before the verb begins."""
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
        verb = load(settings.verb)
        if when_loaded is not None:
            when_loaded()
        return verb(settings, console)
    except BaseException as error:  # noqa: BLE001 - the one place where nothing may pass
        return answer(error, console, settings)
    finally:
        console.close()


def load(name: str) -> Callable[[Settings, Console], int]:
    """The verb, imported when it is called: `--help` must not wait for an HTTP library."""
    module, function = VERBS[name]
    verb: Callable[[Settings, Console], int] = getattr(importlib.import_module(f"orchestrator.cli.{module}"), function)
    return verb
