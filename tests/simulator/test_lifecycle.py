"""Tasks go the ways that the options say, each by the service's own books."""

import statistics

import pytest

from orchestrator.simulator.lifecycle import Effect
from orchestrator.simulator.options import SimulatorOptions
from tests.simulator.asking import Caller, going, read, results


def _statuses(caller: Caller, task_id: str, until: float = 1e6) -> list[str]:
    return [status for _, status in caller.books.history(task_id, until)]


class TestStopping:
    def test_takes_lognormal_time_of_the_given_median(self) -> None:
        caller = Caller(going(tasks=2000, stop_seconds={"median": 8, "sigma": 0.5}, batch_limit=2000))
        caller.stop(caller.ids)
        times = [caller.books.history(i, 1e6)[-1][0] - caller.now for i in caller.ids]
        assert statistics.median(times) == pytest.approx(8, rel=0.05)
        deciles = statistics.quantiles(times, n=10)
        assert deciles[8] == pytest.approx(8 * 2.718281828 ** (0.5 * 1.2816), rel=0.08)

    def test_may_show_only_after_a_delay(self) -> None:
        caller = Caller(going(stop_delay=3))
        caller.stop(caller.ids[:1])
        caller.now += 2.9
        assert caller.status(caller.ids[0]) == "MIGRATING"
        assert caller.books.history(caller.ids[0], 1e6) == [(1003, "TERMINATING"), (1013, "TERMINATED")]

    def test_a_second_stop_within_that_delay_changes_nothing(self) -> None:
        caller = Caller(going(stop_delay=3))
        caller.stop(caller.ids[:1])
        caller.now += 2
        caller.stop(caller.ids[:1])
        assert [asked.effect for asked in caller.books.stops(caller.ids[0])] == [Effect.ACCEPTED, Effect.AGAIN]
        assert caller.books.history(caller.ids[0], 1e6)[0] == (1003, "TERMINATING")

    @pytest.mark.parametrize("state", ["MIGRATING", "FULLMIGRATING", "INCRMIGEATING", "INCRMIGRATING"])
    def test_every_state_of_progress_can_be_stopped(self, state: str) -> None:
        caller = Caller(going(states={state: 1}))
        assert set(results(caller.stop(caller.ids)).values()) == {"success"}

    @pytest.mark.parametrize("state", ["RUNNING", "CREATING", "TERMINATED", "RELEASED", "HIBERNATING"])
    def test_no_other_state_can(self, state: str) -> None:
        caller = Caller(going(states={state: 1}))
        assert set(results(caller.stop(caller.ids)).values()) == {"DCS.4957"}
        assert caller.status(caller.ids[0]) == state

    def test_tasks_that_are_terminating_from_the_start_end_by_themselves(self) -> None:
        caller = Caller(going(states={"TERMINATING": 1, "SUCCESS": 1}))
        stopping = [i for i in caller.ids if caller.status(i) == "TERMINATING"]
        caller.now += 10
        assert stopping
        assert {caller.status(i) for i in stopping} == {"TERMINATED"}


class TestTraits:
    def test_refused_once_is_accepted_the_second_time(self) -> None:
        caller = Caller(going(refuse_once=0.25))
        first = results(caller.stop(caller.ids))
        refused = [i for i in caller.ids if first[i] == "DCS.4026"]
        assert len(refused) == 5
        assert set(results(caller.stop(refused)).values()) == {"success"}

    def test_refused_always_is_never_accepted(self) -> None:
        caller = Caller(going(refuse_always=0.25, refuse_always_code="DCS.4999"))
        for _ in range(3):
            answers = results(caller.stop(caller.ids))
            assert sorted(answers.values()) == ["DCS.4999"] * 5 + ["success"] * 15

    def test_forgotten_is_accepted_and_stopped_only_by_the_second_stop(self) -> None:
        caller = Caller(going(forget=0.5))
        assert set(results(caller.stop(caller.ids)).values()) == {"success"}
        caller.now += 10
        forgotten = [i for i in caller.ids if caller.status(i) == "MIGRATING"]
        assert len(forgotten) == 10
        caller.stop(forgotten)
        caller.now += 10
        assert {caller.status(i) for i in caller.ids} == {"TERMINATED"}

    def test_some_end_in_error(self) -> None:
        caller = Caller(going(ends_in_error=0.2))
        caller.stop(caller.ids)
        assert sorted(_statuses(caller, i)[-1] for i in caller.ids) == ["ERROR"] * 4 + ["TERMINATED"] * 16

    def test_some_end_by_themselves(self) -> None:
        caller = Caller(going(ends_by_itself=0.5, event_seconds=7))
        caller.list()
        caller.now += 7
        assert [caller.status(i) for i in caller.ids].count("SUCCESS") == 10

    def test_a_stop_in_time_forestalls_the_end(self) -> None:
        caller = Caller(going(ends_by_itself=1, event_seconds=7))
        caller.stop(caller.ids)
        assert {tuple(_statuses(caller, i)) for i in caller.ids} == {("TERMINATING", "TERMINATED")}

    def test_flapping_swings_back_before_the_end_and_after_it(self) -> None:
        caller = Caller(going(flap=1))
        caller.stop(caller.ids[:1])
        caller.now += 4
        assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "success"}
        assert _statuses(caller, caller.ids[0]) == [
            *("TERMINATING", "MIGRATING", "TERMINATING", "TERMINATED", "TERMINATING", "TERMINATED"),
        ]

    def test_restarted_comes_back_once_and_stays_down_the_second_time(self) -> None:
        caller = Caller(going(restarted=1, event_seconds=5))
        caller.stop(caller.ids[:1])
        assert read(caller.show(caller.ids[0]))["resume_mode"] == "auto"
        caller.now += 15
        assert caller.status(caller.ids[0]) == "MIGRATING"
        caller.stop(caller.ids[:1])
        steps = ["TERMINATING", "TERMINATED"]
        assert _statuses(caller, caller.ids[0]) == [*steps, "MIGRATING", *steps]

    def test_vanished_tasks_are_gone_from_list_and_detail(self) -> None:
        caller = Caller(going(vanishes=0.25, event_seconds=5))
        assert len(list(caller.walk())) == 20
        caller.now += 5
        left = {row["task_id"] for row in caller.walk()}
        gone = set(caller.ids) - left
        assert len(gone) == 5
        assert {caller.show(i).status for i in gone} == {400}
        assert caller.stop(gone).status == 400
        assert {caller.books.status_of(i, caller.now) for i in gone} == {"DELETED"}

    def test_the_detail_of_a_deleted_task_may_still_say_success(self) -> None:
        caller = Caller(going(vanishes=1, event_seconds=5, deleted_show="success"))
        caller.list()
        caller.now += 5
        assert list(caller.walk()) == []
        assert caller.status(caller.ids[0]) == "SUCCESS"

    def test_traits_are_of_tasks_in_progress_only(self) -> None:
        options = SimulatorOptions(tasks=200, states={"MIGRATING": 1, "SUCCESS": 1}, refuse_always=1)
        caller = Caller(options)
        over = [i for i in caller.ids if caller.status(i) == "SUCCESS"]
        assert set(results(caller.stop(over[:50])).values()) == {"DCS.4957"}


