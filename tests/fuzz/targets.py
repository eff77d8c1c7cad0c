"""What is fuzzed: bytes go in, and nothing but an error of ours may come out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator.dcs import wire
from orchestrator.engine.source import read_ids
from orchestrator.errors import InputError, ServiceError
from orchestrator.job.loader import load_job

if TYPE_CHECKING:
    from collections.abc import Callable

STATUSES: Final = (200, 204, 400, 401, 403, 404, 409, 429, 500, 502, 503)
IDS: Final = ("a", "b", "c")
NAMES: Final = ("ids.txt", "ids.csv", "ids.jsonl", "ids.txt.gz", "ids.csv.gz", "ids.jsonl.gz")


def deciphering(data: bytes) -> None:
    """An answer of any status and body, read as each API's."""
    status = STATUSES[data[0] % len(STATUSES)] if data else 200
    response = wire.Response(status=status, headers={"retry-after": "1"}, body=data[1:])
    readers: tuple[Callable[[], object], ...] = (
        lambda: wire.read_results(response, api="stop", ids=IDS, now=0.0),
        lambda: wire.read_deleted(response, ids=IDS, now=0.0),
        lambda: wire.read_page(response, now=0.0),
        lambda: wire.read_task(response, task_id="a", now=0.0),
    )
    for read in readers:
        try:
            read()
        except ServiceError as error:
            str(error)


def job_file(data: bytes) -> None:
    """A job file of any bytes."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "job.yaml"
        path.write_bytes(data)
        try:
            load_job(path, environ={"SET": "value"})
        except InputError as error:
            str(error)


def id_list(data: bytes) -> None:
    """An id list of any bytes, in each of its formats."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / NAMES[data[0] % len(NAMES) if data else 0]
        path.write_bytes(data[1:])
        try:
            read_ids(file=path)
        except InputError as error:
            str(error)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "deciphering": deciphering,
    "job-file": job_file,
    "id-list": id_list,
}
SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "deciphering": (
        b'\x00{"migration_tasks":[{"result":"success","task_id":"a"},{"result":"failed","task_id":"b"}]}',
        b'\x00{"count":1,"migration_tasks":[{"task_id":"a","status":"MIGRATING"}]}',
        b'\x07{"error_msg":"policy user over ratelimit,limit:200,time:5 minute","error_code":"APIGW.0308"}',
        b"\x09<html><body>502 Bad Gateway</body></html>",
    ),
    "job-file": (
        b"version: 1\nservice: {region: cn-north-4, project_id: p}\ntasks: {ids: [a], file: '-'}\n",
        b"version: 1\nlimits: {deadline: 1h30m, max_failures: 50%}\npoll: &a {interval: ${SET:-2s}}\nretry: *a\n",
    ),
    "id-list": (b"\x00a\nb\n# c\n", b"\x01task_id,x\na,1\n", b'\x02{"task_id":"a"}\n"b"\n', b"\x03\x1f\x8b\x08\x00"),
}
