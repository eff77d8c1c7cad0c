"""Programs as users write them: type checkers read them, nobody runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_type

from orchestrator import (
    Ack,
    BulkOperation,
    Credentials,
    CredentialsProvider,
    DcsClient,
    Ending,
    Event,
    GuardError,
    InputError,
    LimitOptions,
    Observer,
    OrchestratorError,
    PaceOptions,
    Page,
    PollOptions,
    Report,
    Results,
    RetryOptions,
    Row,
    RunError,
    RunOptions,
    RunRefusedError,
    ServiceError,
    Sighting,
    StopMigrationTasks,
    SubmitOptions,
    TasksNotOverError,
    UnreachableError,
    Verdict,
    __version__,
    delete_migration_tasks,
    events,
    from_env,
    from_profile,
    from_token,
    restart_migration_tasks,
    run,
    stop_migration_tasks,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping


async def stop_everything(task_ids: list[str]) -> dict[str, str]:
    """The first example of the README, with all that can be said."""
    options = RunOptions(
        submit=SubmitOptions(batch_size=50, workers=4),
        retry=RetryOptions(attempts=5, base_backoff=0.5, max_backoff=30),
        poll=PollOptions(interval=2, reissue_after=300.0),
        limits=LimitOptions(deadline=3600, max_failures=0.1, canary=50),
    )
    async with DcsClient(
        region="cn-north-4",
        project_id="0123456789abcdef0123456789abcdef",
        credentials=from_env(),
        pace=PaceOptions(requests_per_second=5),
    ) as client:
        report = await stop_migration_tasks(
            client, task_ids, options=options, record=Path("out"), name="night", reason="INC-1"
        )
    assert_type(report, Report)
    counts: Mapping[str, int] = report.counts
    assert_type(sum(counts.values()), int)
    assert_type(report.not_stopped, list[Row])
    assert_type(report.ending, Ending)
    report.raise_for_failures()
    return {row.task_id: row.outcome for row in report.rows()}


async def ids_from_a_generator(client: DcsClient) -> list[Report]:
    """Iterables and async iterables alike."""

    def some() -> Iterator[str]:
        yield "t1"

    async def others() -> AsyncIterator[str]:
        yield "t2"

    return [
        await stop_migration_tasks(client, some(), stop_states={"MIGRATING"}),
        await restart_migration_tasks(client, others(), record="out"),
        await delete_migration_tasks(client, ("t3", "t4")),
    ]


async def results_as_they_come(client: DcsClient, operation: BulkOperation) -> None:
    """By a client's operation, or by any."""
    async with run(StopMigrationTasks(client), ["t1"], max_unread=10) as results:
        assert_type(results, Results)
        async for row in results:
            assert_type(row, Row)
            assert_type(row.accepted_at, float | None)
    assert_type(results.report, Report)
    async with run(operation, ["t1"]) as others:
        assert_type(await others.finish(), Report)


async def errors(client: DcsClient) -> str:
    """What can be caught, and what is then known."""
    try:
        (await stop_migration_tasks(client, ["t1"])).raise_for_failures()
    except (RunRefusedError, ServiceError) as error:
        assert_type(error.failure.verdict, Verdict)
        return error.failure.text
    except InputError as error:
        assert_type(error.problems, tuple[str, ...])
        return error.problems[0]
    except (GuardError, UnreachableError, TasksNotOverError) as error:
        return error.report.outcome if error.report else "nothing began"
    except RunError as error:
        assert_type(error.report, Report | None)
        return "stopped half-way"
    except OrchestratorError:
        return "anything else of ours"
    return __version__


async def calls(client: DcsClient) -> None:
    """The client's own."""
    assert_type(await client.batch_stop(["t1"]), Ack)
    assert_type(await client.batch_restart(["t1"]), Ack)
    assert_type(await client.delete(["t1"]), Ack)
    assert_type(await client.list(offset=0, limit=1000), Page)
    assert_type(await client.show("t1"), Sighting)


def watch(event: Event) -> None:
    """An observer by its shape."""
    match event:
        case events.QuotaLearned(api=api, quota=quota):
            assert_type(api, str)
            assert_type(quota.limit, int)
        case events.RunEnded():
            assert_type(event.ending, Ending)
        case _:
            pass


class Watcher:
    """An observer that keeps something."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def __call__(self, event: Event, /) -> None:
        """Note it."""
        self.seen.append(event)


OBSERVERS: list[Observer] = [watch, Watcher()]


class Vault:
    """Credentials from a place of one's own."""

    async def fetch(self) -> Credentials:
        """As they are now."""
        return Credentials(ak="…", sk="…", security_token="…", expires_at=1.0)


PROVIDERS: list[CredentialsProvider] = [Vault(), from_env(), from_token(), from_profile("~/credentials")]


async def what_is_wrong(client: DcsClient) -> None:
    """Checkers must refuse each of these; an ignore that is not needed is an error of its own."""
    await stop_migration_tasks(client, [1, 2])  # type: ignore[list-item]
    await stop_migration_tasks(client, ["t1"], RunOptions())  # type: ignore[call-arg, arg-type]
    await stop_migration_tasks(client, ["t1"], option=RunOptions())  # type: ignore[call-arg]
    DcsClient("cn-north-4", "project")  # type: ignore[call-arg]
    run(client, ["t1"])  # type: ignore[arg-type]
    SubmitOptions(batch_size="50")  # type: ignore[arg-type]
    RunOptions().submit = SubmitOptions()  # type: ignore[misc]
