"""More of what the service says of a task than a run needs: for plans and selections. Times are text, in many formats.

The run's own decoding builds two fields a row; this one is used where nobody waits for it. Passwords that a single
look carries are passed over here, too.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from orchestrator.dcs import failures

if TYPE_CHECKING:
    from orchestrator.dcs.wire import Response

MAX_FIELD: Final = 256  # characters kept of one field
FULL: Final = "full_amount_migration"
INCREMENTAL: Final = "incremental_migration"
_FORMATS: Final = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d")  # a single look: 2019/10/22 14:44:30
_COMPACT: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # by length; released_at: 202404011057
_NEAR_EPOCH, _MILLISECONDS = 1e9, 1e12  # plain numbers from here on are seconds, and from there on milliseconds
_MAX_EPOCH: Final = 1e14


class TaskDetails(NamedTuple):
    """One task as list or single look describe it; empty text where they do not say."""

    task_id: str
    status: str
    name: str = ""
    method: str = ""  # `FULL` or `INCREMENTAL`; an open set
    resume_mode: str = ""  # auto | manual
    created_at: str = ""  # as the service writes it: see `moment_of`
    source_instance_id: str = ""
    target_instance_id: str = ""


class _Instance(msgspec.Struct, gc=False):
    id: Any = None


class _Task(msgspec.Struct, gc=False):
    task_id: Any = None
    status: Any = None
    task_name: Any = None
    migration_type: Any = None
    migration_method: Any = None
    resume_mode: Any = None
    created_at: Any = None
    source_instance_id: Any = None
    target_instance_id: Any = None
    source_instance: _Instance | None = None
    target_instance: _Instance | None = None


class _Row(msgspec.Struct, gc=False):
    task_id: Any = None
    status: Any = None
    task_name: Any = None
    migration_type: Any = None
    migration_method: Any = None
    resume_mode: Any = None
    created_at: Any = None
    source_instance_id: Any = None
    target_instance_id: Any = None


class _List(msgspec.Struct, gc=False):
    migration_tasks: list[_Row]


_LIST: Final = msgspec.json.Decoder(_List)
_TASK: Final = msgspec.json.Decoder(_Task)


def read_rows(response: Response) -> list[TaskDetails]:
    """The rows of a list answer that was read well before, in its order; empty where they are not what they should be.

    A row without an id keeps its place.
    """
    listing = _decoded(_LIST, response)
    return [] if listing is None else [_details(row) for row in listing.migration_tasks]


def read_one(response: Response) -> TaskDetails:
    """The task of a single look that was read well before."""
    task = _decoded(_TASK, response)
    if task is None:
        return TaskDetails(task_id="", status="")
    found = _details(task)
    return found._replace(
        source_instance_id=found.source_instance_id or _text(task.source_instance and task.source_instance.id),
        target_instance_id=found.target_instance_id or _text(task.target_instance and task.target_instance.id),
    )


def moment_of(text: str) -> datetime | None:
    """The moment that `text` names in any of the service's formats; None where it names none.

    Where it names no zone it is taken as UTC, which the list's own times are in.
    """
    text = text.strip()
    forms: tuple[str, ...] = _FORMATS
    if text.isascii() and text.isdecimal():
        if len(text) not in _COMPACT:
            return _from_epoch(float(text))
        forms = (_COMPACT[len(text)],)
    else:
        with contextlib.suppress(ValueError):
            return _in_zone(datetime.fromisoformat(text))
    for form in forms:
        with contextlib.suppress(ValueError):
            return _in_zone(datetime.strptime(text, form))  # noqa: DTZ007 - the next call gives it a zone
    return None


def _in_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _from_epoch(number: float) -> datetime | None:
    if not _NEAR_EPOCH <= number < _MAX_EPOCH:
        return None
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, tz=UTC)


def _decoded(decoder: msgspec.json.Decoder[Any], response: Response) -> Any:
    for body in (response.body, failures.text_of(response.headers, response.body).encode("utf-8", "replace")):
        try:
            return decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _details(row: _Row | _Task) -> TaskDetails:
    method, kind = _text(row.migration_method), _text(row.migration_type)
    if not method and kind in {FULL, INCREMENTAL}:
        method = kind  # the vendor's own examples write the method there
    return TaskDetails(
        task_id=row.task_id if isinstance(row.task_id, str) else "",
        status=_text(row.status),
        name=_text(row.task_name),
        method=method,
        resume_mode=_text(row.resume_mode).lower(),
        created_at=_text(row.created_at),
        source_instance_id=_text(row.source_instance_id),
        target_instance_id=_text(row.target_instance_id),
    )


def _text(value: object) -> str:
    return failures.scalar(value)[:MAX_FIELD]
