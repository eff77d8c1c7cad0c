"""A caller for tests: asks a simulated service in memory, at times of the test's choosing."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.simulator.answers import Incoming, Reply
from orchestrator.simulator.core import Service
from orchestrator.simulator.options import SimulatorOptions

PROJECT = "0123456789abcdef0123456789abcdef"
BASE = f"/v2/{PROJECT}"


def going(**options: Any) -> SimulatorOptions:
    """Options of a service whose tasks are all MIGRATING, take exactly 10 seconds to stop, and stand oldest first."""
    plain: dict[str, Any] = {"states": {"MIGRATING": 1}, "stop_seconds": 10, "order": "oldest", "tasks": 20}
    return SimulatorOptions.from_mapping({**plain, **options})


class Caller:
    """Sends requests to one service and reads its answers."""

    def __init__(self, options: SimulatorOptions, ids: list[str] | None = None) -> None:
        self.service = Service(options, ids=ids)
        self.books = self.service.books
        self.ids = list(self.service.ids)
        self.now = 1000.0

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.service.handle(
            Incoming(
                method=method,
                path=path,
                query=[(name, str(value)) for name, value in (query or {}).items()],
                headers=headers or {},
                body=content,
            ),
            self.now,
        )

    def stop(self, ids: Iterable[str]) -> Reply:
        return self.ask("POST", f"{BASE}/migration-task/batch-stop", body={"migration_tasks": list(ids)})

    def restart(self, ids: Iterable[str]) -> Reply:
        return self.ask("POST", f"{BASE}/migration-tasks/batch-restart", body={"migration_tasks": list(ids)})

    def delete(self, ids: Iterable[str]) -> Reply:
        return self.ask("DELETE", f"{BASE}/migration-tasks/delete", body={"task_id_list": list(ids)})

    def list(self, **query: object) -> Reply:
        return self.ask("GET", f"{BASE}/migration-tasks", query)

    def show(self, task_id: str) -> Reply:
        return self.ask("GET", f"{BASE}/migration-task/{task_id}")

    def status(self, task_id: str) -> str:
        """What a single look says."""
        found: str = read(self.show(task_id))["status"]
        return found

    def walk(self, limit: int = 1000) -> Iterable[dict[str, Any]]:
        """Every row of the list, page by page."""
        offset = 0
        while rows := read(self.list(offset=offset, limit=limit))["migration_tasks"]:
            yield from rows
            offset += limit


def read(reply: Reply) -> dict[str, Any]:
    """The JSON of an answer."""
    found: dict[str, Any] = json.loads(reply.body)
    return found


def results(reply: Reply) -> dict[str, str]:
    """What a batch answer says of each id: success, or the error code (failed, if it has none)."""
    return {item["task_id"]: item.get("error_code", item["result"]) for item in read(reply)["migration_tasks"]}


def code(reply: Reply) -> tuple[int, str]:
    """Status and error code of an error answer."""
    found: str = read(reply)["error_code"]
    return reply.status, found
