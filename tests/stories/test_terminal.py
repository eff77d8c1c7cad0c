"""On a terminal: one question before anything is sent, a live bar while it goes on, one clear end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import signal
import termios
import time
from typing import TYPE_CHECKING

from tests.stories.referee import Leeway, judge
from tests.stories.stage import COMMAND, PATIENCE, Ran, Stage, environment, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

QUESTION = "Go on? [y/N]"


class Terminal:
    """A person at a terminal in front of the command."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.began = time.monotonic()
        self._master = master
        self._shown = bytearray()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self._master, 65_536)
        except OSError:  # the other end was closed
            piece = b""
        if not piece:
            asyncio.get_running_loop().remove_reader(self._master)
        self._shown += piece

    @property
    def text(self) -> str:
        """All that was shown, colours and all."""
        return self._shown.decode("utf-8", "replace")

    def types(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    async def ended(self) -> Ran:
        """Wait for the end."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
        await asyncio.sleep(0.05)  # what was written last may still be on its way
        return Ran(code=code, out=self.text, err="", seconds=time.monotonic() - self.began)


@contextlib.asynccontextmanager
async def seated(stage: Stage, *args: str, columns: int = 100) -> AsyncIterator[Terminal]:
    """Start the command on a terminal of its own, in a session of its own as a shell would."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (30, columns))
    environ = environment(stage.folder, {"TERM": "xterm-256color"})
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "run", "job.yaml", *args),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=stage.folder,
        env=environ,
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)


async def asked(terminal: Terminal) -> None:
    """Wait for the question."""
    await until(lambda: QUESTION in terminal.text)


async def test_no_is_no(tmp_path: Path) -> None:
    """It shows what it would do and asks once; `n` ends it with 2, and nothing was sent."""
    async with Stage.opened(tmp_path, 40) as stage, seated(stage) as terminal:
        await asked(terminal)
        assert stage.server.url in terminal.text
        assert "stop 40" in terminal.text
        assert not stage.arrivals("stop")
        terminal.types("n\n")
        ran = await terminal.ended()
        assert ran.code == 2
        assert ran.out.count(QUESTION) == 1
        assert "nothing was sent" in ran.out
        assert not stage.arrivals("stop")
        assert not (stage.out / "run.db").exists()


async def test_silence_is_no(tmp_path: Path) -> None:
    """An empty answer, or the end of the input, is no yes."""
    async with Stage.opened(tmp_path, 40) as stage:
        for keys in ("\n", "\x04"):
            async with seated(stage) as terminal:
                await asked(terminal)
                terminal.types(keys)
                assert (await terminal.ended()).code == 2
        assert not stage.arrivals("stop")


async def test_yes_runs_with_a_bar(tmp_path: Path) -> None:
    """`y` starts the run; a live bar is drawn and taken away, and the summary stays."""
    async with Stage.opened(tmp_path, 120, stop_seconds=1.5, refuse_once=0.05) as stage:
        async with seated(stage) as terminal:
            await asked(terminal)
            terminal.types("y\n")
            ran = await terminal.ended()
            assert ran.code == 0
            assert ran.out.count(QUESTION) == 1
            assert re.search(r"\d+(,\d+)?/120|0/120|of 120|120 ", ran.out)
            assert "\x1b[?25l" in ran.out, "a bar hides the cursor"
            assert ran.out.rindex("\x1b[?25h") > ran.out.rindex("\x1b[?25l"), "and gives it back"
            assert "All 120 tasks are over." in ran.out
            assert '{"timestamp"' not in ran.out
            assert "Traceback" not in ran.out
        assert stage.account().counted == {"stopped": 120}


async def test_yes_beforehand_is_not_asked(tmp_path: Path) -> None:
    """`--yes` asks nothing, and a narrow terminal breaks nothing."""
    async with Stage.opened(tmp_path, 60) as stage, seated(stage, "--yes", columns=24) as terminal:
        ran = await terminal.ended()
        assert ran.code == 0
        assert QUESTION not in ran.out
        assert "Traceback" not in ran.out


async def test_a_finished_run_is_not_asked_about(tmp_path: Path) -> None:
    """Where nothing would be sent there is nothing to confirm."""
    async with Stage.opened(tmp_path, 40) as stage:
        assert (await stage.run()).code == 0
        async with seated(stage) as terminal:
            ran = await terminal.ended()
            assert ran.code == 0
            assert QUESTION not in ran.out


async def test_ctrl_c_ends_with_one_clear_line(tmp_path: Path) -> None:
    """Ctrl-C drains, names the command that resumes, and leaves the terminal as it was."""
    async with Stage.opened(tmp_path, 120, stop_seconds=2) as stage:
        async with seated(stage, "--yes") as terminal:
            await until(lambda: stage.arrivals("stop"))
            terminal.process.send_signal(signal.SIGINT)  # what the terminal's driver does for Ctrl-C
            ran = await terminal.ended()
            assert ran.code == 75
            assert "orchestrator run job.yaml" in ran.out
            assert "Traceback" not in ran.out
            assert ran.out.rindex("\x1b[?25h") > ran.out.rindex("\x1b[?25l")
        async with seated(stage) as terminal:
            await asked(terminal)
            terminal.types("yes\n")
            assert (await terminal.ended()).code == 0
        ran = await stage.run()
        plan = Leeway(losses=True)  # the plan before the question looks, too, and belongs to no run yet
        assert judge(stage, ran, plan).counted == {"stopped": 120}
