"""The world of one seed: the service, the clock that outlives processes, and the lives of the run, one by one."""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine import directory as directories
from orchestrator.engine.account import RunInfo
from orchestrator.engine.model import Ending
from orchestrator.engine.runner import Run
from orchestrator.engine.source import collect
from orchestrator.simulator.core import DEFAULT_EPOCH, Incoming, Service
from tests.simulation.life import PROJECT, Living, operation_of
from tests.simulation.loop import numbered
from tests.simulation.story import START, Life, Story
from tests.simulation.wire import Tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.engine.events import Event
    from tests.simulation.scenario import Disturbance, Scenario, Verb

MOST_LIVES = 12
DOWNTIME = 30.0  # seconds, where nobody drew one
DIRECTORY = Path("/dev/shm")  # noqa: S108  memory, where there is such a place
MEDDLING = {
    "stop": ("POST", "migration-task/batch-stop", "migration_tasks"),
    "restart": ("POST", "migration-tasks/batch-restart", "migration_tasks"),
    "delete": ("DELETE", "migration-tasks/delete", "task_id_list"),
}
SECRETS = (b"simulator-secret-key", b"simulator-renewed-key", b"simulator-token", b"planted-redis-password")


class World:
    """Everything of one seed that outlives a process of the run."""

    def __init__(
        self,
        scenario: Scenario,
        directory: Path,
        *,
        service: Service | None = None,
        note: Callable[[Event], None] | None = None,
        shard: tuple[int, int] | None = None,
        let_others: Callable[[float], None] | None = None,
    ) -> None:
        self.shard = shard
        self.share = shard[1] if shard is not None else 1
        self.let_others = let_others
        self.meddling = scenario.meddling if shard is None or shard[0] == 0 else ()  # strangers do it but once
        self.scenario = scenario
        self.directory = directory
        self.now = START
        self.service = service or Service(scenario.service)
        self.note = note or (lambda _: None)  # told of the events of a quiet run
        self.tap = Tap(self)
        self.story = Story(scenario=scenario, service=self.service, epoch=DEFAULT_EPOCH, exchanges=self.tap.exchanges)
        self.promised: int | None = None  # the last event that is on the disk, where a commit was cut off

    def taken_up(self, last: int, *, life: int) -> None:
        """A process has opened the record, and found `last` to be its last event."""
        if self.promised is not None and self.promised != last:
            self.story.losses.append(f"life {life} found {last} events in the record, not {self.promised}")
        self.promised = None

    def stamp(self, now: float) -> float:
        """Seconds since 1970 at the world's time `now`."""
        return DEFAULT_EPOCH + now

    def wall(self, now: float) -> float:
        """What the machine's clock says then: the same, unless somebody has set it."""
        return self.stamp(now) + sum(jump for at, jump in self.scenario.wall if now >= START + at)

    def play(self) -> Story:
        """Live until the run is over, through all that is to happen to it."""
        self._create()
        self._live_on(iter(self.scenario.disturbances))
        self._reopen()
        self._refold()
        self._search()
        self.story.requests = self.tap.requests
        return self.story

    def _create(self) -> None:
        ids = list(self.service.ids)
        items = collect(ids + ids[: self.scenario.duplicates], shard=self.shard)
        self.story.ids = () if self.scenario.quiet else tuple(items.ids)
        identity = directories.Identity(
            input=items.digest, operation=self.scenario.verb, project_id=PROJECT, endpoint="simulated"
        )
        info = RunInfo(
            run_id=f"{self.scenario.seed:032x}", name="simulated", operation=self.scenario.verb, project_id=PROJECT
        )
        opened = directories.create(
            self.directory, identity=identity, info=info, items=items, job=job_of(self.scenario)
        )
        opened.record.close()

    def _live_on(self, disturbances: Iterator[Disturbance]) -> None:
        for _ in range(MOST_LIVES):
            disturbance = next(disturbances, None)
            life = self._live(disturbance)
            if life.end == "error" or (life.report is not None and life.report.ending is not Ending.INTERRUPTED):
                return
            self._pass(disturbance.downtime if disturbance is not None else DOWNTIME)

    def _pass(self, seconds: float) -> None:
        """Nobody runs for a while."""
        self.now += seconds
        if self.let_others is not None:
            self.let_others(self.now)

    def _live(self, disturbance: Disturbance | None, *, retry: tuple[str, ...] | None = None) -> Life:
        self.tap.deliver_late(self.now)
        if self.scenario.quiet:
            for former in self.story.lives:
                former.report = None  # it holds its ledger
            gc.collect()  # what a process held goes with it
        self.tap.most_in_flight = 0
        living = Living(self, number=len(self.story.lives) + 1, disturbance=disturbance)
        life = living.live(retry=retry)
        life.workers_seen = self.tap.most_in_flight
        self.story.lives.append(life)
        self.now = life.ended_at
        return life

    def meddle(self, verb: Verb, step: int, now: float) -> None:
        """Somebody else does something to our tasks."""
        ids = list(self.service.ids)[::step]
        method, path, key = MEDDLING[verb]
        for start in range(0, len(ids), 50):
            body = json.dumps({key: ids[start : start + 50]}).encode()
            self.service.handle(Incoming(method=method, path=f"/v2/{PROJECT}/{path}", body=body), now)

    def _reopen(self) -> None:
        words = [self.scenario.retry_words] if self.scenario.retry else []
        words += [()] if self.scenario.retry_all else []
        for chosen in words:
            last = self.story.last
            if last.report is None or last.report.ending not in {Ending.FINISHED, Ending.DEADLINE}:
                return
            self._pass(DOWNTIME)
            if self._live(None, retry=chosen).end != "error":
                self._live_on(iter(()))

    def _refold(self) -> None:
        """Read the outcomes off the record alone."""
        opened = directories.open_existing(self.directory, write=False)
        if opened is None:
            raise RuntimeError("the record is gone")
        try:
            run = Run(
                operation_of(self.scenario, Living(self, number=0, disturbance=None).client()),
                opened.items,
                info=opened.info,
                options=self.scenario.options,
                record=opened.record,
            )
            self.story.refolded = [row.outcome for row in run.report().rows()]
        finally:
            opened.record._connection.close()

    def _search(self) -> None:
        content = (self.directory / directories.NAME).read_bytes()
        told = "\n".join(f"{life.error} {life.events}" for life in self.story.lives).encode()
        for secret in SECRETS:
            self.story.leaks += [
                f"{secret.decode()} is in {where}"
                for where, text in (("the record", content), ("an event or an error", told))
                if secret in text
            ]


def job_of(scenario: Scenario) -> dict[str, Any]:
    """What the record says of the job, in the words of a job file."""
    return {
        "operation": scenario.verb,
        "tasks": {"stop_states": sorted(scenario.stop_states)},
        "poll": {"confirmations": scenario.options.poll.confirmations},
    }


def play(scenario: Scenario, *, service: Service | None = None, note: Callable[[Event], None] | None = None) -> Story:
    """Play one scenario from its beginning to its end."""
    base = DIRECTORY if DIRECTORY.is_dir() else None
    directory = Path(tempfile.mkdtemp(prefix="simulation-", dir=base))
    try:
        with numbered():
            return World(scenario, directory, service=service, note=note).play()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