class TestRestarting:
    def test_leads_over_the_full_copy_back_into_progress(self) -> None:
        caller = Caller(going(states={"TERMINATED": 1}, restart_seconds=4))
        assert set(results(caller.restart(caller.ids)).values()) == {"success"}
        ends = [tuple(_statuses(caller, i)) for i in caller.ids]
        assert set(ends) == {("FULLMIGRATING", "INCRMIGEATING"), ("FULLMIGRATING", "SUCCESS")}

    def test_is_refused_for_tasks_in_progress_and_accepted_again_while_under_way(self) -> None:
        caller = Caller(going(states={"TERMINATED": 1}))
        caller.restart(caller.ids[:1])
        assert results(caller.restart(caller.ids[:1])) == {caller.ids[0]: "success"}
        caller.now += 100
        assert results(caller.restart(caller.ids[:1])) == {caller.ids[0]: "DCS.4957"}

    def test_can_be_stopped_on_its_way(self) -> None:
        caller = Caller(going(states={"TERMINATED": 1}))
        caller.restart(caller.ids[:1])
        caller.stop(caller.ids[:1])
        caller.now += 10
        assert caller.status(caller.ids[0]) == "TERMINATED"
        assert caller.books.effects["stop", Effect.ACCEPTED] == 1

    def test_knows_refusals_and_forgetting_like_a_stop(self) -> None:
        caller = Caller(going(states={"TERMINATED": 1}, forget=0.5, refuse_once=0.5))
        refused = [i for i, said in results(caller.restart(caller.ids)).items() if said == "DCS.4026"]
        assert len(refused) == 10
        assert sum(caller.status(i) == "TERMINATED" for i in caller.ids) >= 10
        caller.restart(caller.ids)
        caller.restart(caller.ids)
        assert {caller.status(i) for i in caller.ids} == {"FULLMIGRATING"}


class TestDeleting:
    def test_is_a_matter_of_time_and_of_tasks_at_rest(self) -> None:
        caller = Caller(going(states={"TERMINATED": 1, "MIGRATING": 1}, delete_seconds=2))
        at_rest = {i for i in caller.ids if caller.status(i) == "TERMINATED"}
        assert set(read(caller.delete([*caller.ids, "nobody"]))["task_id_list"]) == at_rest
        assert len(list(caller.walk())) == 20
        caller.now += 2
        assert {row["task_id"] for row in caller.walk()} == set(caller.ids) - at_rest
        assert read(caller.delete(at_rest))["task_id_list"] == []

    def test_an_unusable_body_is_refused(self) -> None:
        caller = Caller(going())
        assert caller.delete([]).status == 400

    def test_asking_twice_deletes_once(self) -> None:
        caller = Caller(going(states={"TERMINATED": 1}, delete_seconds=2))
        caller.delete(caller.ids[:1])
        caller.now += 1
        caller.delete(caller.ids[:1])
        caller.now += 10
        caller.list()
        assert caller.books.history(caller.ids[0], caller.now) == [(1002, "DELETED")]


def test_a_task_that_is_gone_cannot_be_moved() -> None:
    caller = Caller(going(vanishes=1, event_seconds=1, unknown_in_batch="item"))
    caller.list()
    caller.now += 1
    assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "DCS.4133"}
