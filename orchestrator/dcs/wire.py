"""The migration-task API without I/O: builds requests, deciphers answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from orchestrator.dcs import codes, failures, states
from orchestrator.dcs.failures import MAX_CODE
from orchestrator.dcs.redaction import presentable
from orchestrator.engine.model import Ack, Failure, Page, Sighting, Verdict
from orchestrator.errors import InputError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_BATCH: Final = 50  # ids a request: the vendor's ceiling for batch-stop and batch-restart
MAX_PAGE: Final = 1000  # items a list page: the vendor's ceiling
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as yet without address and signature. `path` is percent-encoded, `query` is not."""

    api: str  # stop, restart, delete, list or show
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: dict(_JSON), repr=False)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. Header names are kept in lower case, however they are given."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)  # a single look's answer holds passwords

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})


def batch_stop(project_id: str, ids: Sequence[str]) -> Request:
    """Stop `ids`. The path has "task" in the singular."""
    return _batch("stop", "POST", f"/v2/{_segment(project_id)}/migration-task/batch-stop", "migration_tasks", ids)


def batch_restart(project_id: str, ids: Sequence[str]) -> Request:
    """Restart `ids`. The path has "tasks" in the plural."""
    path = f"/v2/{_segment(project_id)}/migration-tasks/batch-restart"
    return _batch("restart", "POST", path, "migration_tasks", ids)


def delete(project_id: str, ids: Sequence[str]) -> Request:
    """Delete `ids`."""
    return _batch("delete", "DELETE", f"/v2/{_segment(project_id)}/migration-tasks/delete", "task_id_list", ids)


def list_tasks(project_id: str, *, offset: int = 0, limit: int = MAX_PAGE) -> Request:
    """The list from record `offset` on, at most `limit` of them."""
    if offset < 0 or not 1 <= limit <= MAX_PAGE:
        raise InputError(f"a list page has offset >= 0 and limit 1 to {MAX_PAGE}, not offset {offset}, limit {limit}")
    query = (("offset", str(offset)), ("limit", str(limit)))
    return Request(api="list", method="GET", path=f"/v2/{_segment(project_id)}/migration-tasks", query=query)


def show(project_id: str, task_id: str) -> Request:
    """One task."""
    if not task_id:
        raise InputError("a look at a single task needs its id; an empty one was given")
    path = f"/v2/{_segment(project_id)}/migration-task/{_segment(task_id)}"
    return Request(api="show", method="GET", path=path)


def _batch(api: str, method: str, path: str, key: str, ids: Sequence[str]) -> Request:
    if not 1 <= len(ids) <= MAX_BATCH:
        raise InputError(f"{api}: a request takes 1 to {MAX_BATCH} ids, not {len(ids)}; send them in batches")
    return Request(api=api, method=method, path=path, body=msgspec.json.encode({key: list(ids)}))


@lru_cache(maxsize=64)  # the project is the same in every request
def _segment(text: str) -> str:
    return quote(text, safe="~")


# Only these fields are built; all others are passed over, passwords included.
class _Row(msgspec.Struct, gc=False):
    task_id: str | None = None
    status: str | None = None


class _List(msgspec.Struct, gc=False):
    migration_tasks: list[_Row]
    count: Any = None


class _Result(msgspec.Struct, gc=False):
    task_id: str | None = None
    result: str | None = None
    error_code: Any = None
    error_msg: Any = None


class _Results(msgspec.Struct, gc=False):
    migration_tasks: list[_Result]


class _Deleted(msgspec.Struct, gc=False):
    task_id_list: list[str] | None


class _Task(msgspec.Struct, gc=False):
    status: str
    task_id: Any = None
    task_status: Any = None


_LIST: Final = msgspec.json.Decoder(_List)
_RESULTS: Final = msgspec.json.Decoder(_Results)
_DELETED: Final = msgspec.json.Decoder(_Deleted)
_TASK: Final = msgspec.json.Decoder(_Task)

_T = TypeVar("_T")


def read_results(response: Response, *, api: str, ids: Sequence[str], now: float) -> Ack:
    """The answer to `batch_stop` or `batch_restart` of `ids`, matched by id; other ids in it are passed over.

    Raises `ServiceError` for anything but an answer by item.
    """
    results = _decode(_RESULTS.decode, response, api=api, now=now)
    request_id = failures.request_id_of(response.headers)
    named = [entry.task_id for entry in results.migration_tasks if entry.result == "success"]
    if named == ids:  # as nearly always
        return Ack(accepted=ids, request_id=request_id)
    asked, accepted = set(ids), []
    refused: dict[str, Failure] = {}
    for entry in results.migration_tasks:
        if entry.task_id is None or entry.task_id not in asked:
            continue
        failure = _refusal(entry, response.status, request_id)
        if failure is None:
            accepted.append(entry.task_id)
        else:
            refused.setdefault(entry.task_id, failure)
    # Named twice and accepted once is accepted: the refusal of a second delivery says nothing of the first.
    accepted = list(dict.fromkeys(accepted))
    for task_id in accepted:
        refused.pop(task_id, None)
    return Ack(accepted=accepted, refused=refused, request_id=request_id)


