"""Whole runs with ids that the service does not know, or that spoil a batch: they hurt themselves only."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Failure, Verdict
from orchestrator.engine.operation import BulkOperation
from orchestrator.errors import ServiceError
from orchestrator.testing import BAD, FakeOperation, FakeTask
from tests.engine.stage import LOST, THROTTLED, Stage, counted, options, outcomes, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.engine.model import Ack


class Poisoned(FakeOperation):
    """Some ids are in the list like any other, and yet the service refuses every batch that names one."""

    poison: frozenset[str] = frozenset()

    async def submit(self, ids: Sequence[str]) -> Ack:
        """Refuse the whole batch for one of its ids."""
        if self.poison & set(ids):
            await self._begin("stop", list(ids))
            raise ServiceError(BAD)
        return await super().submit(ids)


def vanish(service: FakeOperation) -> None:
    """One is deleted behind our back."""
    service.tasks.pop("t5", None)


def poisoned(count: int, bad: set[int], **plain: object) -> Poisoned:
    operation = Poisoned(running(count), **plain)  # type: ignore[arg-type]
    operation.poison = frozenset(f"t{number}" for number in bad)
    return operation


class TestUnknownIds:
    """Ids that no list page shows are looked for singly, and never sent."""

    async def test_unknown_ids_are_found_out_by_the_survey_and_spoil_no_batch(self) -> None:
        unknown = [f"x{number}" for number in range(7)]
        stage = Stage(FakeOperation(running(60)), [*unknown, *running(60)])
        report = await stage.play()
        assert counted(report) == {"stopped": 60, "not_found": 7}
        assert not any(item in batch for batch in stage.batches for item in unknown)
        assert sorted(stage.operation.calls("show")) == sorted(unknown)
        assert [event.items for event in stage.of(ev.Missed)] == [list(range(7))]

    async def test_a_task_that_the_list_leaves_out_is_stopped_all_the_same(self) -> None:
        stage = Stage(FakeOperation({**running(9), "hidden": FakeTask(listed=False)}))
        assert counted(await stage.play()) == {"stopped": 10}
        assert stage.operation.accepted["hidden"] == 1

    async def test_a_task_that_vanishes_after_it_was_seen_is_not_found(self) -> None:
        operation = FakeOperation(running(20))
        operation.hooks["stop"] = vanish
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 19, "not_found": 1}
        assert outcomes(report)["t5"] == "not_found"

    async def test_an_id_that_may_not_even_be_looked_at_is_rejected(self) -> None:
        """The service refuses the very question."""
        operation = FakeOperation({"a": FakeTask(listed=False), "b": FakeTask()})
        operation.faults["show"] = [Failure(verdict=Verdict.REJECTED, code="FORM", message="malformed id", status=400)]
        report = await Stage(operation, ["a", "b"]).play()
        assert outcomes(report) == {"a": "rejected", "b": "stopped"}
        assert next(iter(report.rows())).error_code == "FORM"


class TestDeleting:
    """Where an item that is gone is what was wanted."""

    async def test_gone_after_we_asked_is_done_and_gone_before_is_not_found(self) -> None:
        operation = FakeOperation(running(10))
        operation.gone_is_goal = True
        operation.over = operation.over | {next(o for o in type(next(iter(operation.over))) if o.value == "not_found")}

        def delete(service: FakeOperation) -> None:
            for item in [item for item, task in service.tasks.items() if task.stop_at is not None]:
                del service.tasks[item]

        operation.hooks["list"] = delete
        operation.hooks["show"] = delete
        stage = Stage(operation, [*running(10), "unknown"])
        report = await stage.play()
        assert counted(report) == {"stopped": 10, "not_found": 1}
        assert report.exit_code == 0
        assert stage.run.numbers().over == 11


class TestPoison:
    """A batch refused for an id is taken apart until the id stands alone."""

    def test_the_poisoned_fake_is_an_operation_too(self) -> None:
        assert isinstance(poisoned(1, set()), BulkOperation)

    @pytest.mark.parametrize("bad", [0, 1, 24, 25, 26, 48, 49])
    async def test_one_bad_id_costs_at_most_thirteen_more_requests(self, bad: int) -> None:
        stage = Stage(poisoned(50, {bad}))
        report = await stage.play()
        assert counted(report) == {"stopped": 49, "rejected": 1}
        assert outcomes(report)[f"t{bad}"] == "rejected"
        assert len(stage.batches) <= 1 + 13
        assert stage.batches.count([f"t{bad}"]) == 1

    @pytest.mark.parametrize("seed", range(12))
    async def test_ten_bad_ids_cost_at_most_fifty_one_and_no_good_one_is_called_bad(self, seed: int) -> None:
        bad = set(Random(seed).sample(range(50), 10))
        operation = poisoned(50, bad)
        stage = Stage(operation)
        report = await stage.play()
        assert {item for item, outcome in outcomes(report).items() if outcome == "rejected"} == operation.poison
        assert counted(report) == {"stopped": 40, "rejected": 10}
        assert len(stage.batches) + len(operation.calls("show")) <= 1 + 51  # what confirms it is looked at together
        assert all(operation.accepted[item] == 1 for item in stage.ids if item not in operation.poison)

    async def test_several_spoiled_batches_are_taken_apart_side_by_side(self) -> None:
        operation = poisoned(200, {3, 60, 61, 149, 199})
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 195, "rejected": 5}
        asked = Counter(item for batch in stage.batches for item in batch if len(batch) == 1)
        assert all(asked[item] == 1 for item in operation.poison)

    async def test_throttled_and_lost_answers_in_the_middle_of_it_change_nothing(self) -> None:
        operation = poisoned(50, {7, 30})
        honest = operation.submit
        stumbles = [None, THROTTLED, None, LOST, None, THROTTLED, LOST]

        async def stumbling(ids: Sequence[str]) -> Ack:
            if stumbles and (stumble := stumbles.pop(0)) is not None:
                await operation._begin("stop", list(ids))
                raise ServiceError(stumble)
            return await honest(ids)

        operation.submit = stumbling  # type: ignore[method-assign]
        stage = Stage(operation)
        report = await stage.play()
        assert {item for item, outcome in outcomes(report).items() if outcome == "rejected"} == operation.poison
        assert counted(report) == {"stopped": 48, "rejected": 2}
        assert set(operation.accepted.values()) == {1}

    async def test_items_that_went_down_while_their_batch_was_taken_apart_are_passed_over(self) -> None:
        operation = poisoned(50, {10})

        def fall(service: FakeOperation) -> None:
            if len(service.calls("stop")) == 2:
                for number in range(25, 50):
                    service.tasks[f"t{number}"].status = "STOPPED"

        operation.hooks["stop"] = fall
        stage = Stage(operation)
        report = await stage.play()
        assert outcomes(report)["t10"] == "rejected"
        assert counted(report)["rejected"] == 1
        assert report.outcomes["stopped"] + report.outcomes["already_stopped"] == 49

    async def test_a_bad_single_that_the_service_does_not_know_is_not_found(self) -> None:
        operation = FakeOperation(running(20))
        operation.hooks["stop"] = vanish
        operation.max_page = 0
        report = await Stage(operation, options=options(submit={"batch_size": 5})).play()
        assert counted(report) == {"stopped": 19, "not_found": 1}
