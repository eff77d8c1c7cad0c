"""One measurement: a fresh service, one peer, and what the operating system and the service's books say of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.cases import Case
    from tests.benchmarks.peers import Peer

ROOT = Path(__file__).parents[2]
PROJECT = "0123456789abcdef0123456789abcdef"
THROTTLED = "429"
_KILOBYTE = 1 if sys.platform == "darwin" else 1024  # ru_maxrss counts in bytes there, in KiB elsewhere
_TAIL = 2000


class BenchmarkError(Exception):
    """A peer did not do its work: its figures would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one peer needed for one case. Seconds are counted from the start of its process."""

    peer: str
    tasks: int
    cpu_seconds: float
    """User and system time of its process."""
    system_seconds: float
    """The part of it that the kernel took: sockets, and for who keeps a record, the disk."""
    peak_bytes: int
    requests: Mapping[str, int]
    """By API, throttled ones included."""
    throttled: Mapping[str, int]
    """By API."""
    submit_seconds: float
    """From the first to the last accepted stop request."""
    last_end_seconds: float
    """When the last task was down, by the service's books."""
    last_request_seconds: float
    """When the last request arrived."""
    report_seconds: float
    """When the account was there and the process gone."""
    longest_stop_seconds: float
    most_in_flight: int
    service_cpu_seconds: float
    record_bytes: int | None
    load: float
    """The machine's load average (1 minute) before the start."""

    @property
    def micros(self) -> float:
        """Microseconds of CPU a task."""
        return self.cpu_seconds / self.tasks * 1e6

    @property
    def lag_seconds(self) -> float:
        """From the last task's end to the report."""
        return self.report_seconds - self.last_end_seconds

    @property
    def total_requests(self) -> int:
        """Of all APIs."""
        return sum(self.requests.values())

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"us_per_task": self.micros, "lag_seconds": self.lag_seconds}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """How a peer's process went."""

    output: str
    began: float
    ended: float
    cpu_seconds: float
    system_seconds: float
    peak_bytes: int


def measure(peer: Peer, case: Case, *, workers: int, limit: float, keep: Path | None = None) -> Measured:
    """Put `peer` through `case` once.

    Args:
        peer: Who.
        case: What.
        workers: Requests in flight at most.
        limit: Seconds after which it is ended.
        keep: A folder for what it writes; None: it is removed.

    Raises:
        BenchmarkError: The peer failed, took too long, or its account or the service's books say that not every
            task was stopped.

    """
    with _folder(keep, f"{case.name}-{peer.name}") as work:
        ids = work / "ids.txt"
        with _service(case, ids, work) as (url, ask):
            load = os.getloadavg()[0]
            command = peer.command(
                endpoint=url, project=PROJECT, ids=ids, work=work, interval=case.interval, workers=workers
            )
            run = _run(command, _environment(peer.environment()), work, limit)
            books = ask()
        told = peer.outcomes(work, run.output)
        if told != {"TERMINATED": case.tasks} or books["terminated"] != case.tasks:
            raise BenchmarkError(
                f"{peer.name} in {case.name}: it says {dict(told)}, the service says "
                f"{books['terminated']} of {case.tasks} are down; see {work}"
            )
        answers: dict[str, dict[str, int]] = books["answers"]
        return Measured(
            peer=peer.name,
            tasks=case.tasks,
            cpu_seconds=run.cpu_seconds,
            system_seconds=run.system_seconds,
            peak_bytes=run.peak_bytes,
            requests={api: sum(by_status.values()) for api, by_status in answers.items()},
            throttled={api: by_status.get(THROTTLED, 0) for api, by_status in answers.items()},
            submit_seconds=books["last_stop"] - books["first_stop"],
            last_end_seconds=books["last_end"] - run.began,
            last_request_seconds=books["last_request"] - run.began,
            report_seconds=run.ended - run.began,
            longest_stop_seconds=books["longest_stop"],
            most_in_flight=books["most_in_flight"],
            service_cpu_seconds=books["cpu_seconds"],
            record_bytes=peer.record_bytes(work),
            load=load,
        )


@contextlib.contextmanager
def _folder(keep: Path | None, name: str) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as path:
            yield Path(path)
        return
    folder = keep.resolve() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder


@contextlib.contextmanager
def _service(case: Case, ids: Path, work: Path) -> Iterator[tuple[str, Any]]:
    """Run the service for the block; gives its address, and a function that asks for its books."""
    command = [sys.executable, "-m", "tests.benchmarks.service", json.dumps(case.simulator()), str(ids)]
    with (
        (work / "service.err").open("wb") as errors,
        subprocess.Popen(  # noqa: S603  ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=_environment({}),
        ) as process,
    ):
        try:
            yield _answer(process, work)["url"], lambda: _ask(process, work)
        finally:
            if process.stdin is not None:  # pragma: no branch  it is a pipe
                process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _ask(process: subprocess.Popen[str], work: Path) -> dict[str, Any]:
    stdin: IO[str] | None = process.stdin
    if stdin is not None:  # pragma: no branch  it is a pipe
        stdin.write("books\n")
        stdin.flush()
    return _answer(process, work)


def _answer(process: subprocess.Popen[str], work: Path) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise BenchmarkError(f"the service did not start or died:\n{_tail(work / 'service.err')}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _run(command: list[str], environment: Mapping[str, str], work: Path, limit: float) -> _Run:
    with (work / "stdout").open("wb") as output, (work / "stderr").open("wb") as errors:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603  from the table of peers
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=ROOT, env=environment
        )
        timer = threading.Timer(limit, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)  # the usage of this one child, which `wait` would not give
            ended = time.monotonic()
            was_running = timer.is_alive()
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            if process.returncode is None:  # we were interrupted: nobody is left behind
                process.kill()
                process.wait()
    if process.returncode:
        why = f"ended with {process.returncode}" if was_running else f"took more than {limit:g} s"
        raise BenchmarkError(f"{' '.join(command[1:4])} {why}:\n{_tail(work / 'stderr')}")
    return _Run(
        output=(work / "stdout").read_text(),
        began=began,
        ended=ended,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        system_seconds=usage.ru_stime,
        peak_bytes=usage.ru_maxrss * _KILOBYTE,
    )


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Every process gets a home of its own (the vendor's SDK writes there), and compiled modules to start from."""
    shared = Path(tempfile.gettempdir()) / f"benchmark-shared-{os.getuid()}"
    shared.mkdir(exist_ok=True)
    dropped = {"PYTHONDONTWRITEBYTECODE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in dropped}
    kept = {name: value for name, value in kept.items() if not name.startswith(("ORCHESTRATOR_", "HUAWEICLOUD_"))}
    return kept | {"HOME": str(shared), "PYTHONPYCACHEPREFIX": str(shared / "pycache")} | dict(more)


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-_TAIL:]
