"""One life of a run: a process under virtual time, with a disturbance that strikes at one exact point of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.credentials import Credentials
from orchestrator.dcs.operations.delete import DeleteMigrationTasks
from orchestrator.dcs.operations.restart import RestartMigrationTasks
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine import directory as directories
from orchestrator.engine.events import RunStarted
from orchestrator.engine.runner import Run
from orchestrator.errors import RecordError
from tests.simulation.dice import Dice
from tests.simulation.draws import RENEWED
from tests.simulation.loop import DiedError, SimLoop
from tests.simulation.story import START, Life
from tests.simulation.torn import tear
from tests.simulation.wire import InMemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.engine.account import Report
    from orchestrator.engine.directory import Opened
    from orchestrator.engine.events import Event
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.options import RunOptions
    from tests.simulation.scenario import Disturbance, Scenario
    from tests.simulation.world import World

PROJECT = "0123456789abcdef0123456789abcdef"
MOST_STEPS = 400_000  # of one life; more is taken for a loop without an end


class Living:
    """Lives one life."""

    def __init__(self, world: World, *, number: int, disturbance: Disturbance | None) -> None:
        self.life = Life(number=number, started_at=world.now, committed_at=world.now)
        self._world = world
        self._scenario = world.scenario
        self._disturbance = disturbance
        self._points = Counter[str]()
        self._dead = False
        self._cut = False  # by its own end: nothing more is noted
        self._loop: SimLoop | None = None
        self._main: asyncio.Task[Report] | None = None
        self._run: Run | None = None
        self._opened: Opened | None = None
        self._transport = InMemoryTransport(
            world, world.scenario.network, number, point=self._reach, seed=world.scenario.seed
        )

    def client(self) -> DcsClient:
        """The real client, over the wire in memory."""
        return DcsClient(
            project_id=PROJECT,
            endpoint="http://127.0.0.1:9",
            credentials=_Provider(self) if self._scenario.credentials != "none" else None,
            pace=self._scenario.pace,
            share=self._world.share,
            transport=self._transport,
            now=self._now,
        )

    def live(self, *, retry: tuple[str, ...] | None) -> Life:
        """Run until the end, whichever comes. `retry`: the outcomes for which a finished run is reopened."""
        loop = self._loop = SimLoop(start=self._world.now, on_step=self._step, let_others=self._world.let_others)
        if self._disturbance is not None and self._disturbance.point == "time":
            loop.call_later(self._disturbance.at, self._strike)
        for at, exchange, incoming in self._world.tap.late:
            loop.call_at(at, self._world.tap.arrive, exchange, incoming, at)
        self._world.tap.late.clear()
        for after, verb, step in self._world.meddling:
            if (at := START + after) >= loop.time():
                loop.call_at(at, self._world.meddle, verb, step, at)
        self._main = loop.create_task(self._execute(retry=retry))
        try:
            self.life.report = loop.run_until_complete(self._main)
            self.life.end = "ended"
        except DiedError:
            self.life.end = "died"
        except asyncio.CancelledError:
            self.life.end = "cancelled"
        except RecordError as error:
            self.life.end, self.life.error = "record", str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the referee is told
            self.life.end, self.life.error = "error", f"{type(error).__name__}: {error}"
        self._end(loop)
        return self.life

    def _end(self, loop: SimLoop) -> None:
        life = self.life
        life.ended_at, self._cut, self._dead = loop.time(), True, True
        if life.report is not None:
            life.rows = [] if self._scenario.quiet else list(life.report.rows())
        self._transport.die()
        if self._opened is not None:
            self._opened.record._connection.close()
        loop.bury()

    async def _execute(self, *, retry: tuple[str, ...] | None) -> Report:
        opened = self._opened = directories.open_existing(self._world.directory)
        if opened is None:
            raise RuntimeError("the record is gone")
        opened.record._offload = self._offload
        self._world.taken_up(opened.record._durable, life=self.life.number)
        async with self.client() as client:
            run = self._run = Run(
                operation_of(self._scenario, client),
                opened.items,
                info=opened.info,
                options=self._options(),
                record=opened.record,
                observers=(self._note,),
                now=self._now,
                random=Random(f"{self._scenario.seed}/run/{self.life.number}"),
            )
            reopened = run.not_over(retry) if retry is not None else None
            if reopened is not None:
                self.life.retried = True
                self.life.reopened = frozenset(opened.items.ids[item] for item in reopened)
            report = await run.execute(retry=reopened)
            opened.record.close()
            return report

    def _options(self) -> RunOptions:
        later = self._scenario.later
        return later if later is not None and self.life.number > 1 else self._scenario.options

    def _now(self) -> float:
        return self._world.wall(self._world.now if self._loop is None else self._loop.time())

    def _note(self, event: Event) -> None:
        if isinstance(event, RunStarted) and self._loop is not None:
            self.life.skew = event.at - self._world.stamp(self._loop.time())
        if self._scenario.quiet:
            self._world.note(event)
        elif not self._cut:
            self.life.events.append(event)

    async def _offload(self, write: Callable[[], None]) -> None:
        """Write in this very thread; the disk takes its time all the same."""
        await self._reach("commit.before")
        if self._scenario.commit_seconds:
            await asyncio.sleep(self._scenario.commit_seconds)
        if self._dead:
            raise RuntimeError("a dead process writes nothing")
        if self._is_due("commit.within"):
            self._tear(write)
            await asyncio.Event().wait()
        write()
        self.life.committed_at = asyncio.get_running_loop().time()
        await self._reach("commit.after")

    def _tear(self, write: Callable[[], None]) -> None:
        """The power goes out within this commit."""
        assert self._opened is not None
        record, world = self._opened.record, self._world
        before = record._durable
        files = tear(record.path, record._connection, write, Dice(f"torn/{self._scenario.seed}/{self.life.number}"))
        world.promised = record._durable if files.is_committed else before
        if files.is_committed:
            self.life.committed_at = asyncio.get_running_loop().time()
        self._strike()

    async def _reach(self, point: str) -> None:
        """A point at which the disturbance may strike."""
        if self._is_due(point):
            self._strike()
            if self._dead:
                await asyncio.Event().wait()
            await asyncio.sleep(0)

    def _is_due(self, point: str) -> bool:
        """Whether the disturbance strikes at this point, and this time."""
        disturbance = self._disturbance
        if disturbance is None or disturbance.point != point:
            return False
        self._points[point] += 1
        return self._points[point] == disturbance.at

    def _step(self) -> None:
        if self._dead and not self._cut:
            raise DiedError
        self.life.steps += 1
        disturbance = self._disturbance
        if disturbance is not None and disturbance.point == "step" and self.life.steps == round(disturbance.at):
            self._strike()
            if self._dead:
                raise DiedError
        if self.life.steps > MOST_STEPS and not self._scenario.quiet:
            raise RuntimeError(f"no end after {MOST_STEPS} steps")

    def _strike(self) -> None:
        disturbance, loop = self._disturbance, self._loop
        if disturbance is None or loop is None or self._cut:
            return
        if disturbance.disaster == "drain" and self._run is None:
            return  # nobody is there yet to be told
        self.life.struck, self.life.struck_at = disturbance.disaster, loop.time()
        match disturbance.disaster:
            case "death" | "torn":
                self._dead = True
                loop.call_soon(lambda: None)  # the next step finds nobody
            case "drain":
                assert self._run is not None
                self._run.drain("SIGTERM")
            case "cancel":
                if self._main is not None:
                    self._main.cancel()
            case "disk":
                self._fill_disk()

    def _fill_disk(self) -> None:
        if self._opened is not None:
            connection = self._opened.record._connection
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages}")


class _Provider:
    """Credentials as the scenario has them: good, renewed in time by somebody, never renewed, or a token."""

    def __init__(self, living: Living) -> None:
        self._living = living

    async def fetch(self) -> Credentials:
        """The credentials as they are now."""
        scenario, service = self._living._scenario, self._living._world.service
        if scenario.credentials == "token":
            return Credentials(token=service.options.secrets.token)
        expires, secrets = scenario.service.expire_after, service.options.secrets
        begun = bool(service.books.arrivals)
        elapsed = self._living._loop.time() - service.books.arrivals[0].time if begun and self._living._loop else 0.0
        if scenario.credentials == "renewed" and expires is not None and elapsed >= expires:
            secrets = RENEWED
        return Credentials(ak=secrets.ak, sk=secrets.sk)


def operation_of(scenario: Scenario, client: DcsClient) -> BulkOperation:
    """The real operation; with shorter pages than the vendor's, so that a short list has many."""
    operation: StopMigrationTasks | RestartMigrationTasks | DeleteMigrationTasks
    match scenario.verb:
        case "stop":
            operation = StopMigrationTasks(client, stop_states=scenario.stop_states)
        case "restart":
            operation = RestartMigrationTasks(client)
        case "delete":
            operation = DeleteMigrationTasks(client)
    operation.max_page = scenario.page_size
    return operation
