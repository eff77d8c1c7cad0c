"""`orchestrator completion`: a script that teaches a shell our verbs, options and files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

import shtab

if TYPE_CHECKING:
    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings

FILES: Final = frozenset({"job", "html_file", "csv_file", "json_file", "ids", "metrics_file"})
DIRECTORIES: Final = frozenset({"directory", "directories", "output"})


def completion(settings: Settings, console: Console) -> int:
    """Print the script for `settings.shell`."""
    from orchestrator.cli.parser import build_parser

    parser = build_parser()
    _teach_paths(parser)
    console.say(shtab.complete(parser, shell=settings.shell).rstrip("\n") + "\n")
    return 0


def _teach_paths(parser: argparse.ArgumentParser) -> None:
    """Say of every argument of every verb whether it is a file or a directory: the grammar itself does not know."""
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to walk a grammar
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for verb in action.choices.values():
                _teach_paths(verb)
        elif action.dest in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        elif action.dest in DIRECTORIES:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # the same
