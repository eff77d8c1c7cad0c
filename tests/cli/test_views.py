from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import anyio
import pytest
from rich.console import Console as RichConsole

from orchestrator.cli import views
from orchestrator.cli.console import Console
from orchestrator.cli.progress import Numbers, Pace, Tally
from orchestrator.cli.views import Bar, PlainLines, Silence, compose, fit, keep_drawing, open_view
from orchestrator.engine.model import Phase
from tests.cli.streams import console_in_memory, terminal, text_of
from tests.effort import lines_run

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = Numbers(total=5_000, over=3_100, waiting=1_200, failed=4, to_send=696)


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Gauge:
    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        self._after = after

    def numbers(self) -> Numbers:
        self._after()
        return NUMBERS


def tally() -> Tally:
    return Tally(lambda _: Phase.ALIEN)


class TestChoice:
    @pytest.mark.parametrize(
        ("kind", "at_terminal", "view"),
        [
            ("auto", True, Bar),
            ("auto", False, Silence),
            ("bar", True, Bar),
            ("bar", False, PlainLines),
            ("plain", True, PlainLines),
            ("plain", False, PlainLines),
            ("none", True, Silence),
            ("none", False, Silence),
        ],
    )
    def test_a_bar_needs_a_terminal(self, kind: str, at_terminal: bool, view: type) -> None:  # noqa: FBT001
        with open_view(kind, console_in_memory(terminal=at_terminal)) as opened:
            assert type(opened) is view

    def test_silence_shows_nothing_and_passes_log_lines_on(self) -> None:
        console = console_in_memory()
        with open_view("none", console) as view:
            view.draw(NUMBERS, tally(), Pace())
            view.log_stream.write("a line\n")
        assert text_of(console.stderr) == "a line\n"


class TestPlain:
    def test_says_a_line_every_ten_seconds_and_every_minute_while_nothing_moves(self) -> None:
        clock, console = Clock(), console_in_memory()
        with open_view("plain", console, now=clock) as view:
            for _ in range(121):
                view.draw(NUMBERS, tally(), Pace())
                clock.at += 1
            still = text_of(console.stderr).splitlines()
            for moved in range(1, 41):
                view.draw(Numbers(total=99, over=moved, waiting=0, failed=0, to_send=0), tally(), Pace())
                clock.at += 1
        assert still == [
            f"[{since}] 3,100 of 5,000 over, 1,200 waiting, 4 failed, 696 to send"
            for since in ("0.0 s", "1 min 00 s", "2 min 00 s")
        ]
        assert len(text_of(console.stderr).splitlines()) == 3 + 4

    def test_a_clock_that_is_set_back_does_not_silence_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ticks = iter((0.0, 0.0, 11.0))  # seconds; made, drawn and drawn again
        monkeypatch.setattr(views, "steady", lambda: lambda: next(ticks))
        console = console_in_memory()
        with open_view("plain", console) as view:
            for over in (1, 2):
                view.draw(Numbers(total=9, over=over, waiting=0, failed=0, to_send=0), tally(), Pace())
        assert len(text_of(console.stderr).splitlines()) == 2

    def test_a_reader_that_has_gone_ends_nothing(self) -> None:
        tried: list[str] = []

        class Gone(io.StringIO):
            def write(self, text: str, /) -> int:
                tried.append(text)
                raise BrokenPipeError

        PlainLines(Gone(), now=Clock()).draw(NUMBERS, tally(), Pace())
        assert len(tried) == 1


class TestComposition:
    @pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
    def test_never_takes_more_than_two_lines_of_any_width(self, width: int) -> None:
        stream = io.StringIO()
        holds = ["12.3/s", "stop quota (20 in 5 s) opens in 3.0 s", "about 2 min 00 s left at this pace"]
        RichConsole(file=stream, width=width).print(compose(NUMBERS, holds, width=width))
        lines = stream.getvalue().splitlines()
        assert len(lines) <= 2
        assert max(map(len, lines)) <= width
        assert "62 %" in lines[0]
        assert lines[1].startswith("12.3/s")

    def test_a_wide_terminal_shows_all(self) -> None:
        stream = io.StringIO()
        RichConsole(file=stream, width=120).print(compose(NUMBERS, [], width=120))
        assert stream.getvalue().rstrip().endswith("62 % 3,100 of 5,000 over · 1,200 waiting · 4 failed · 696 to send")
        assert "━" in stream.getvalue()

    def test_nothing_to_do_is_no_division_by_zero(self) -> None:
        assert compose(Numbers(total=0, over=0, waiting=0, failed=0, to_send=0), [], width=80)

    def test_fitting_keeps_the_first_part_whatever_the_width(self) -> None:
        assert fit(["first", "second"], 3) == "first"
        assert fit(["first", "second"], 14) == "first · second"
        assert fit([], 3) == ""


class TestBar:
    def test_redraws_in_place_and_lets_log_lines_pass_above(self) -> None:
        with terminal() as far, os.fdopen(far.slave, "w", closefd=False) as stderr:
            console = Console(stdin=stderr, stdout=stderr, stderr=stderr, environ={"TERM": "xterm"})
            with open_view("bar", console) as view:
                view.draw(NUMBERS, tally(), Pace())
                view.log_stream.write("\x1b[32mquota.learned\x1b[0m api=stop\n")
                view.log_stream.flush()
                view.draw(NUMBERS, tally(), Pace())
            shown = far.rest()
        assert shown.count("quota.learned") == 1
        assert shown.count("3,100 of 5,000 over") >= 2
        assert shown.index("quota.learned") < shown.rindex("3,100 of 5,000 over")
        assert "\x1b[?25h" in shown  # the cursor is back

    def test_a_terminal_that_has_gone_ends_nothing(self) -> None:
        class Gone(io.StringIO):
            gone = False
            refused = 0

            def isatty(self) -> bool:
                return True

            def write(self, text: str, /) -> int:
                if self.gone:
                    self.refused += 1
                    raise OSError(5, "Input/output error")
                return super().write(text)

        stderr = Gone()
        console = Console(stdin=stderr, stdout=stderr, stderr=stderr, environ={"TERM": "xterm"})
        with open_view("bar", console) as view:
            stderr.gone = True
            view.draw(NUMBERS, tally(), Pace())
            view.log_stream.write("nobody hears\n")
        assert stderr.refused

    def test_drawing_costs_next_to_nothing(self) -> None:
        """Two percent of a processor that runs ten million lines of Python a second."""
        console = console_in_memory(terminal=True, environ={"TERM": "xterm"})
        with open_view("bar", console) as view:
            assert view.interval is not None
            view.draw(NUMBERS, tally(), Pace())  # imports and caches
            work = lines_run(lambda: view.draw(NUMBERS, tally(), Pace()))
            assert work / view.interval < 0.02 * 10_000_000


class TestKeepDrawing:
    async def test_ends_at_once_for_a_view_that_draws_nothing(self) -> None:
        console = console_in_memory()
        with open_view("none", console) as view, anyio.fail_after(5):
            await keep_drawing(view, Gauge(), tally())
        assert text_of(console.stderr) == ""

    async def test_draws_until_cancelled(self) -> None:
        console = console_in_memory()
        with anyio.CancelScope() as scope, open_view("plain", console) as view:
            await keep_drawing(view, Gauge(after=scope.cancel), tally())
        assert text_of(console.stderr).startswith("[0.0 s] 3,100 of 5,000 over")
