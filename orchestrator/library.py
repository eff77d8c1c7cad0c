"""The library's verbs: stop, restart or delete a list of migration tasks, or run an operation of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.dcs.operations.delete import DeleteMigrationTasks
from orchestrator.dcs.operations.restart import RestartMigrationTasks
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.dcs.states import DEFAULT_STOP_STATES
from orchestrator.engine.options import RunOptions
from orchestrator.results import Results
from orchestrator.undertaking import Undertaking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.engine.account import Report
    from orchestrator.engine.events import Observer
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.undertaking import Directory, Ids

MAX_UNREAD = 1000  # results


def run(
    operation: BulkOperation,
    ids: Ids,
    *,
    options: RunOptions | None = None,
    record: Directory | None = None,
    observers: Sequence[Observer] = (),
    name: str = "",
    reason: str = "",
    max_unread: int = MAX_UNREAD,
) -> Results:
    """Run `operation` over `ids`, and read each id's result as it becomes final.

        async with run(StopMigrationTasks(client), task_ids) as results:
            async for row in results:
                print(row.task_id, row.outcome)
        print(results.report.counts)

    Nothing happens before the block is entered; then the ids are read to the end. Leaving the block early cancels the
    run and leaves nothing behind but its record. Results come in no order; every unique id comes once.

    Args:
        operation: What to do with the ids: a migration-task operation, or a `BulkOperation` of your own.
        ids: An iterable or an async iterable of ids; duplicates count once.
        options: Batches, retries, looks and limits, as in the job file; times are seconds.
        record: A directory that keeps a record of the run. The same call again resumes an unfinished run, and
            answers from the record of a finished one. Without it no disk is touched.
        observers: Called with every event, in order, in the run's own task. They must not block, raise or await.
        name: Names the run in its report; the operation's name if empty.
        reason: Kept in the record and the report.
        max_unread: How many results may lie unread before the run pauses until some are read.

    Raises:
        InputError: Something is not an id, there is none, or the record is of another run. Raised on entering.
        GuardError: A guard ended the run; raised, like the next three, after the last result.
        RunRefusedError: The service refused the whole run.
        UnreachableError: The service did not answer for `limits.give_up_after`.
        RecordError: The record cannot be opened (on entering) or written any more.
        DirectoryBusyError: Another run holds the record's directory. Raised on entering.

    """
    undertaking = Undertaking(
        operation=operation,
        ids=ids,
        options=options or RunOptions(),
        record=record,
        observers=tuple(observers),
        name=name,
        reason=reason,
    )
    return Results(undertaking, max_unread=max_unread)


async def stop_migration_tasks(
    client: DcsClient,
    task_ids: Ids,
    *,
    stop_states: Iterable[str] = DEFAULT_STOP_STATES,
    options: RunOptions | None = None,
    record: Directory | None = None,
    observers: Sequence[Observer] = (),
    name: str = "",
    reason: str = "",
) -> Report:
    """Stop tasks, wait until each is TERMINATED, and account for every id.

        report = await stop_migration_tasks(client, task_ids)
        report.raise_for_failures()

    A task that could not be stopped is data: the report comes back all the same, and names it. A run that could not
    go on is an exception, whose `report` is the account so far. Cancelling leaves a record that the same call resumes.

    Args:
        client: Whose tasks; not closed here. Runs that share a client share its quotas.
        task_ids: An iterable or an async iterable of ids, read to the end first; duplicates count once.
        stop_states: Only tasks in these statuses are stopped; others come to `skipped`, or are over.
        options: As for `run`; so are `record`, `observers`, `name` and `reason`.
        record: A directory for a record that can be resumed; without it no disk is touched.
        observers: Called with every event.
        name: Names the run.
        reason: Kept in the record and the report.

    Raises:
        InputError: Something is not an id, there is none, or the record is of another run; nothing was sent.
        GuardError: Too many tasks or failures, a failed canary, or a deadline that cannot be met.
        RunRefusedError: The service refused the whole run: authentication, permission, project or region.
        UnreachableError: The service did not answer for `limits.give_up_after`.
        RecordError: The record cannot be opened or written.
        DirectoryBusyError: Another run holds the record's directory.

    """
    operation = StopMigrationTasks(client, stop_states=stop_states)
    return await _finished(
        Undertaking(
            operation=operation,
            ids=task_ids,
            options=options or RunOptions(),
            record=record,
            observers=tuple(observers),
            name=name,
            reason=reason,
        )
    )


async def restart_migration_tasks(
    client: DcsClient,
    task_ids: Ids,
    *,
    options: RunOptions | None = None,
    record: Directory | None = None,
    observers: Sequence[Observer] = (),
    name: str = "",
    reason: str = "",
) -> Report:
    """Restart stopped tasks, wait until each is incremental again (or has succeeded), and account for every id.

        report = await restart_migration_tasks(client, task_ids)
        print(report.counts["restarted"], report.counts["already_running"])

    Only tasks that are TERMINATED are restarted. Whether the full copy is done again, the vendor does not say.
    Arguments and errors are those of `stop_migration_tasks`.
    """
    return await _finished(
        Undertaking(
            operation=RestartMigrationTasks(client),
            ids=task_ids,
            options=options or RunOptions(),
            record=record,
            observers=tuple(observers),
            name=name,
            reason=reason,
        )
    )


async def delete_migration_tasks(
    client: DcsClient,
    task_ids: Ids,
    *,
    options: RunOptions | None = None,
    record: Directory | None = None,
    observers: Sequence[Observer] = (),
    name: str = "",
    reason: str = "",
) -> Report:
    """Delete tasks that are over, wait until the service no longer knows them, and account for every id.

        report = await delete_migration_tasks(client, task_ids)
        print(report.counts["deleted"], report.counts["not_found"])

    A task that still migrates is not deleted but `skipped`; one that is not there is as good as deleted. Arguments
    and errors are those of `stop_migration_tasks`.
    """
    return await _finished(
        Undertaking(
            operation=DeleteMigrationTasks(client),
            ids=task_ids,
            options=options or RunOptions(),
            record=record,
            observers=tuple(observers),
            name=name,
            reason=reason,
        )
    )


async def _finished(undertaking: Undertaking) -> Report:
    async with Results(undertaking, max_unread=None) as results:
        return await results.finish()