def _refusal(entry: _Result, status: int, request_id: str) -> Failure | None:
    """Why this item was refused; None if it was accepted. The newest page no longer lists the values of `result`."""
    code, text = failures.scalar(entry.error_code), failures.scalar(entry.error_msg)
    result = (entry.result or "").strip().lower()
    if result == "success" or (not result and not code):
        return None
    verdict = codes.judge_item(code, text)
    message = presentable(text) or f"the service answered {presentable(result)!r} without a reason"
    return Failure(
        verdict=verdict,
        code=presentable(code, limit=MAX_CODE),
        message=message,
        status=status,
        request_id=request_id,
    )


def read_deleted(response: Response, *, ids: Sequence[str], now: float) -> Ack:
    """The answer to `delete` of `ids`. The service passes over ids that do not exist: they are simply not in it.

    Raises `ServiceError` for anything but a list of ids.
    """
    deleted = _decode(_DELETED.decode, response, api="delete", now=now)
    named = set(deleted.task_id_list or ())
    accepted = [task_id for task_id in dict.fromkeys(ids) if task_id in named]
    return Ack(accepted=accepted, request_id=failures.request_id_of(response.headers))


def read_page(response: Response, *, now: float) -> Page:
    """The answer to `list_tasks`. A row without an id, or of a deleted task, keeps its place under an empty id.

    Raises `ServiceError` for anything but a page.
    """
    page = _decode(_LIST.decode, response, api="list", now=now)
    rows = page.migration_tasks
    ids = [row.task_id or "" for row in rows]
    statuses = [row.status or "" for row in rows]
    named = {status: states.canonical(status) for status in set(statuses)}
    if states.DELETED in named.values():
        # To be told by a single look, which says for certain whether the service still knows the task.
        ids = ["" if named[status] == states.DELETED else ids[k] for k, status in enumerate(statuses)]
    shown = {status: presentable(status, limit=MAX_CODE) for status in named}
    if any(status != text for status, text in shown.items()):
        statuses = [shown[status] for status in statuses]
    count = page.count if type(page.count) is int and page.count >= 0 else None  # a bool is no count
    return Page(ids=ids, statuses=statuses, count=count, request_id=failures.request_id_of(response.headers))


def read_task(response: Response, *, task_id: str, now: float) -> Sighting:
    """The answer to `show` of `task_id`. While addresses are being swapped the status reads `EXCHANGING`.

    Raises `ServiceError`; with `Verdict.GONE` where the service does not know the task, or calls it deleted.
    """
    task = _decode(_TASK.decode, response, api="show", now=now)
    if isinstance(task.task_id, str) and task.task_id.casefold() != task_id.casefold():
        # A proxy that mixes up connections: what it says would be taken for what was seen of this task.
        raise ServiceError(failures.undecipherable(response.status, response.headers, "the answer is of another task"))
    request_id = failures.request_id_of(response.headers)
    status = states.canonical(task.status)
    if status == states.DELETED:
        message = "the service shows this task as DELETED"
        raise ServiceError(
            Failure(verdict=Verdict.GONE, message=message, status=response.status, request_id=request_id)
        )
    if not status:
        raise ServiceError(failures.undecipherable(response.status, response.headers, "the task has no status"))
    exchanging = isinstance(task.task_status, str) and states.canonical(task.task_status) == states.EXCHANGING
    if exchanging and status not in states.OUTWEIGHS_EXCHANGING:
        return Sighting(status=states.EXCHANGING, request_id=request_id)
    return Sighting(status=presentable(task.status, limit=MAX_CODE), request_id=request_id)


def _decode(decode: Callable[[bytes], _T], response: Response, *, api: str, now: float) -> _T:
    """The body of a success; `ServiceError` for all else, and for a body that is not what it should be."""
    if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        raise ServiceError(failures.failure_of(api, response.status, response.headers, response.body, now=now))
    try:
        return decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # perhaps only another encoding: names may hold bytes that are not UTF-8
    try:
        return decode(failures.text_of(response.headers, response.body).encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    raise ServiceError(failures.failure_of(api, response.status, response.headers, response.body, now=now))
