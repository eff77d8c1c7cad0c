"""A stage for the verbs: a simulated service on a real socket, and the real command line in this very process."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
from typing import TYPE_CHECKING, Any, Self

from orchestrator.cli.main import main
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.server import SimulatorServer
from tests.cli.streams import Result, Teletype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from orchestrator.simulator.books import Books

PROJECT = "0123456789abcdef0123456789abcdef"
QUICK: dict[str, Any] = {"stop_seconds": 0.1, "restart_seconds": 0.1, "states": {"INCRMIGEATING": 1}}


class Stage:
    """One service, one folder with a job in it."""

    def __init__(self, folder: Path, server: SimulatorServer) -> None:
        self.folder = folder
        self.server = server
        self.ids = list(server.service.ids)
        self.out = folder / "out"
        self.job: dict[str, Any] = {
            "version": 1,
            "name": "story",
            "service": {"endpoint": server.url, "project_id": PROJECT, "credentials": "none"},
            "tasks": {"file": "ids.txt"},
            "poll": {"first_after": "50ms", "interval": "100ms"},
            "retry": {"base_backoff": "20ms", "max_backoff": "100ms", "attempts": 3},
            "output": {"dir": str(self.out), "formats": ["json", "csv"]},  # drawing the page takes its time
        }
        (folder / "ids.txt").write_text("".join(f"{item}\n" for item in self.ids))
        self.write()

    @property
    def path(self) -> str:
        """The job file."""
        return str(self.folder / "job.yaml")

    @property
    def books(self) -> Books:
        """The service's own truth."""
        return self.server.service.books

    def write(self, **sections: Any) -> None:
        """Write the job file, with these sections replaced."""
        self.job |= sections
        (self.folder / "job.yaml").write_text(json.dumps(self.job, indent=1))

    def requests(self, *apis: str) -> int:
        """How many came in so far."""
        return sum(1 for arrival in self.books.arrivals if not apis or arrival.api in apis)

    def call(self, *argv: str, environ: Mapping[str, str] | None = None) -> Result:
        """Run a command away from any terminal. It never shows a traceback."""
        out, err = io.StringIO(), io.StringIO()
        code = main(argv, environ=environ or {}, stdin=io.StringIO(), stdout=out, stderr=err)
        assert "Traceback" not in err.getvalue()
        return Result(code, out.getvalue(), err.getvalue())

    def at_terminal(self, *argv: str, keys: str) -> Result:
        """Run a command at a terminal whose user types `keys`."""
        out, err = io.StringIO(), Teletype()
        environ = {"TERM": "dumb"}  # nothing is redrawn
        code = main(argv, environ=environ, stdin=_Keyboard(keys), stdout=out, stderr=err)
        return Result(code, out.getvalue(), err.getvalue())

    def plan(self, *argv: str) -> dict[str, Any]:
        """The plan, as programs get it."""
        result = self.call("plan", self.path, "--json", *argv)
        assert result.code == 0, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found


class _Keyboard(io.TextIOWrapper):
    """A terminal's input; unlike a stream in memory it has bytes beneath."""

    def __init__(self, keys: str) -> None:
        super().__init__(io.BytesIO(keys.encode()), encoding="utf-8")

    def isatty(self) -> bool:
        return True


class _Serving:
    """The service, on a loop and a thread of its own: the command line runs its own loop."""

    def __init__(self, options: SimulatorOptions, ids: Sequence[str] | None) -> None:
        self.server = SimulatorServer(options, ids)
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self.server:
            self._ready.set()
            await self._over.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)


@contextlib.contextmanager
def opened(folder: Path, ids: Sequence[str] | None = None, **traits: Any) -> Iterator[Stage]:
    """Serve a service like `traits` for the block."""
    with _Serving(SimulatorOptions.from_mapping({**QUICK, **traits}), ids) as serving:
        yield Stage(folder, serving.server)
