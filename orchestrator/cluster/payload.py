"""The files that a job needs, as the cluster carries them, and the overrides that tell the program where they are."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from orchestrator.engine.idfile import STDIN
from orchestrator.errors import InputError

if TYPE_CHECKING:
    from orchestrator.job.spec import JobSpec

JOB_DIR: Final = PurePosixPath("/etc/orchestrator/job")
IDS_DIR: Final = PurePosixPath("/etc/orchestrator/ids")
JOB_FILE: Final = "job.yaml"
CA_FILE: Final = "ca.pem"
MAX_CARRIED: Final = 900_000  # bytes; the cluster refuses a ConfigMap above 1 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The content of the ConfigMap, the assignments for the job file, and the list that is too long to be carried."""

    texts: dict[str, str] = field(default_factory=dict)
    binaries: dict[str, str] = field(default_factory=dict)  # base64
    assignments: tuple[str, ...] = ()
    apart: Path | None = None  # an id list to be mounted from a claim of its own
    apart_bytes: int = 0


def gather(job_file: Path, spec: JobSpec) -> Payload:
    """Read what the job names on this machine. Raises `InputError`."""
    if str(job_file) == STDIN or not job_file.is_file():
        raise InputError(f"{job_file}: the manifests carry a job file; name one that is a regular file")
    texts: dict[str, str] = {}
    binaries: dict[str, str] = {}
    assignments: list[str] = []
    used = _carry(JOB_FILE, _read(job_file), texts, binaries)
    if spec.service.ca_file is not None and spec.service.simulator is None:
        used += _carry(CA_FILE, _read(spec.service.ca_file), texts, binaries)
        assignments.append(_assignment("service.ca_file", JOB_DIR / CA_FILE))
    apart, size = None, 0
    listed = spec.tasks.file
    if listed is not None:
        if str(listed) == STDIN:
            raise InputError("tasks.file: a pod has no standard input; put the ids into a file")
        if not listed.is_file():
            raise InputError(f"{listed}: the manifests carry the id list; name one that is a regular file")
        name = "ids" + "".join(listed.suffixes[-2:])  # the suffix says what is in it
        size = listed.stat().st_size
        if used + size > MAX_CARRIED:
            apart, place = listed, IDS_DIR / name
        else:
            _carry(name, _read(listed), texts, binaries)
            place = JOB_DIR / name
        assignments.append(_assignment("tasks.file", place))
    return Payload(texts=texts, binaries=binaries, assignments=tuple(assignments), apart=apart, apart_bytes=size)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; check the path") from error


def _carry(name: str, content: bytes, texts: dict[str, str], binaries: dict[str, str]) -> int:
    """Put a file where it belongs; returns its size."""
    try:
        texts[name] = content.decode("utf-8")
    except UnicodeDecodeError:
        binaries[name] = base64.b64encode(content).decode("ascii")
    return len(content)


def _assignment(key: str, place: PurePosixPath) -> str:
    return f"{key}={json.dumps(str(place))}"
