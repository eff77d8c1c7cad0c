"""A job file and the options of the command line in, a checked job out, or everything that is wrong with it."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from pydantic import ValidationError

from orchestrator.engine.idfile import STDIN, show
from orchestrator.errors import InputError
from orchestrator.job.checks import contradictions
from orchestrator.job.overrides import apply_overrides
from orchestrator.job.problems import Problems, dotted, find, translate
from orchestrator.job.reader import MAX_BYTES, Node, YamlError, read_yaml
from orchestrator.job.spec import SECTIONS, JobSpec, Shard
from orchestrator.job.values import EnvText
from orchestrator.job.variables import fill, find_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orchestrator.job.spec import Place

INDEX_VARIABLE: Final = "JOB_COMPLETION_INDEX"
COUNT_VARIABLE: Final = "ORCHESTRATOR_SHARD_COUNT"

_LISTED: Final = 20  # inline ids that the record's copy of the job repeats
_STDIN_FILES: Final = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def load_job(path: Path, *, overrides: Sequence[str] = (), environ: Mapping[str, str]) -> JobSpec:
    """Read the job file at `path`, lay `overrides` over it (`key.path=value`), replace variables, check everything.

    `tasks.file` and `service.ca_file` come out relative to the current directory; an `auto` shard comes out as the
    share that `environ` names, or as `none`.

    Raises:
        InputError: With all problems at once, each with file and line (or the option it came from) and the remedy.

    """
    problems = Problems()
    try:
        root = _read(path)
    except YamlError as error:
        for problem in error.problems:
            problems.tell(problem, number=0)
        apply_overrides(Node({}, str(path), 1), overrides, problems)
        raise problems.error() from error
    apply_overrides(root, overrides, problems)
    if not isinstance(root.value, dict):
        problems.add(root, (), _shapeless(root))
        raise problems.error()
    find_secrets(root, problems)
    fill(root, environ, problems)
    spec = check(root, problems)
    spec = _settle(spec, root, path, environ, problems)
    if problems:
        raise problems.error()
    return spec


def resolved(spec: JobSpec) -> dict[str, Any]:
    """The job as plain JSON values, for the record: without secrets, and with long lists of ids cut short."""
    job: dict[str, Any] = spec.model_dump(mode="json")
    for key in ("ids", "exclude"):
        ids = job["tasks"][key]
        if len(ids) > _LISTED:
            job["tasks"][key] = [*ids[:_LISTED], f"… and {len(ids) - _LISTED:,} more"]
    if job["service"]["proxy"] is not None:
        job["service"]["proxy"] = _without_user(job["service"]["proxy"])
    return job


def _shapeless(root: Node) -> str:
    if root.value is None:
        return "the file is empty; `orchestrator init` writes one to start from"
    return "a job file is keys and values (version: 1 …), not a list or a single value"


def _read(path: Path) -> Node:
    """The file's tree. Raises `YamlError`, or `InputError` where there is not even text."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{name}: cannot be read: {reason}; check the path, or write one with `orchestrator init`"
        ) from error
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name}: larger than {MAX_BYTES >> 20} MiB; move the ids into a file of their own, tasks.file"
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{name}: this is UTF-16 text; save it as UTF-8")
    try:
        return read_yaml(data.decode("utf-8-sig"), name=name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}:{line}: a byte here is not UTF-8; save the file as UTF-8") from error


def check(root: Node, problems: Problems) -> JobSpec:
    """The job, with defaults in place of what is wrong: so that the rest can be checked as well."""
    data = _plain(root)
    for key in [key for (key, *_) in filter(None, SECTIONS) if data.get(key, ...) is None and key != "shard"]:
        data[key] = {}  # a section whose keys are all commented out
    try:
        spec = JobSpec.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            node, path = find(root, detail["loc"])
            if not problems.covers(path):
                # The message about an unknown key names it; it is told under its section.
                told = path[:-1] if detail["type"] == "extra_forbidden" else path
                problems.add(node, path, translate(detail, node, path), told=told)
            _prune(data, path)
        spec = JobSpec.model_validate(data)
    for complaint in contradictions(spec):
        if not any(map(problems.covers, (complaint.path, *complaint.beside))):
            node, _ = find(root, complaint.path)
            problems.add(node, complaint.path, complaint.message)
    return spec


def _prune(data: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """Leave out what is wrong, or the nearest thing around it that has a default."""
    first, *rest = path
    section = data.get(str(first))
    if first == "version":
        data["version"] = 1
    elif rest and first != "shard" and isinstance(section, dict):
        section.pop(str(rest[0]), None)
    else:
        data.pop(str(first), None)


def _plain(node: Node) -> Any:
    match node.value:
        case dict(entries):
            return {key: _plain(child) for key, child in entries.items()}
        case list(items):
            return [_plain(child) for child in items]
        case str(text) if node.filled:
            return EnvText(text)
        case value:
            return value


def _settle(spec: JobSpec, root: Node, path: Path, environ: Mapping[str, str], problems: Problems) -> JobSpec:
    """Paths, name and shard as they are on this machine."""
    tasks, service, output = spec.tasks, spec.service, spec.output
    if tasks.file is not None and str(tasks.file) == STDIN and str(path) in _STDIN_FILES:
        node, place = find(root, ("tasks", "file"))
        problems.add(node, place, "standard input is the job file already; put the ids into a file")
    tasks = tasks.model_copy(update={"file": _near(path, root, ("tasks", "file"), tasks.file)})
    service = service.model_copy(update={"ca_file": _near(path, root, ("service", "ca_file"), service.ca_file)})
    shard = spec.shard
    if shard == "auto":
        shard = _cluster_shard(environ, problems) or "none"
        if isinstance(shard, Shard):
            output = output.model_copy(update={"dir": output.dir / f"shard-{shard.index}"})
    update = {"tasks": tasks, "service": service, "output": output, "shard": shard, "name": spec.name or _name(path)}
    spec = spec.model_copy(update=update)
    spec.remember({key: _places(root, key) for key in ("ids", "exclude")})
    return spec


def _near(job_file: Path, root: Node, place: tuple[str, str], path: Path | None) -> Path | None:
    """A path of the job file is relative to it; one of the command line, to the current directory."""
    node, _ = find(root, place)
    return path if path is None or str(path) == STDIN or not node.line else job_file.parent / path


def _name(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem)[:63].lstrip("._-")
    return name or "job"


def _cluster_shard(environ: Mapping[str, str], problems: Problems) -> Shard | None:
    """The share that the cluster gave to this pod, if both variables are there."""
    index, count = environ.get(INDEX_VARIABLE), environ.get(COUNT_VARIABLE)
    if not index or not count:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", index) or not re.fullmatch(r"[0-9]{1,9}", count) or int(index) >= int(count):
        problems.tell(
            f"{INDEX_VARIABLE}={show(index)}, {COUNT_VARIABLE}={show(count)}: not a share; the index runs from 0 to "
            "the count less one. Mend the cluster's job, or write shard: none"
        )
        return None
    return Shard(index=int(index), count=int(count))


def _places(root: Node, key: str) -> Place:
    """What to call the n-th entry of a list under `tasks`."""

    def place(position: int) -> str:
        node, path = find(root, ("tasks", key, position))
        return f"{node.origin}: {dotted(path)}"

    return place


def _without_user(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "…"
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=f"…@{parts.netloc.rpartition('@')[2]}"))
