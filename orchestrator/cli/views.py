"""How progress looks: a live bar, a line now and then, or nothing."""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, TextIO, cast

import anyio

from orchestrator.cli.progress import Gauge, Numbers, Pace, Tally, what_holds_it, where_it_stands
from orchestrator.engine.clock import steady
from orchestrator.report.stamps import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType
    from rich.live import Live

    from orchestrator.cli.console import Console, LineStream

DRAW_EVERY: Final = 0.25  # seconds
PLAIN_EVERY: Final = 10.0  # seconds between two plain lines; while nothing changes, six times as long
QUIET_FACTOR: Final = 6
MIN_BAR, MAX_BAR = 10, 40  # columns
SEPARATOR: Final = " · "


class View(Protocol):
    """Shows where the run stands."""

    @property
    def interval(self) -> float | None:
        """Seconds between two calls of `draw`; None: it need not be called."""

    @property
    def log_stream(self) -> LineStream:
        """Where log lines go, so that they do not tear the picture."""

    def draw(self, numbers: Numbers, tally: Tally, pace: Pace) -> None:
        """Show these numbers."""


@contextlib.contextmanager
def open_view(kind: str, console: Console, *, now: Callable[[], float] | None = None) -> Iterator[View]:
    """The view that `kind` (`auto`, `bar`, `plain`, `none`) means on this console; closed at the end of the block.

    A bar needs a terminal that can redraw: elsewhere `auto` is none (log lines carry the progress), `bar` is plain.
    """
    now = now or steady()  # a clock that is set back must not silence it until it is as late again
    if kind == "none" or (kind == "auto" and not console.can_draw):
        yield Silence(console.stderr)
    elif kind == "plain" or not console.can_draw:
        yield PlainLines(console.stderr, now=now)
    else:
        with _live_bar(console, now) as bar:
            yield bar


async def keep_drawing(view: View, gauge: Gauge, tally: Tally) -> None:
    """Draw at the view's own interval until cancelled; ends at once for a view that draws nothing."""
    pace = Pace()
    while view.interval is not None:
        numbers = gauge.numbers()
        pace.note(anyio.current_time(), numbers.over + numbers.failed)
        view.draw(numbers, tally, pace)
        await anyio.sleep(view.interval)


class Silence:
    """Shows nothing."""

    interval: Final = None

    def __init__(self, stream: LineStream) -> None:
        self.log_stream: LineStream = stream

    def draw(self, numbers: Numbers, tally: Tally, pace: Pace) -> None:
        """Nothing to do."""


class PlainLines:
    """A line when the numbers moved, at most every ten seconds; a sign of life every minute."""

    interval: Final = 1.0

    def __init__(self, stream: LineStream, *, now: Callable[[], float]) -> None:
        self.log_stream: LineStream = stream
        self._now = now
        self._started_at = now()
        self._said_at = float("-inf")
        self._said: Numbers | None = None

    def draw(self, numbers: Numbers, tally: Tally, pace: Pace) -> None:
        """Say a line if one is due."""
        at = self._now()
        if at - self._said_at < PLAIN_EVERY * (QUIET_FACTOR if numbers == self._said else 1):
            return
        self._said, self._said_at = numbers, at
        parts = [*where_it_stands(numbers), *what_holds_it(numbers, tally, pace, at)]
        with contextlib.suppress(OSError, ValueError):  # the reader has gone: that ends no run
            self.log_stream.write(f"[{duration(at - self._started_at)}] {', '.join(parts)}\n")
            self.log_stream.flush()


class Bar:
    """A live bar of one or two lines, redrawn in place; log lines pass above it."""

    interval: Final = DRAW_EVERY

    def __init__(self, live: Live, *, now: Callable[[], float]) -> None:
        self._live = live
        self._now = now
        self._drawn: tuple[RenderableType, int] | None = None  # the last picture, and the width that it was made for
        self.log_stream: LineStream = _Above(live)

    def draw(self, numbers: Numbers, tally: Tally, pace: Pace) -> None:
        """Redraw."""
        at, width = self._now(), self._live.console.size.width
        picture = compose(numbers, what_holds_it(numbers, tally, pace, at), width=width)
        if self._drawn is not None and width < self._drawn[1]:
            self._wipe(*self._drawn, width)
        self._drawn = picture, width
        self._live.update(picture, refresh=True)

    def _wipe(self, picture: RenderableType, before: int, width: int) -> None:
        """The terminal was made narrower and has broken our lines in two: wipe what they have become.

        The cursor ends where the last line would be, for that is where the next drawing begins.
        """
        console = self._live.console
        lines = console.render_lines(picture, console.options.update(width=before), pad=False)
        rows = sum(max(1, -(-sum(segment.cell_length for segment in line) // width)) for line in lines)
        if rows > len(lines):
            down = f"\x1b[{len(lines) - 1}B" if len(lines) > 1 else ""
            console.file.write(f"\x1b[{rows - 1}A\r\x1b[J{down}")


def compose(numbers: Numbers, holds: list[str], *, width: int) -> RenderableType:
    """The picture in `width` columns: what does not fit is left out from the end, and nothing ever wraps."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    final = numbers.over + numbers.failed
    share = f"{100 * final // numbers.total if numbers.total else 0:>3} %"
    first = fit(where_it_stands(numbers), width - MIN_BAR - len(share) - 2)
    bar_width = min(MAX_BAR, width - len(first) - len(share) - 2)
    table = Table.grid(padding=(0, 1, 0, 0))
    columns: list[RenderableType] = []
    if bar_width >= MIN_BAR:
        columns.append(ProgressBar(total=max(numbers.total, 1), completed=final, width=bar_width))
    columns += [Text(share, no_wrap=True), Text(first, no_wrap=True, overflow="ellipsis")]
    table.add_row(*columns)
    second = fit(holds, width)
    if not second:
        return table
    both = Table.grid()
    both.add_row(table)
    both.add_row(Text(second, style="dim", no_wrap=True, overflow="ellipsis"))
    return both


def fit(parts: list[str], width: int) -> str:
    """As many of `parts` as fit in `width`; the first one always."""
    text = parts[0] if parts else ""
    for part in parts[1:]:
        if len(text) + len(SEPARATOR) + len(part) > width:
            break
        text += SEPARATOR + part
    return text


@contextlib.contextmanager
def _live_bar(console: Console, now: Callable[[], float]) -> Iterator[Bar]:
    from rich.console import Console as RichConsole
    from rich.live import Live

    rich_console = RichConsole(
        file=cast("IO[str]", _Forgiving(console.stderr)),  # it has all of a stream that rich asks for
        no_color=not console.shows_colour(console.stderr),
        highlight=False,
        legacy_windows=False,
    )
    # No thread of its own, nothing redirected: the run's loop draws, and log lines come through `log_stream`.
    live = Live(
        console=rich_console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
        transient=True,
        vertical_overflow="crop",
    )
    with live:
        yield Bar(live, now=now)


class _Forgiving:
    """A terminal's stream, which may go at any time: that ends no run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Above:
    """Lines written here appear above the live picture."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def write(self, text: str, /) -> int:
        from rich.text import Text

        self._live.console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        self._live.console.file.flush()
