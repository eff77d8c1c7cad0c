"""Log lines on stderr, for people or for machines; nothing global is configured."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Final

from orchestrator.report.harmless import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

    from orchestrator.cli.console import LineStream

MAX_TEXT: Final = 500  # letters of any one text


@contextlib.contextmanager
def _hidden(name: str) -> Iterator[None]:
    """For the block an import of `name` fails, unless it is there already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # https://docs.python.org/3/reference/import.html#the-module-cache
    try:
        yield
    finally:
        del sys.modules[name]


# structlog takes rich along, where it is installed, for tracebacks, which our lines never have: a hundred modules, 4 MB
# and 25 ms at each start. The live bar imports rich itself, where there is a terminal.
with _hidden("rich"):
    import structlog


def open_log(
    stream: LineStream, *, json_lines: bool, colour: bool = False, level: int = logging.INFO
) -> FilteringBoundLogger:
    """A logger that writes to `stream`: JSON lines for machines, aligned lines for people. Nothing global is set.

    Args:
        stream: where the lines go.
        json_lines: JSON, one object a line, instead of text.
        colour: whether text lines are coloured.
        level: the least that is written, a number of the `logging` module.

    """
    renderers: list[structlog.typing.Processor]
    if json_lines:
        renderers = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        renderers = [structlog.dev.ConsoleRenderer(colors=colour, pad_event_to=18, sort_keys=False)]
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _LineLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp")
            if json_lines
            else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            _bounded,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    # A bound logger renders without looking at structlog's global configuration again.
    return logger.bind()


class _LineLogger:
    """Writes finished lines; a reader that has gone, or a full disk under a redirected stderr, ends no run."""

    def __init__(self, stream: LineStream) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        try:
            self._stream.write(message + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # gone, full, or closed: there is nowhere left to say so
            return

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


def _bounded(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """When, how bad and what come first; foreign text stays one line of a terminal, and bounded."""
    ordered = {key: fields.pop(key) for key in ("timestamp", "level", "event")}
    for key, value in fields.items():
        ordered[key] = one_line(value, MAX_TEXT) if isinstance(value, str) else value
    return ordered
