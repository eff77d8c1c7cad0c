"""Whole runs over lists that are long, coarse, forbidden or vague, or that shift while they are read."""

from __future__ import annotations

from itertools import count

import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.stage import FORBIDDEN, LOST, NEVER, UNREACHED, Stage, counted, options, outcomes, running


class TestListing:
    """The list is used where it is the cheaper way, and never believed beyond what it can know."""

    async def test_an_identity_that_may_not_list_is_served_by_single_looks(self) -> None:
        operation = FakeOperation(running(12))
        operation.faults["list"] = [FORBIDDEN] * 99
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 12}
        assert len(operation.calls("list")) == 1
        assert [name for name, _ in report.notes] == ["survey.listing_refused"]
        assert "no permission" in report.notes[0][1]

    async def test_an_operation_without_a_list_is_served_by_single_looks(self) -> None:
        stage = Stage(FakeOperation(running(12), page_limit=0))
        assert counted(await stage.play()) == {"stopped": 12}
        assert stage.operation.calls("list") == []

    async def test_a_single_item_is_not_worth_a_page(self) -> None:
        stage = Stage(FakeOperation(running(3)), ["t1"])
        assert counted(await stage.play()) == {"stopped": 1}
        assert stage.operation.calls("list") == []

    @pytest.mark.parametrize("said", ["total", "page"])
    async def test_count_may_mean_all_or_this_page(self, said: str) -> None:
        stage = Stage(FakeOperation(running(450), page_limit=100, count=said))
        assert counted(await stage.play()) == {"stopped": 450}
        assert stage.operation.calls("list")[:5] == [0, 100, 200, 300, 400]

    @pytest.mark.parametrize("said", ["total", "page"])
    async def test_a_list_of_unknown_length_is_read_to_its_end_while_that_is_cheaper(self, said: str) -> None:
        """2,000 of 100,000, evenly spread: single looks for those on the last pages would cost twenty for each."""
        wanted = [f"t{number}" for number in range(0, 100_000, 50)]
        stage = Stage(FakeOperation(running(100_000), count=said), wanted)
        assert counted(await stage.play()) == {"stopped": 2000}
        pages = stage.operation.calls("list")
        assert set(pages) >= set(range(0, 100_000, 1000))
        assert len(pages) + len(stage.operation.calls("show")) <= 400

    async def test_a_service_that_gives_shorter_pages_than_asked_for(self) -> None:
        operation = FakeOperation(running(450))
        honest = operation.page

        async def short(offset: int, limit: int) -> object:
            return await honest(offset, min(limit, 200))

        operation.page = short  # type: ignore[method-assign, assignment]
        stage = Stage(operation)
        assert counted(await stage.play()) == {"stopped": 450}
        assert operation.calls("list")[:3] == [0, 200, 400]
        assert operation.calls("show") == []

    async def test_few_ids_in_a_long_list_are_looked_at_singly(self) -> None:
        """30 ids among 100,000 tasks: one page says how long the list is, then single looks are the cheaper way."""
        stage = Stage(FakeOperation(running(100_000)), [f"t{number}" for number in range(50_000, 50_030)])
        assert counted(await stage.play()) == {"stopped": 30}
        assert len(stage.operation.calls("list")) == 1

    async def test_many_ids_in_a_list_are_read_page_by_page_and_no_page_twice_by_the_survey(self) -> None:
        stage = Stage(FakeOperation(running(5000)), [f"t{number}" for number in range(0, 5000, 2)])
        assert counted(await stage.play()) == {"stopped": 2500}
        assert stage.operation.calls("list")[:5] == [0, 1000, 2000, 3000, 4000]
        assert not stage.of(ev.Missed)

    async def test_tasks_of_strangers_are_never_touched(self) -> None:
        stage = Stage(FakeOperation(running(900), page_limit=100), [f"t{number}" for number in range(0, 900, 3)])
        await stage.play()
        assert {item for batch in stage.batches for item in batch} == set(stage.ids)

    async def test_a_page_that_cannot_be_had_leaves_its_tasks_to_single_looks(self) -> None:
        operation = FakeOperation(running(12), page_limit=10)
        operation.faults["list"] = [NEVER]
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 12}
        assert [name for name, _ in report.notes] == ["survey.page_failed"]

    async def test_a_page_that_stumbles_is_asked_for_again(self) -> None:
        operation = FakeOperation(running(12), page_limit=10)
        operation.faults["list"] = [UNREACHED, LOST]
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 12}
        assert report.notes == ()
        assert (report.requests["list"].retried, report.requests["list"].failed) == (2, 0)

    async def test_a_list_that_names_a_task_twice_on_one_page(self) -> None:
        """Rows shift under the service's own paging; the same row twice is no bug of ours to die of."""
        operation = FakeOperation({**running(5), "down": FakeTask(status="STOPPED")})
        honest = operation.page

        async def doubled(offset: int, limit: int) -> object:
            page = await honest(offset, limit)
            object.__setattr__(page, "ids", [*page.ids, *page.ids])
            object.__setattr__(page, "statuses", [*page.statuses, *page.statuses])
            return page

        operation.page = doubled  # type: ignore[method-assign, assignment]
        assert counted(await Stage(operation).play()) == {"stopped": 5, "already_stopped": 1}

    async def test_the_permission_to_list_is_lost_in_the_middle(self) -> None:
        operation = FakeOperation(running(40))

        def revoke(service: FakeOperation) -> None:
            service.faults["list"] = [FORBIDDEN] * 9999

        operation.hooks["stop"] = revoke
        assert counted(await Stage(operation).play()) == {"stopped": 40}


