"""A stage for stories: a simulated service in this process, and the real command in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Self

    from orchestrator.simulator.books import Arrival, Books

COMMAND = str(Path(sys.executable).with_name("orchestrator"))
PROJECT = "0123456789abcdef0123456789abcdef"
PATIENCE = 40.0  # seconds that any one command may take here
GLANCE = 0.001  # seconds between two looks of `until`

QUICK: dict[str, Any] = {"stop_seconds": {"median": 0.3, "sigma": 0.4}, "states": {"MIGRATING": 1}}


def make_ids(count: int, seed: int = 0) -> list[str]:
    """Ids in both forms that the service gives out, by turns."""
    random = Random(f"ids {seed}")
    drawn = [UUID(int=random.getrandbits(128), version=4) for _ in range(count)]
    return [str(uuid) if place % 2 else uuid.hex for place, uuid in enumerate(drawn)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def events(self) -> list[dict[str, Any]]:
        """The log lines."""
        return [json.loads(line) for line in self.err.splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one name."""
        return [line for line in self.events if line["event"] == event]

    @property
    def problems(self) -> str:
        """What the command complains of when it ends without an account."""
        return "\n".join(line["problem"] for line in self.named("run.failed"))


class Account:
    """What stands in the output directory."""

    def __init__(self, folder: Path) -> None:
        self.summary: dict[str, Any] = json.loads((folder / "summary.json").read_text("utf-8"))
        with (folder / "tasks.csv").open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            self.rows = list(reader)
            self.header = list(reader.fieldnames or ())
        self.outcomes = {row["task_id"]: row["outcome"] for row in self.rows}

    @property
    def counted(self) -> dict[str, int]:
        """The outcomes that occur."""
        found: dict[str, int] = self.summary["counts"]["outcomes"]
        return {name: number for name, number in found.items() if number}


@dataclass(slots=True)
class Running:
    """A command under way."""

    process: asyncio.subprocess.Process
    began: float
    err: list[bytes] = field(default_factory=list)
    out: list[bytes] = field(default_factory=list)
    readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def ended(self) -> Ran:
        """Wait for the end. A command that does not end is killed, and fails the story."""
        try:
            async with asyncio.timeout(PATIENCE):
                code = await self.process.wait()
                await asyncio.gather(*self.readers)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError(f"still running after {PATIENCE} s:\n{b''.join(self.err).decode()}") from None
        return Ran(
            code=code,
            out=b"".join(self.out).decode(),
            err=b"".join(self.err).decode(),
            seconds=time.monotonic() - self.began,
        )

    def says(self, event: str) -> bool:
        """Whether a log line of this name was written by now."""
        return f'"event": "{event}"'.encode() in b"".join(self.err)


class Stage:
    """One service, one folder with a job in it."""

    def __init__(self, folder: Path, server: SimulatorServer, ids: Sequence[str]) -> None:
        self.folder = folder
        self.server = server
        self.ids = list(ids)  # unique, in input order
        self.out = folder / "out"
        self.job: dict[str, Any] = {
            "version": 1,
            "name": "story",
            "service": {"endpoint": server.url, "project_id": PROJECT, "credentials": "none"},
            "tasks": {"file": "ids.txt"},
            "poll": {"first_after": "100ms", "interval": "200ms", "reissue_after": "1s"},
            "retry": {"base_backoff": "50ms", "max_backoff": "400ms"},
            "output": {"dir": "out"},
        }
        self.write_ids("".join(f"{item}\n" for item in ids))
        self.set()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, folder: Path, ids: Sequence[str] | int = 120, **traits: Any) -> AsyncIterator[Self]:
        """Serve a service like `traits` that knows these tasks (or so many), for the block."""
        named = make_ids(ids, traits.get("seed", 0)) if isinstance(ids, int) else list(ids)
        async with SimulatorServer(SimulatorOptions.from_mapping({**QUICK, **traits}), named) as server:
            yield cls(folder, server, named)

    def set(self, **sections: Mapping[str, Any] | str) -> None:
        """Write the job file with these keys changed."""
        for name, section in sections.items():
            if isinstance(section, str):
                self.job[name] = section
            else:
                self.job[name] = {**self.job.get(name, {}), **section}
        (self.folder / "job.yaml").write_text(json.dumps(self.job, indent=1), "utf-8")  # JSON is YAML

    def write_ids(self, text: str, name: str = "ids.txt") -> None:
        """Write an id list as it is, byte for byte."""
        (self.folder / name).write_bytes(text.encode())

    async def start(
        self,
        *args: str,
        verb: Sequence[str] = ("run", "job.yaml"),
        environ: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        command: Sequence[str] = (COMMAND,),
        prepare: Callable[[], None] | None = None,
    ) -> Running:
        """Start the command away from any terminal."""
        process = await asyncio.create_subprocess_exec(
            *command,
            *verb,
            *args,
            cwd=self.folder,
            env=environment(self.folder, environ or {}),
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=prepare,
        )
        running = Running(process, time.monotonic())
        for stream, kept in ((process.stdout, running.out), (process.stderr, running.err)):
            if stream is not None:
                running.readers.append(asyncio.create_task(_keep(stream, kept)))
        if process.stdin is not None:
            process.stdin.write(stdin or b"")
            process.stdin.close()
        return running

    async def run(self, *args: str, **plain: Any) -> Ran:
        """Run the command to its end; whatever comes, it has manners."""
        ran = await (await self.start(*args, **plain)).ended()
        check_manners(ran)
        return ran

    @property
    def books(self) -> Books:
        """The service's own truth."""
        return self.server.service.books

    def arrivals(self, *apis: str) -> list[Arrival]:
        """The requests that came in, of these APIs or of all."""
        return [arrival for arrival in self.books.arrivals if not apis or arrival.api in apis]

    def account(self) -> Account:
        """The account that stands now."""
        return Account(self.out)

    def files(self) -> dict[str, bytes]:
        """The account's files, byte for byte."""
        names = ("summary.json", "tasks.csv", "report.html")
        return {name: (self.out / name).read_bytes() for name in names if (self.out / name).exists()}


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """A small environment of its own, in which a warning is an error, and in which no certificate is trusted.

    `aiohttp` reads the system's whenever it is imported, for a tenth of the time that a short command takes.
    """
    passed = {key: value for key, value in os.environ.items() if key in {"PATH", "PYTHONPATH"} or key.startswith("COV")}
    own = {"HOME": str(home), "LANG": "C.UTF-8", "PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**passed, **own, "SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull, **more}


def check_manners(ran: Ran) -> None:
    """Results on stdout, JSON lines on stderr, and never a traceback."""
    assert "Traceback" not in ran.out + ran.err, ran.err
    for line in ran.events:
        assert {"timestamp", "level", "event"} <= set(line), line
    assert not (set(ran.out) & {"\x1b", "\r"}), ran.out


async def until(condition: Callable[[], object], *, patience: float = 20.0) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110  # it looks at another process: nobody sets an event
            await asyncio.sleep(GLANCE)


async def _keep(stream: asyncio.StreamReader, kept: list[bytes]) -> None:
    while piece := await stream.read(65_536):
        kept.append(piece)
