"""Which call a request line means."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

Name = Literal["batch-stop", "batch-restart", "delete", "list", "show", "stop", "sync-stop", "stats"]

# What each call counts as: for quotas, denials and faults.
APIS: dict[Name, str] = {
    "batch-stop": "stop",
    "stop": "stop",
    "sync-stop": "stop",
    "batch-restart": "restart",
    "delete": "delete",
    "list": "list",
    "show": "show",
    "stats": "show",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A call of the API, and what its path names."""

    name: Name
    project_id: str
    task_id: str = ""

    @property
    def api(self) -> str:
        """The API that the call counts as."""
        return APIS[self.name]


# Method, the part behind the project, and what follows the task id, if the path names one.
_FIXED: dict[tuple[str, ...], Name] = {
    ("POST", "migration-task", "batch-stop"): "batch-stop",
    ("POST", "migration-tasks", "batch-restart"): "batch-restart",
    ("DELETE", "migration-tasks", "delete"): "delete",
    ("GET", "migration-tasks"): "list",
}
_OF_TASK: dict[tuple[str, ...], Name] = {
    ("GET",): "show",
    ("GET", "stats"): "stats",
    ("POST", "stop"): "stop",
    ("POST", "sync-stop"): "sync-stop",
}


def find(method: str, path: str) -> Route | None:
    """Give the call that this request line means; None if there is none."""
    parts = [unquote(part) for part in path.split("/")]
    if parts[:2] != ["", "v2"] or len(parts) < 4:  # noqa: PLR2004  nothing behind the project
        return None
    project, rest = parts[2], parts[3:]
    fixed = _FIXED.get((method, *rest))
    if fixed is not None:
        return Route(fixed, project)
    if rest[0] != "migration-task" or len(rest) < 2 or not rest[1]:  # noqa: PLR2004  names no task
        return None
    of_task = _OF_TASK.get((method, *rest[2:]))
    return None if of_task is None else Route(of_task, project, rest[1])
