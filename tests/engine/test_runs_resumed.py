"""Whole runs that die at every single event and are taken up again: all comes out as if nothing had happened."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Quota
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import BUSY, LOST, LOST_AFTER, NEVER, Stage, counted, new_record, options, outcomes, reopened
from tests.engine.stage import running as of_running

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.engine.events import Event
    from orchestrator.engine.record import Record


class Died(Exception):  # noqa: N818  # a death is no error
    """The process is gone."""


def mixed() -> dict[str, FakeTask]:
    """A list with something of everything; the stops take so long that a crash finds them at every stage."""
    return {
        **of_running(7),
        "slow": FakeTask(stops_after=40.0),
        "busy": FakeTask(refusals=[BUSY, BUSY]),
        "never": FakeTask(refusals=[NEVER] * 9),
        "forgotten": FakeTask(forgets=1),
        "breaks": FakeTask(ends_as="BROKEN"),
        "over": FakeTask(status="STOPPED"),
        "going": FakeTask(stop_at=anyio.current_time() + 15.0),
        "odd": FakeTask(status="ODD"),
        "hidden": FakeTask(listed=False),
    }


WANTED = {
    **{f"t{number}": "stopped" for number in range(7)},
    "slow": "stopped",
    "busy": "stopped",
    "never": "rejected",
    "forgotten": "stopped",
    "breaks": "ended",
    "over": "already_stopped",
    "going": "already_stopped",
    "odd": "skipped",
    "hidden": "stopped",
    "unknown": "not_found",
}


def wanted(kind: str) -> dict[str, str]:
    """A coarse list hides that one was going: it is sent, accepted, and ours."""
    return WANTED | ({"going": "stopped"} if kind == "coarse" else {})


OPTIONS = options(submit={"batch_size": 3}, poll={"reissue_after": 20.0})


def make(kind: str) -> FakeOperation:
    operation = FakeOperation(
        mixed(), coarse=kind == "coarse", page_limit=5, count="page" if kind == "page" else "total"
    )
    if kind == "lossy":
        operation.faults = {"stop": [LOST_AFTER, LOST], "list": [LOST], "show": [LOST]}
    return operation


class Cut:
    """A record that dies with its `last`-th event: that one is on the disk, nothing after it is."""

    def __init__(self, record: Record, last: int) -> None:
        self.record = record
        self.left = last

    def __getattr__(self, name: str) -> object:
        return getattr(self.record, name)

    def append(self, event: Event) -> None:
        """Keep it, and die if it was the last."""
        if self.left <= 0:
            raise Died
        before = self.record._appended
        self.record.append(event)
        self.left -= self.record._appended - before
        if self.left <= 0:
            self.record.commit()
            raise Died

    async def flush(self, *, enough: int) -> None:
        """Nobody acts on what a dead process wrote."""
        if self.left <= 0:
            raise Died
        await self.record.flush(enough=enough)


async def die(stage: Stage) -> bool:
    """Play until the process dies: its last words are not written either. Returns whether it died in time."""
    run = stage.set_up()
    run._close = _nothing  # type: ignore[method-assign, assignment]  # a dead process closes nothing
    try:
        await run.execute()
    except Died:
        return True
    return False


async def _nothing(*_: object) -> None:
    return


async def length(kind: str, path: Path) -> int:
    """How many events the undisturbed run leaves."""
    operation = make(kind)
    record = new_record(path, [*operation.tasks, "unknown"])
    report = await Stage(operation, record.ids(), record=record, options=OPTIONS).play()
    assert outcomes(report) == wanted(kind)
    number = len(list(record.events()))
    record.close()
    return number


@pytest.mark.uncounted  # the same run some hundred times
class TestCrash:
    @pytest.mark.parametrize("kind", ["fine", "coarse", "page", "lossy"])
    async def test_died_at_every_event_and_resumed_is_as_undisturbed(self, kind: str, tmp_path: Path) -> None:
        total = await length(kind, tmp_path / "whole.db")
        assert total > 20
        blank = tmp_path / "blank.db"
        new_record(blank, [*make(kind).tasks, "unknown"]).close()
        last = 1
        while await self.crash_once(kind, last, Path(shutil.copy(blank, tmp_path / f"{last}.db"))):
            last += 1
        assert last > total - 5  # all but the words of farewell

    async def crash_once(self, kind: str, last: int, path: Path) -> bool:
        operation = make(kind)
        ids = [*operation.tasks, "unknown"]
        record = reopened(path)
        died = await die(Stage(operation, ids, record=Cut(record, last), options=OPTIONS))  # type: ignore[arg-type]
        record._connection.close()
        if not died:
            return False
        operation.in_flight = 0
        again = reopened(path)
        kept = list(again.events())
        assert len(kept) == last
        stage = Stage(operation, ids, record=again, options=OPTIONS)
        report = await stage.play()
        assert outcomes(report) == wanted(kind), f"died after event {last}"
        assert report.attempts == 2
        # One acceptance each, two where the first came to nothing: nothing is blindly sent again.
        for item in ids:
            assert operation.accepted[item] <= (2 if item == "forgotten" else 1), f"{item}, died after event {last}"
        again.close()
        return True

    async def test_the_undisturbed_account_equals_the_resumed_one(self, tmp_path: Path) -> None:
        operation = FakeOperation(of_running(100, stops_after=30.0))
        record = new_record(tmp_path / "a.db", list(operation.tasks))
        twin = deepcopy(operation.tasks)
        undisturbed = await Stage(FakeOperation(twin)).play()
        assert await die(Stage(operation, record=Cut(record, 6)))  # type: ignore[arg-type]
        report = await Stage(operation, record=record).play()
        assert counted(report) == counted(undisturbed) == {"stopped": 100}
        assert report.attempts == 2
        record.close()


class TestTakenUp:
    """What was learned is not learned again, and time goes on where it stopped."""

    async def test_the_deadline_counts_the_time_of_all_attempts(self, tmp_path: Path) -> None:
        operation = FakeOperation(of_running(3, stops_after=9999.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        limits = options(deadline=100.0)
        with anyio.move_on_after(60.0):
            await Stage(operation, record=record, options=limits).play()
        await anyio.sleep(1000.0)  # nobody runs
        report = await Stage(operation, record=record, options=limits).play()
        assert counted(report) == {"timed_out": 3}
        assert report.timing.elapsed_seconds == pytest.approx(100.0)
        assert anyio.current_time() == pytest.approx(1100.0)
        record.close()

    async def test_a_learned_quota_is_known_from_the_start(self, tmp_path: Path) -> None:
        operation = FakeOperation(of_running(300, stops_after=1.0))
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        quota = Quota(policy="user", limit=3, seconds=7.0)
        record.append(ev.RunStarted(at=1.0, attempt=1, items=300))
        record.append(ev.QuotaLearned(at=2.0, api="stop", quota=quota))
        record.commit()
        report = await Stage(operation, record=record).play()
        assert report.quotas == {"stop": quota}
        assert report.requests["stop"].throttled == 0
        starts = [at for at, api, _ in operation.asked if api == "stop"]
        assert all(starts[k + 3] - starts[k] >= 7.0 for k in range(len(starts) - 3))
        record.close()

    @pytest.mark.parametrize("coarse", [False, True])
    async def test_waiting_tasks_that_look_as_they_did_are_watched_again(self, tmp_path: Path, *, coarse: bool) -> None:
        operation = FakeOperation({**of_running(8, stops_after=30.0), "going": FakeTask(stop_at=40.0)}, coarse=coarse)
        record = new_record(tmp_path / "run.db", list(operation.tasks))
        for _ in range(3):
            with anyio.move_on_after(5.0):
                await Stage(operation, record=record).play()
        report = await Stage(operation, record=record).play()
        assert counted(report) == ({"stopped": 9} if coarse else {"stopped": 8, "already_stopped": 1})
        assert set(operation.accepted.values()) == {1}
        assert report.attempts == 4
        record.close()

    async def test_died_while_a_reissue_waited_to_be_sent(self, tmp_path: Path) -> None:
        operation = FakeOperation({"a": FakeTask(forgets=1), "b": FakeTask()})
        record = new_record(tmp_path / "run.db", list(operation.tasks))

        def dies_at(kind: type[Event]) -> Callable[[Event], None]:
            def observer(event: Event) -> None:
                if isinstance(event, kind):
                    record.commit()
                    raise Died

            return observer

        stage = Stage(operation, record=record, options=OPTIONS)
        run = stage.set_up(dies_at(ev.Resubmitted))
        with pytest.raises(Died):
            await run.execute()
        report = await Stage(operation, record=record, options=OPTIONS).play()
        assert counted(report) == {"stopped": 2}
        assert operation.accepted == {"a": 2, "b": 1}
        record.close()
