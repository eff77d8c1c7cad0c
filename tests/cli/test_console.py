import io
import os
import subprocess
import sys
from pathlib import Path

from orchestrator.cli.console import Console, is_terminal
from tests.cli.streams import console_in_memory, text_of


class TestConsole:
    def test_a_person_can_be_asked_only_at_a_terminal(self) -> None:
        assert console_in_memory(terminal=True).can_ask
        assert not console_in_memory().can_ask

    def test_a_dumb_terminal_draws_nothing_and_shows_no_colour(self) -> None:
        dumb = console_in_memory(terminal=True, environ={"TERM": "dumb"})
        assert not dumb.can_draw
        assert not dumb.shows_colour(dumb.stdout)
        assert console_in_memory(terminal=True).can_draw

    def test_no_color_is_honoured(self) -> None:
        plain = console_in_memory(terminal=True, environ={"NO_COLOR": "1"})
        assert plain.can_draw
        assert not plain.shows_colour(plain.stderr)
        assert console_in_memory(terminal=True).shows_colour(plain.stderr)

    def test_a_closed_stream_is_no_terminal(self) -> None:
        stream = io.StringIO()
        stream.close()
        assert not is_terminal(stream)

    def test_tell_ends_its_line(self) -> None:
        console = console_in_memory()
        console.tell("one")
        console.tell("two\n")
        assert text_of(console.stderr) == "one\ntwo\n"

    def test_letters_that_a_terminal_lacks_are_escaped(self) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        Console(stdin=stream, stdout=stream, stderr=stream, environ={}).say("a…b\n")
        assert raw.getvalue() == b"a\\u2026b\n"

    def test_stdin_is_read_as_bytes_where_it_has_them(self) -> None:
        raw = io.BytesIO(b"a\n")
        stream = io.TextIOWrapper(raw)
        assert Console(stdin=stream, stdout=stream, stderr=stream, environ={}).stdin_bytes is raw
        assert console_in_memory(stdin="ä").stdin_bytes.read() == "ä".encode()

    def test_a_reader_that_has_gone_is_no_failure(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", closefd=False) as stream:
            console = Console(stdin=stream, stdout=stream, stderr=stream, environ={})
            console.say("nobody hears")
            console.say("still nobody")
        assert Path(os.devnull).samefile(f"/dev/fd/{writing}")  # what the interpreter flushes at its end goes there
        os.close(writing)

    def test_a_reader_in_memory_that_has_gone_is_none_either(self) -> None:
        tried: list[str] = []

        class Gone(io.StringIO):
            def write(self, text: str, /) -> int:
                tried.append(text)
                raise BrokenPipeError

        Console(stdin=Gone(), stdout=Gone(), stderr=Gone(), environ={}).say("nobody hears")
        assert tried == ["nobody hears"]

    def test_a_command_whose_reader_has_gone_is_quiet(self) -> None:
        process = subprocess.run(  # noqa: S603 - our own command
            ["sh", "-c", f"{sys.executable} -m orchestrator schema | true"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
        assert process.stderr == ""
