"""Run one operation over a very long list of cloud resources, and know for each of them what came of it.

    from orchestrator import DcsClient, from_env, stop_migration_tasks

    async with DcsClient(region="cn-north-4", project_id="…", credentials=from_env()) as client:
        report = await stop_migration_tasks(client, task_ids)
    report.raise_for_failures()

What is listed here is the library; everything else may change with any version. Names are loaded when they are first
used, so that importing this costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator._version import __version__
    from orchestrator.dcs.client import DcsClient
    from orchestrator.dcs.credentials import Credentials, CredentialsProvider, from_env, from_profile, from_token
    from orchestrator.dcs.operations.delete import DeleteMigrationTasks
    from orchestrator.dcs.operations.restart import RestartMigrationTasks
    from orchestrator.dcs.operations.stop import StopMigrationTasks
    from orchestrator.engine import events
    from orchestrator.engine.account import InputCounts, Report, RequestCounts, Row, RunInfo, Timing
    from orchestrator.engine.events import Event, Observer
    from orchestrator.engine.model import Ack, Ending, Failure, Outcome, Page, Phase, Quota, Sighting, Verdict
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.options import (
        LimitOptions,
        PaceOptions,
        PollOptions,
        RetryOptions,
        RunOptions,
        SubmitOptions,
    )
    from orchestrator.engine.pacing import Pacing
    from orchestrator.errors import (
        AccountError,
        CredentialsError,
        DirectoryBusyError,
        GuardError,
        IllegalTransitionError,
        InputError,
        OrchestratorError,
        RecordError,
        RecordUnusableError,
        RunError,
        RunRefusedError,
        ServiceError,
        TasksNotOverError,
        UnreachableError,
    )
    from orchestrator.library import delete_migration_tasks, restart_migration_tasks, run, stop_migration_tasks
    from orchestrator.results import Results

__all__ = [
    "AccountError",
    "Ack",
    "BulkOperation",
    "Credentials",
    "CredentialsError",
    "CredentialsProvider",
    "DcsClient",
    "DeleteMigrationTasks",
    "DirectoryBusyError",
    "Ending",
    "Event",
    "Failure",
    "GuardError",
    "IllegalTransitionError",
    "InputCounts",
    "InputError",
    "LimitOptions",
    "Observer",
    "OrchestratorError",
    "Outcome",
    "PaceOptions",
    "Pacing",
    "Page",
    "Phase",
    "PollOptions",
    "Quota",
    "RecordError",
    "RecordUnusableError",
    "Report",
    "RequestCounts",
    "RestartMigrationTasks",
    "Results",
    "RetryOptions",
    "Row",
    "RunError",
    "RunInfo",
    "RunOptions",
    "RunRefusedError",
    "ServiceError",
    "Sighting",
    "StopMigrationTasks",
    "SubmitOptions",
    "TasksNotOverError",
    "Timing",
    "UnreachableError",
    "Verdict",
    "__version__",
    "delete_migration_tasks",
    "events",
    "from_env",
    "from_profile",
    "from_token",
    "restart_migration_tasks",
    "run",
    "stop_migration_tasks",
]

_HOMES = {  # where each name is loaded from, by the module's name below this one
    "_version": ("__version__",),
    "dcs.client": ("DcsClient",),
    "dcs.credentials": ("Credentials", "CredentialsProvider", "from_env", "from_profile", "from_token"),
    "dcs.operations.delete": ("DeleteMigrationTasks",),
    "dcs.operations.restart": ("RestartMigrationTasks",),
    "dcs.operations.stop": ("StopMigrationTasks",),
    "engine.account": ("InputCounts", "Report", "RequestCounts", "Row", "RunInfo", "Timing"),
    "engine.events": ("Event", "Observer"),
    "engine.model": ("Ack", "Ending", "Failure", "Outcome", "Page", "Phase", "Quota", "Sighting", "Verdict"),
    "engine.operation": ("BulkOperation",),
    "engine.options": ("LimitOptions", "PaceOptions", "PollOptions", "RetryOptions", "RunOptions", "SubmitOptions"),
    "engine.pacing": ("Pacing",),
    "errors": (
        *("AccountError", "CredentialsError", "DirectoryBusyError", "GuardError", "IllegalTransitionError"),
        *("InputError", "OrchestratorError", "RecordError", "RecordUnusableError", "RunError", "RunRefusedError"),
        *("ServiceError", "TasksNotOverError", "UnreachableError"),
    ),
    "library": ("delete_migration_tasks", "restart_migration_tasks", "run", "stop_migration_tasks"),
    "results": ("Results",),
}


if not TYPE_CHECKING:  # type checkers know each name from above; this would make them believe in any

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "events":
            return import_module("orchestrator.engine.events")
        for home, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"orchestrator.{home}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
