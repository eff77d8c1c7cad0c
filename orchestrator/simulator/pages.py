"""How tasks are written out: rows of the list and single looks, with every documented field.

A row is one string template filled in: a page of 1,000 costs about a millisecond, and nothing is kept.
"""

import time
from collections.abc import Iterable, Sequence

from orchestrator.simulator import tasks
from orchestrator.simulator.answers import Calendar, encode
from orchestrator.simulator.lifecycle import Lifecycle
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.statuses import DELETED, Statuses
from orchestrator.simulator.tasks import Tasks

FIRST_CREATED = 1_704_067_200  # 2024-01-01; the first task is this old, and the others follow every five seconds
_STEP = 5
_PER_MINUTE = 60 // _STEP
_SECONDS = tuple(f"{second:02d}.508Z" for second in range(0, 60, _STEP))
_VARIANTS = 4  # one of four tasks is a full migration, see Lifecycle.is_incremental

# The shape of the vendor's list example; what is left open are id, number, status, date and mode.
_ROW = (
    '{"task_id":"%%s","task_name":"dcs-migration-%%07d","status":"%%s","migration_type":"online_migration",'
    '"migration_method":"%(method)s","ecs_tenant_private_ip":"192.168.1.%(n)d","data_source":"10.0.%(n)d.7:6379",'
    '"source_instance_name":"dcs-source-%(n)d","source_instance_id":"8f4c1c5e-7d4a-4f5e-9c39-0000000000%(n)02d",'
    '"source_instance_status":"RUNNING","source_instance_subnet_id":"3a2e7cb0-6c1f-4b4c-8f5b-0000000000%(n)02d",'
    '"source_instance_spec_code":"redis.ha.xu1.large.r2.2","target_instance_addrs":"10.1.%(n)d.9:6379",'
    '"target_instance_name":"dcs-target-%(n)d","target_instance_id":"5a3cf0aa-1b9d-4e0f-8d2c-0000000000%(n)02d",'
    '"target_instance_status":"RUNNING","target_instance_subnet_id":"77d5e3a9-35c4-4e6e-9a11-0000000000%(n)02d",'
    '"target_instance_spec_code":"redis.ha.xu1.large.r2.4","created_at":"%%s","released_at":null,'
    '"description":"","error_message":null,"version":"2.0","resume_mode":"%%s",'
    '"supported_features":["batch_stop","batch_restart"]}'
)


def _method(variant: int) -> str:
    return "incremental_migration" if Lifecycle.is_incremental(variant) else "full_amount_migration"


_ROWS = tuple(_ROW % {"method": _method(n), "n": n + 10} for n in range(_VARIANTS))


class Pages:
    """Writes out the tasks of one service."""

    def __init__(
        self, options: SimulatorOptions, statuses: Statuses, store: Tasks, lifecycle: Lifecycle, calendar: Calendar
    ) -> None:
        self._options = options
        self._store = store
        self._lifecycle = lifecycle
        self._calendar = calendar
        self._fine = statuses.names
        self._listed = statuses.coarse if options.list_detail == "coarse" else statuses.names
        self._at_start = len(store)
        self._minutes: dict[int, str] = {}

    @staticmethod
    def name(number: int) -> str:
        """Give the name of a task."""
        return f"dcs-migration-{number:07d}"

    def listing(self, numbers: Iterable[int], now: float, count: int) -> bytes:
        """Write a list answer."""
        store, shown, created = self._store, self._listed, self._created_in_list
        ids, next_at, status, traits = store.ids, store.next_at, store.status, store.traits
        rows: list[str] = []
        for i in numbers:
            if next_at[i] <= now:
                store.look(i, now)
            resume = "auto" if traits[i] & tasks.RESTARTED else "manual"
            rows.append(_ROWS[i % _VARIANTS] % (ids[i], i, shown[status[i]], created(i), resume))
        return f'{{"count":{count},"migration_tasks":[{",".join(rows)}]}}'.encode()

    def detail(self, number: int, now: float) -> bytes:
        """Write a single look: other fields than the list has, dates in another style, passwords in plain text."""
        store = self._store
        created = self._calendar_date("%Y/%m/%d %H:%M:%S", self._created(number))
        status = self._fine[store.look(number, now)]
        if store.status[number] == DELETED:
            status = "SUCCESS"  # as the vendor's own Terraform provider has met it
        return encode(
            {
                "task_id": store.ids[number],
                "task_name": self.name(number),
                "description": "",
                "status": status,
                # In the vendor's examples this field holds the method.
                "migration_type": _method(number),
                "migration_method": _method(number),
                "ecs_tenant_private_ip": "192.168.1.10",
                "backup_files": None,
                "network_type": "vpc",
                "source_instance": self._instance("source", number, now),
                "target_instance": self._instance("target", number, now),
                "created_at": created,
                "updated_at": created,
                "released_at": "202404011057",
                "version": "2.0",
                "resume_mode": "auto" if store.traits[number] & tasks.RESTARTED else "manual",
                "supported_features": ["batch_stop", "batch_restart"],
                "tenant_vpc_id": "f5a2ed0a-2c2b-4c1b-8f5e-000000000001",
                "tenant_subnet_id": "3a2e7cb0-6c1f-4b4c-8f5b-000000000001",
                "tenant_security_group_id": "9d1f3c77-84a6-4b6b-8f5e-000000000001",
                "bandwidth_limit_mb": None,
                "task_status": self._task_status(number, now),
            }
        )

    def results(self, results: Sequence[tuple[str, str, str]]) -> bytes:
        """Write the items of a batch answer: id, error code and error message, both empty for a success."""
        items: list[dict[str, str]] = []
        for task_id, code, message in results:
            if not code:
                items.append({"result": "success", "task_id": task_id})
            elif self._options.refusals == "plain":
                items.append({"result": "failed", "task_id": task_id})
            else:
                items.append({"result": "failed", "task_id": task_id, "error_code": code, "error_msg": message})
        return encode({"migration_tasks": items})

    def _instance(self, side: str, number: int, now: float) -> dict[str, object]:
        return {
            "id": f"{side}-{number:07d}",
            "name": f"dcs-{side}-{number:07d}",
            "addrs": "10.0.0.7:6379",
            "ip": "10.0.0.7",
            "port": "6379",
            "db": "0",
            "proxy_multi_db": False,
            "password": self._options.password,
            "task_status": self._task_status(number, now),
        }

    def _task_status(self, number: int, now: float) -> str | None:
        if not self._store.traits[number] & tasks.EXCHANGING:
            return None
        return "EXCHANGING" if self._lifecycle.is_exchanging(number, now) else "EXCHANGE_SUCCESS"

    def _created(self, number: int) -> float:
        since = self._store.created(number)
        return FIRST_CREATED + number * _STEP if since is None else self._calendar.wall(since)

    def _created_in_list(self, number: int) -> str:
        if number >= self._at_start:
            return self._calendar_date("%Y-%m-%dT%H:%M:%S.508Z", self._created(number))
        minute = number // _PER_MINUTE
        prefix = self._minutes.get(minute)
        if prefix is None:
            prefix = self._minutes[minute] = self._calendar_date("%Y-%m-%dT%H:%M:", FIRST_CREATED + minute * 60)
        return prefix + _SECONDS[number % _PER_MINUTE]

    @staticmethod
    def _calendar_date(form: str, wall: float) -> str:
        return time.strftime(form, time.gmtime(wall))
