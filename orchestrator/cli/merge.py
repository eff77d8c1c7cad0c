"""`orchestrator merge`: the accounts of shards joined into one, from their records; nothing in them is changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orchestrator.cli.recorded import read_recorded
from orchestrator.engine import directory as directories
from orchestrator.engine.joint import complaints, join, unfinished
from orchestrator.errors import InputError
from orchestrator.report.files import write_account
from orchestrator.report.harmless import one_line
from orchestrator.report.text import render_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.engine.account import Report

ALL_OVER, NOT_ALL = 0, 1
FORMATS: Final = ("json", "csv", "html")
MAX_LINE: Final = 500
_SHARD: Final = re.compile(r"shard-([0-9]{1,9})")


def merge(settings: Settings, console: Console) -> int:
    """Join the shards' accounts and write the whole.

    Raises `InputError` naming what is missing or does not belong, `DirectoryBusyError` while a shard is running,
    `RecordUnusableError` for a record that cannot be read. Nothing is written then.
    """
    if settings.output is None:
        raise InputError("merge needs a directory for the joined account: --output DIR")
    if (settings.output / directories.NAME).exists():
        raise InputError(
            f"{settings.output}: holds the record of a run, whose account this would replace: name another"
        )
    reports = _read(settings.directories)
    if problems := complaints(reports):
        raise InputError(*problems)
    for line in unfinished(reports):
        console.tell(f"warning: {one_line(line, MAX_LINE)}; its own command resumes it, then merge again")
    whole = join(list(reports.values()))
    files = write_account(whole, settings.output, FORMATS)
    colour = console.shows_colour(console.stdout)
    console.say(render_text(whole, files=files, colour=colour))
    return ALL_OVER if whole.exit_code == 0 else NOT_ALL


def _read(given: Sequence[Path]) -> dict[str, Report]:
    """The account of each shard, by its directory. All that cannot be found is told at once."""
    places: dict[str, Path] = {}
    problems: list[str] = []
    for directory in given:
        found = _shards_in(directory)
        if not found:
            problems.append(f"{directory}: no {directories.NAME} in it, nor in a shard-… below it; name a run's output")
        places |= {str(place.resolve()): place for place in found}
    if problems:
        raise InputError(*problems)
    return {str(place): read_recorded(place).report for place in places.values()}


def _shards_in(directory: Path) -> list[Path]:
    """The directory itself, or in the order of their numbers the shards in it."""
    if (directory / directories.NAME).exists():
        return [directory]
    numbered = [(int(match[1]), path) for path in directory.glob("shard-*") if (match := _SHARD.fullmatch(path.name))]
    return [path for _, path in sorted(numbered) if (path / directories.NAME).exists()]
