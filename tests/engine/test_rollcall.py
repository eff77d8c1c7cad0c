"""The roll call: whether what only single looks still show is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ack, Failure, Outcome, Sighting, Verdict
from orchestrator.errors import ServiceError
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import Stage, counted, options, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.engine.model import Page

FORBIDDEN = Failure(verdict=Verdict.FORBIDDEN, message="no permission", status=403)
LOST = Failure(verdict=Verdict.LOST, message="no answer", status=504)
PASSED_OVER = Failure(verdict=Verdict.GONE, message="passed over")


class Ghosts(FakeOperation):
    """Deletes: what is deleted leaves the list after `takes` seconds; a single look describes it for ever."""

    gone_is_goal = True
    over = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.NOT_FOUND})

    def __init__(self, own: int, *, strangers: int = 0, takes: float = 1.0, rows: int = 1000, **plain: Any) -> None:
        self.rows = rows  # of a page at most, whatever is asked for
        tasks = {f"t{n}": FakeTask(stops_after=takes, ends_as="RUNS") for n in range(own)}
        super().__init__({**{f"s{n}": FakeTask() for n in range(strangers)}, **tasks}, **plain)

    def status_of(self, item_id: str) -> str:
        """The same for ever; only the list knows better."""
        task = self.tasks[item_id]
        truth = super().status_of(item_id)
        if task.stop_at is not None and truth != "STOPPING":
            task.listed = False
        return "RUNS"

    async def page(self, offset: int, limit: int) -> Page:
        """The list of what there is."""
        for item_id in self.tasks:
            self.status_of(item_id)
        return await super().page(offset, min(limit, self.rows))

    async def submit(self, ids: Sequence[str]) -> Ack:
        """Accept what is there, pass over the rest."""
        ack = await super().submit(ids)
        absent = [item_id for item_id in ack.accepted if not self.tasks[item_id].listed]
        return Ack(accepted=[i for i in ack.accepted if i not in absent], refused=dict.fromkeys(absent, PASSED_OVER))


class TestGone:
    @pytest.mark.parametrize("count", [1, 3, 40, 300])
    async def test_what_no_page_shows_is_gone_whatever_a_single_look_says(self, count: int) -> None:
        """Accepted, in no page of two walks: deleted."""
        operation = Ghosts(count, strangers=2500)
        stage = Stage(operation, [f"t{n}" for n in range(count)])
        assert counted(await stage.play()) == {"stopped": count}

    async def test_what_was_gone_before_is_not_found(self) -> None:
        """Passed over by the service, in no page: it was not there."""
        operation = Ghosts(5, strangers=20)
        for number in range(5):
            operation.tasks[f"t{number}"].listed = False
        stage = Stage(operation, [f"t{n}" for n in range(5)])
        report = await stage.play()
        assert counted(report) == {"not_found": 5}
        assert report.exit_code == 0
        assert not operation.accepted["t0"] > 1

    async def test_pages_may_be_shorter_than_asked(self) -> None:
        """The end of the list is an empty page, and not a short one."""
        operation = Ghosts(5, strangers=90, takes=25.0, rows=10, count="page")
        stage = Stage(operation, [f"t{n}" for n in range(5)])
        assert counted(await stage.play()) == {"stopped": 5}
        walks = [event for event in stage.of(ev.Gone) if event.failure.verdict is Verdict.GONE]
        assert min(event.at for event in walks) - stage.events[0].at > 25.0


class TestStillThere:
    async def test_what_a_page_shows_is_waited_for(self) -> None:
        """A slow deletion is no deletion yet."""
        operation = Ghosts(3, strangers=20, takes=100.0)
        stage = Stage(operation, ["t0", "t1", "t2"])
        assert counted(await stage.play()) == {"stopped": 3}
        assert stage.times[stage.events.index(stage.of(ev.Gone)[0])] > 100.0
        assert len(stage.of(ev.Gone)) == 3

    async def test_it_is_asked_again_when_it_does_not_go(self) -> None:
        """As for any operation, after `reissue_after`."""
        operation = Ghosts(2, strangers=5, takes=1.0)
        operation.tasks["t0"].forgets = 1
        stage = Stage(operation, ["t0", "t1"], options=options(poll={"reissue_after": 60.0}))
        assert counted(await stage.play()) == {"stopped": 2}
        assert operation.accepted["t0"] == 2

    async def test_a_page_that_cannot_be_read_proves_nothing(self) -> None:
        """The walk is made again."""
        operation = Ghosts(2, strangers=5, takes=1.0)
        stage = Stage(operation, ["t0", "t1"], options=options(retry={"attempts": 1}))
        operation.faults["list"] = []
        operation.hooks["list"] = lambda fake: fake.faults["list"].extend(
            [LOST] if len(fake.calls("list")) in {3, 5} else []
        )
        assert counted(await stage.play()) == {"stopped": 2}

    async def test_who_may_not_list_any_more_goes_by_single_looks_alone(self) -> None:
        """Nothing is called gone that only a missing permission hides."""
        operation = Ghosts(2, strangers=5, takes=1.0)
        operation.faults["list"] = []
        operation.hooks["list"] = lambda fake: fake.faults["list"].extend(
            [FORBIDDEN] if len(fake.calls("list")) > 2 else []
        )
        stage = Stage(operation, ["t0", "t1"], options=options(deadline=120.0))
        assert set(outcomes(await stage.play()).values()) == {"timed_out"}

    async def test_an_operation_that_does_not_want_it_gone_never_calls_the_roll(self) -> None:
        """Who is in no page and known singly is there."""
        operation = FakeOperation({"t0": FakeTask(listed=False, stops_after=30.0), "t1": FakeTask()})
        stage = Stage(operation, ["t0", "t1"])
        assert counted(await stage.play()) == {"stopped": 2}
        with pytest.raises(ServiceError):
            await operation.look("nobody")
        assert isinstance(await operation.look("t0"), Sighting)
