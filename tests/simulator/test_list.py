"""The list: order, pages, detail, filter, and strangers who come and go."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.roll import Roll
from tests.simulator.asking import Caller, code, going, read


class TestPages:
    @given(
        tasks=st.integers(0, 120),
        strangers=st.integers(0, 80),
        limit=st.integers(1, 60),
        order=st.sampled_from(["oldest", "newest"]),
        seed=st.integers(0, 9),
    )
    @settings(max_examples=60)
    def test_a_walk_shows_each_listed_task_exactly_once(
        self, tasks: int, strangers: int, limit: int, order: Any, seed: int
    ) -> None:
        caller = Caller(
            SimulatorOptions(tasks=tasks, strangers=strangers, order=order, seed=seed, unknown=0.1, unlisted=0.1)
        )
        seen = [row["task_id"] for row in caller.walk(limit)]
        known = {i for i in caller.ids if caller.show(i).status == 200}
        unlisted = known - set(seen)
        assert len(seen) == len(set(seen)) == len(caller.service) - len(unlisted)
        assert len(known) == tasks - round(0.1 * tasks)
        assert len(unlisted) <= len(known) * 0.1 + 1

    def test_the_order_is_by_creation(self) -> None:
        dates = [row["created_at"] for row in Caller(going(order="newest")).walk()]
        assert dates == sorted(dates, reverse=True)
        assert dates[-1] == "2024-01-01T00:00:00.508Z"
        assert len(set(dates)) == 20

    def test_strangers_stand_among_the_jobs_tasks(self) -> None:
        caller = Caller(going(tasks=50, strangers=150))
        own = [place for place, row in enumerate(caller.walk()) if row["task_id"] in set(caller.ids)]
        assert len(own) == 50
        assert own[0] < 40
        assert own[-1] > 160

    def test_the_default_limit_is_ten(self) -> None:
        assert len(read(Caller(going()).list())["migration_tasks"]) == 10

    @pytest.mark.parametrize(
        "query",
        [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"offset": "x"}, {"limit": "²"}, {"offset": "9" * 5000}],
    )
    def test_numbers_out_of_range_are_refused(self, query: dict[str, object]) -> None:
        assert code(Caller(going()).list(**query)) == (400, "DCS.4062")

    def test_beyond_the_end_there_is_an_empty_page(self) -> None:
        assert read(Caller(going()).list(offset=99)) == {"count": 20, "migration_tasks": []}

    def test_count_means_total_or_page(self) -> None:
        assert read(Caller(going(count="total")).list(limit=3))["count"] == 20
        assert read(Caller(going(count="page")).list(limit=3))["count"] == 3

    def test_a_name_is_compared_exactly_or_loosely(self) -> None:
        exact, fuzzy = Caller(going(name_match="exact")), Caller(going(name_match="fuzzy"))
        name = "dcs-migration-0000007"
        assert [row["task_name"] for row in read(exact.list(name=name))["migration_tasks"]] == [name]
        assert read(exact.list(name="dcs-migration"))["count"] == 0
        assert read(fuzzy.list(name="dcs-migration", offset=15))["count"] == 20


class TestDetail:
    def test_a_fine_list_shows_every_status(self) -> None:
        caller = Caller(going(states={"INCRMIGEATING": 1}))
        caller.stop(caller.ids[:1])
        assert {row["status"] for row in caller.walk()} == {"TERMINATING", "INCRMIGEATING"}

    def test_a_coarse_list_shows_four(self) -> None:
        states = ["MIGRATING", "FULLMIGRATING", "INCRMIGEATING", "INCRMIGRATING", "TERMINATED", "SUCCESS"]
        states += ["FAILED", "ERROR", "MIGRATION_SUCCESS", "MIGRATION_FAILED"]
        caller = Caller(going(tasks=300, list_detail="coarse", states=dict.fromkeys(states, 1)))
        caller.stop([i for i in caller.ids if caller.status(i) == "MIGRATING"][:9])
        assert {row["status"] for row in caller.walk()} == {"MIGRATING", "TERMINATED", "SUCCESS", "FAILED"}
        assert sum(caller.status(i) == "TERMINATING" for i in caller.ids) == 9

    def test_what_has_not_begun_is_shown_as_it_is(self) -> None:
        caller = Caller(going(list_detail="coarse", states={"RUNNING": 1}))
        assert {row["status"] for row in caller.walk()} == {"RUNNING"}


class TestChurn:
    @pytest.mark.parametrize(("order", "shift"), [("newest", 20), ("oldest", 0)])
    def test_new_strangers_shift_the_offsets_of_a_list_that_begins_with_the_newest(
        self, order: str, shift: int
    ) -> None:
        caller = Caller(going(order=order, churn={"created": 2}))
        before = [row["task_id"] for row in caller.walk()]
        caller.now += 10
        after = [row["task_id"] for row in caller.walk()]
        assert len(after) == 40
        assert after[shift : shift + 20] == before

    def test_deleted_strangers_leave_gaps_and_never_take_a_task_of_the_job(self) -> None:
        caller = Caller(going(strangers=30, churn={"deleted": 1}))
        caller.list()
        caller.now += 12
        assert len(list(caller.walk())) == 38
        caller.now += 100
        assert {row["task_id"] for row in caller.walk()} == set(caller.ids)

    def test_newcomers_carry_the_date_of_their_creation(self) -> None:
        caller = Caller(going(churn={"created": 1}))
        caller.list()
        caller.now += 3
        rows = list(caller.walk())
        assert rows[-1]["created_at"] == "2026-01-02T08:16:43.508Z"
        assert read(caller.show(rows[-1]["task_id"]))["created_at"] == "2026/01/02 08:16:43"


class TestIds:
    def test_given_ids_become_tasks_as_they_are(self) -> None:
        ids = ["b21989ec-2889-4b8e-99db-19c073425ec2", "a276c1ffa0a54c2597fc824b917db317", "Case_Kept"]
        caller = Caller(going(), [*ids, ids[0], "mal formed", ""])
        assert caller.ids == [*ids, "mal formed", ""]
        assert {row["task_id"] for row in caller.walk()} == set(ids)

    def test_own_ids_come_in_both_of_the_vendors_forms(self) -> None:
        lengths = [len(i) for i in Caller(going(tasks=200)).ids]
        assert 60 < lengths.count(32) < 140
        assert lengths.count(32) + lengths.count(36) == 200

    def test_unknown_ids_are_a_share_of_the_jobs(self) -> None:
        caller = Caller(going(tasks=200, unknown=0.1))
        assert len(caller.ids) == 200
        assert sum(caller.show(i).status == 400 for i in caller.ids) == 20


class TestRoll:
    @given(st.data())
    @settings(max_examples=60)
    def test_behaves_like_a_plain_list(self, data: st.DataObject) -> None:
        plain = list(range(0, data.draw(st.sampled_from([0, 3, 5000])), 2))
        roll, newest = Roll(plain), 10_000
        for _ in range(data.draw(st.integers(0, 12))):
            if data.draw(st.booleans()):
                plain.append(newest)
                roll.append(newest)
                newest += 1
            number = data.draw(st.one_of(st.integers(0, 10_010), st.sampled_from([*plain, 1])))
            assert roll.remove(number) == (number in plain)
            plain = [n for n in plain if n != number]
        offset, limit = data.draw(st.integers(0, 3000)), data.draw(st.integers(1, 3000))
        assert roll.page(offset, limit, newest_first=False) == plain[offset : offset + limit]
        assert roll.page(offset, limit, newest_first=True) == plain[::-1][offset : offset + limit]
        assert roll.everyone(newest_first=False) == plain
        assert len(roll) == len(plain)

    def test_an_emptied_block_is_forgotten(self) -> None:
        roll = Roll([1])
        assert roll.remove(1)
        roll.append(2)
        assert roll.everyone(newest_first=True) == [2]
