"""What goes wrong while a verb only looks, told as log lines on stderr: waiting for a quota, trying again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli.logs import open_log
from orchestrator.cli.sink import LogSink
from orchestrator.engine import events as ev
from orchestrator.engine.model import Verdict

if TYPE_CHECKING:
    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings


def log_sink(settings: Settings, console: Console) -> ev.Observer:
    """An observer for the requests of a plan, a selection or a verification."""
    log = open_log(
        console.stderr,
        json_lines=settings.log_json(terminal=console.can_draw),
        colour=console.shows_colour(console.stderr),
        level=settings.level,
    )
    sink = LogSink(log, level=settings.level)

    def tell(event: ev.Event) -> None:
        if isinstance(event, ev.Gone | ev.Missed):
            return  # what is seen is what the verb itself tells
        if isinstance(event, ev.RequestEnded) and event.failure and event.failure.verdict is Verdict.GONE:
            return
        sink(event)

    return tell