class TestShifting:
    """Strangers create and delete tasks while the list is read: offsets shift, nobody is lost."""

    @pytest.mark.parametrize("coarse", [False, True])
    @pytest.mark.parametrize("born", [0, 1, 7])
    @pytest.mark.parametrize("gone", [0, 1, 7])
    async def test_strangers_come_and_go_while_we_look(self, born: int, gone: int, *, coarse: bool) -> None:
        ours = {f"t{number}": FakeTask(stops_after=5.0 + number % 40) for number in range(600)}
        strangers = {f"s{number}": FakeTask() for number in range(600)}
        mixed = {key: task for pair in zip(ours.items(), strangers.items(), strict=True) for key, task in pair}
        operation = FakeOperation(mixed, page_limit=100, coarse=coarse)
        serial = count()

        def shift(service: FakeOperation) -> None:
            new = {f"n{next(serial)}": FakeTask() for _ in range(born)}
            left = [key for key in service.tasks if key not in ours][:gone]
            for key in left:
                del service.tasks[key]
            service.tasks = {**new, **service.tasks}

        operation.hooks["list"] = shift
        stage = Stage(operation, list(ours))
        report = await stage.play()
        assert counted(report) == {"stopped": 600}
        assert set(operation.accepted) == set(ours)
        assert set(operation.accepted.values()) == {1}
        last = max(task.stop_at for task in ours.values() if task.stop_at is not None)
        assert report.timing.elapsed_seconds <= last + 2 * 2.0 + 10  # never much after the last task's end

    async def test_the_account_follows_the_last_end_within_two_intervals(self) -> None:
        tasks = {f"t{number}": FakeTask(stops_after=4.0 + number % 50) for number in range(3000)}
        operation = FakeOperation(tasks)
        stage = Stage(operation)
        report = await stage.play()
        assert counted(report) == {"stopped": 3000}
        last = max(task.stop_at or 0.0 for task in operation.tasks.values())
        assert report.timing.elapsed_seconds <= last + 2 * 2.0 + 0.05


class TestOthers:
    """Somebody else works on the same tasks."""

    async def test_restarted_by_someone_else_after_we_stopped_it_is_still_stopped(self) -> None:
        """It was seen at its goal: that is what the account says of it."""
        operation = FakeOperation(running(10, stops_after=1.0))
        assert counted(await Stage(operation).play()) == {"stopped": 10}

    async def test_restarted_before_it_was_seen_down_is_asked_again(self) -> None:
        operation = FakeOperation(running(4, stops_after=60.0))
        done: list[bool] = []

        def restart(service: FakeOperation) -> None:
            task = service.tasks["t1"]
            if task.stop_at is not None and not done:
                done.append(True)
                task.stop_at = None

        operation.hooks["list"] = restart
        operation.hooks["show"] = restart
        stage = Stage(operation, options=options(poll={"reissue_after": 30.0}))
        assert counted(await stage.play()) == {"stopped": 4}
        assert operation.accepted["t1"] == 2

    async def test_a_task_that_was_going_and_runs_again_is_sent(self) -> None:
        operation = FakeOperation({**running(3), "back": FakeTask(stop_at=50.0)})

        def restart(service: FakeOperation) -> None:
            if not service.accepted["back"] and len(service.calls("list")) + len(service.calls("show")) > 2:
                service.tasks["back"].stop_at = None

        operation.hooks["list"] = restart
        operation.hooks["show"] = restart
        assert outcomes(await Stage(operation).play())["back"] == "stopped"

    async def test_stopped_by_someone_else_while_it_waited_to_be_sent(self) -> None:
        operation = FakeOperation(running(100), page_limit=50)

        def stop_the_rest(service: FakeOperation) -> None:
            for number in range(50, 100):
                service.tasks[f"t{number}"].status = "STOPPED"

        operation.hooks["stop"] = stop_the_rest
        report = await Stage(operation).play()
        assert report.exit_code == 0
        assert sum(counted(report).values()) == 100


class TestConfirmations:
    """The goal is seen as often as was asked for."""

    @pytest.mark.parametrize("times", [2, 3])
    async def test_each_is_seen_down_so_many_times(self, times: int) -> None:
        stage = Stage(FakeOperation(running(30)), options=options(poll={"confirmations": times}))
        report = await stage.play()
        assert counted(report) == {"stopped": 30}
        goals = [event for event in stage.of(ev.Seen) if "STOPPED" in event.statuses]
        assert len(goals) == times

    async def test_one_that_flaps_begins_to_be_counted_anew(self) -> None:
        operation = FakeOperation({"a": FakeTask(stops_after=1.0)})

        def flap(service: FakeOperation) -> None:
            looks = len(service.calls("show"))
            task = service.tasks["a"]
            task.ends_as = "STOPPING" if looks == 3 else "STOPPED"

        operation.hooks["show"] = flap
        stage = Stage(operation, options=options(poll={"confirmations": 2}))
        assert outcomes(await stage.play()) == {"a": "stopped"}
        words = [next(iter(event.statuses)) for event in stage.of(ev.Seen)]
        assert words == ["RUNS", "STOPPED", "STOPPING", "STOPPED", "STOPPED"]

    async def test_a_deadline_before_the_last_confirmation_is_timed_out(self) -> None:
        stage = Stage(FakeOperation(running(3)), options=options(poll={"confirmations": 9}, deadline=12.0))
        report = await stage.play()
        assert counted(report) == {"timed_out": 3}
        assert report.ending is Ending.DEADLINE
