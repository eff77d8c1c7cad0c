"""Selection by the service: which tasks `tasks.where` takes. Read once; a resumed run keeps what was selected."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from orchestrator.dcs.details import moment_of
from orchestrator.dcs.states import DELETED, canonical

if TYPE_CHECKING:
    from orchestrator.dcs.details import TaskDetails
    from orchestrator.job.spec import JobSpec, Where

MARK: Final = "where:"  # begins the identity of an input that was selected


class Selector:
    """Takes tasks of which all that is asked holds. Times are compared in whatever format the service writes them."""

    def __init__(self, where: Where) -> None:
        self.undated = 0  # tasks passed over because their time could not be read
        self._where = where
        self._statuses = None if where.status is None else frozenset(map(canonical, where.status))

    def takes(self, task: TaskDetails) -> bool:
        """Whether `task` is selected; never one that the service calls deleted."""
        where, status = self._where, canonical(task.status)
        return (
            bool(task.task_id)
            and status != DELETED
            and (self._statuses is None or status in self._statuses)
            and (where.name is None or fnmatchcase(task.name, where.name))
            and where.source_instance_id in (None, task.source_instance_id)
            and where.target_instance_id in (None, task.target_instance_id)
            and self._is_in_time(task.created_at)
        )

    def _is_in_time(self, text: str) -> bool:
        where = self._where
        if where.created_before is None and where.created_after is None:
            return True
        moment = moment_of(text)
        if moment is None:
            self.undated += 1
            return False
        return (where.created_before is None or moment < where.created_before) and (
            where.created_after is None or moment >= where.created_after
        )


def describe(where: Where) -> str:
    """What is asked, in words: `status MIGRATING or FAILED, name nightly-*`."""
    parts = [] if where.status is None else [f"status {' or '.join(where.status)}"]
    for name, value in where:
        if value is not None and name != "status":
            parts += [f"{name} {value.isoformat() if isinstance(value, datetime) else value}"]
    return ", ".join(parts)


def selection_digest(spec: JobSpec) -> str:
    """What makes two selections the same input: the question, what is excluded, the share; not the day's answer."""
    where = spec.tasks.where
    if where is None:
        raise TypeError("the job selects nothing")
    asked = where.model_dump(mode="json")
    asked["status"] = None if where.status is None else sorted(map(canonical, where.status))
    question = [asked, sorted(set(spec.tasks.exclude)), spec.share]
    return MARK + hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
