"""`orchestrator simulate`: serves the stand-in of the service on loopback until a signal comes."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.simulator.options import SimulatorOptions

HOST: Final = "127.0.0.1"  # a stand-in is nobody else's business
ANY_PROJECT: Final = "0123456789abcdef0123456789abcdef"  # the stand-in serves every well-formed one
CREDENTIALS: Final = {"none": "none", "signature": "env", "token": "token"}
ADDRESS_ERRORS: Final = {
    errno.EADDRINUSE: "the port is taken: choose another, or 0 for any free one",
    errno.EACCES: "this port needs privileges: choose one from 1024 on",
}


def simulate(settings: Settings, console: Console) -> int:
    """Serve until SIGINT or SIGTERM; raises `InputError` for bad options or a port that cannot be had."""
    import anyio

    from orchestrator.simulator.population import make_ids

    options = read_options(settings)
    ids = make_ids(options.seed, "ids", options.tasks)
    if settings.ids is not None:
        _write_ids(settings.ids, ids)
    try:
        anyio.run(_serve, options, ids, settings, console)
    except OSError as error:
        remedy = ADDRESS_ERRORS.get(error.errno or 0, error.strerror or str(error))
        raise InputError(f"cannot listen on {HOST}:{settings.port}: {remedy}") from error
    return 0


def read_options(settings: Settings) -> SimulatorOptions:
    """The simulator's options: `--set` first, then `--tasks` and `--seed`, which say the same more shortly."""
    from orchestrator.simulator.options import SimulatorOptions

    mapping: dict[str, Any] = {}
    for assignment in settings.traits:
        _assign(mapping, assignment)
    if settings.tasks is not None:
        mapping["tasks"] = settings.tasks
    if settings.seed is not None:
        mapping["seed"] = settings.seed
    try:
        return SimulatorOptions.from_mapping(mapping)
    except ValueError as error:
        raise InputError(str(error)) from error


def describe_job(url: str, options: SimulatorOptions, ids: Path | None) -> str:
    """A job file that uses the stand-in at `url`."""
    return (
        "version: 1\n"
        "name: practice\n"
        "operation: stop\n"
        "service:\n"
        f"  endpoint: {url}\n"
        f"  project_id: {options.project_id or ANY_PROJECT}\n"
        f"  credentials: {CREDENTIALS[options.auth]}\n"
        "tasks:\n"
        f"  file: {ids if ids is not None else 'ids.txt'}\n"
    )


async def _serve(options: SimulatorOptions, ids: Sequence[str], settings: Settings, console: Console) -> None:
    import anyio

    from orchestrator.cli.signals import signals_handled
    from orchestrator.simulator.server import serve

    def announce(url: str) -> None:
        console.say(f"# {len(ids):,} tasks at {url}; a job file for it:\n{describe_job(url, options, settings.ids)}")
        if settings.ids is None:
            console.tell("hint: --ids ids.txt writes the ids of its tasks to a file")
        console.tell(f"serving at {url} until Ctrl-C or SIGTERM")

    with anyio.CancelScope() as scope, signals_handled(drain=lambda _: scope.cancel(), abort=scope.cancel):
        await serve(options, ids=ids, host=HOST, port=settings.port, announce=announce)


def _assign(mapping: dict[str, Any], assignment: str) -> None:
    """Put one `key.path=value` into `mapping`, the value read as YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path, _, text = assignment.partition("=")
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise InputError(f"--set {path}: {text!r} is not YAML: put quotes around the whole assignment") from error
    *parents, last = path.strip().split(".")
    for parent in parents:
        inner = mapping.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise InputError(f"--set {path}: {parent} was set to {inner!r} before, which has no parts")
        mapping = inner
    mapping[last] = value


def _write_ids(path: Path, ids: Sequence[str]) -> None:
    from orchestrator.report.files import write_atomically

    write_atomically(path, lambda stream: stream.writelines(f"{task_id}\n" for task_id in ids))
