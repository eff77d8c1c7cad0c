"""The service as a caller meets it: calls, answers, errors, and that all of it repeats."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.simulator.options import SimulatorOptions
from tests.effort import lines_run
from tests.simulator.asking import BASE, PROJECT, Caller, code, going, read, results

_ROOT = Path(__file__).parents[2]


class TestBatchStop:
    def test_success_means_delivered_and_terminated_comes_later(self) -> None:
        caller = Caller(going())
        assert results(caller.stop(caller.ids[:2])) == dict.fromkeys(caller.ids[:2], "success")
        assert caller.status(caller.ids[0]) == "TERMINATING"
        caller.now += 9.99
        assert caller.status(caller.ids[0]) == "TERMINATING"
        caller.now += 0.01
        assert caller.status(caller.ids[0]) == "TERMINATED"
        assert caller.status(caller.ids[2]) == "MIGRATING"

    def test_one_unknown_id_fails_the_whole_batch_and_stops_nothing(self) -> None:
        caller = Caller(going())
        assert code(caller.stop([caller.ids[0], "nobody"])) == (400, "DCS.4855")
        caller.now += 100
        assert caller.status(caller.ids[0]) == "MIGRATING"

    def test_an_unknown_id_can_be_made_to_fail_only_itself(self) -> None:
        caller = Caller(going(unknown_in_batch="item"))
        found = results(caller.stop([caller.ids[0], "nobody"]))
        assert found == {caller.ids[0]: "success", "nobody": "DCS.4133"}

    def test_a_malformed_id_fails_the_batch_even_then(self) -> None:
        caller = Caller(going(unknown_in_batch="item"))
        assert code(caller.stop([caller.ids[0], "no/body"])) == (400, "DCS.4855")

    def test_a_task_that_is_over_is_refused_by_itself(self) -> None:
        caller = Caller(going(states={"SUCCESS": 1}))
        assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "DCS.4957"}

    def test_a_refusal_may_come_without_code_and_message(self) -> None:
        caller = Caller(going(states={"SUCCESS": 1}, refusals="plain"))
        assert read(caller.stop(caller.ids[:1])) == {
            "migration_tasks": [{"result": "failed", "task_id": caller.ids[0]}]
        }

    def test_a_task_being_stopped_takes_a_second_stop_without_effect(self) -> None:
        caller = Caller(going())
        caller.stop(caller.ids[:1])
        caller.now += 5
        assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "success"}
        caller.now += 5
        assert caller.status(caller.ids[0]) == "TERMINATED"

    def test_a_second_stop_can_be_refused(self) -> None:
        caller = Caller(going(again="refuse"))
        caller.stop(caller.ids[:1])
        assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "DCS.4957"}

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", "DCS.4004"),
            (b"{", "DCS.4005"),
            (b'{"migration_tasks": ["\xff"]}', "DCS.4005"),
            (b'{"migration_tasks": []}', "DCS.4004"),
            (b'{"migration_tasks": [7]}', "DCS.4062"),
            (b"{}", "DCS.4062"),
            (b"[]", "DCS.4062"),
        ],
    )
    def test_unusable_bodies_are_refused(self, body: bytes, expected: str) -> None:
        reply = Caller(going()).ask("POST", f"{BASE}/migration-task/batch-stop", body=body)
        assert code(reply) == (400, expected)

    def test_more_than_fifty_ids_are_refused(self) -> None:
        caller = Caller(going(tasks=51))
        assert caller.stop(caller.ids[:50]).status == 200
        assert caller.stop(caller.ids).status == 400
        assert caller.delete(caller.ids).status == 400


class TestAnswersThatAreNotAsAsked:
    def test_unmentioned_tasks_are_stopped_all_the_same(self) -> None:
        caller = Caller(going(unmentioned=0.25))
        mentioned = results(caller.stop(caller.ids))
        assert len(mentioned) == 15
        assert all(caller.status(i) == "TERMINATING" for i in caller.ids)

    def test_repeated_tasks_are_mentioned_twice(self) -> None:
        caller = Caller(going(repeated=0.5))
        assert len(read(caller.stop(caller.ids))["migration_tasks"]) == 30

    def test_shuffled_answers_come_in_another_order(self) -> None:
        caller = Caller(going(shuffled=True))
        order = list(results(caller.stop(caller.ids)))
        assert order != caller.ids
        assert sorted(order) == sorted(caller.ids)


class TestSingleCalls:
    def test_a_single_stop_answers_with_the_whole_task(self) -> None:
        caller = Caller(going(password="p-l-a-n-t-e-d"))
        found = read(caller.ask("POST", f"{BASE}/migration-task/{caller.ids[0]}/stop"))
        assert found["status"] == "TERMINATING"
        assert found["source_instance"]["password"] == "p-l-a-n-t-e-d"
        assert found["target_instance"]["password"] == "p-l-a-n-t-e-d"
        assert "/" in found["created_at"]

    def test_the_synchronous_stop_answers_when_the_task_is_down(self) -> None:
        caller = Caller(going())
        reply = caller.ask("POST", f"{BASE}/migration-task/{caller.ids[0]}/sync-stop")
        assert (reply.status, reply.body, reply.delay) == (204, b"", 10.0)

    def test_a_forgotten_synchronous_stop_answers_at_once(self) -> None:
        caller = Caller(going(forget=1))
        assert caller.ask("POST", f"{BASE}/migration-task/{caller.ids[0]}/sync-stop").delay == 0

    @pytest.mark.parametrize("call", ["stop", "sync-stop"])
    def test_single_stops_are_refused_as_a_whole(self, call: str) -> None:
        caller = Caller(going(states={"FAILED": 1}))
        path = f"{BASE}/migration-task"
        assert code(caller.ask("POST", f"{path}/{caller.ids[0]}/{call}")) == (400, "DCS.4957")
        assert code(caller.ask("POST", f"{path}/nobody/{call}")) == (400, "DCS.4133")

    def test_an_unknown_id_is_not_found(self) -> None:
        caller = Caller(going())
        assert code(caller.show("nobody")) == (400, "DCS.4133")
        assert code(caller.ask("GET", f"{BASE}/migration-task/nobody/stats")) == (400, "DCS.4133")

    def test_stats_tell_whether_data_moves(self) -> None:
        caller = Caller(going())
        path = f"{BASE}/migration-task/{caller.ids[0]}/stats"
        assert read(caller.ask("GET", path))["is_migrating"] is True
        caller.stop(caller.ids)
        assert read(caller.ask("GET", path))["is_migrating"] is False

    def test_an_ip_switch_shows_in_task_status_and_refuses_the_stop_until_it_is_done(self) -> None:
        caller = Caller(going(exchanging=1, exchange_seconds=30))
        assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "DCS.4957"}
        assert read(caller.show(caller.ids[0]))["task_status"] == "EXCHANGING"
        caller.now += 30
        assert read(caller.show(caller.ids[0]))["task_status"] == "EXCHANGE_SUCCESS"
        assert results(caller.stop(caller.ids[:1])) == {caller.ids[0]: "success"}


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", "/v2/"),
            ("GET", f"/v1/{PROJECT}/migration-tasks"),
            ("GET", f"{BASE}/instances"),
            ("GET", f"{BASE}/migration-task"),
            ("GET", f"{BASE}/migration-task/"),
            ("PUT", f"{BASE}/migration-task/x/stop"),
            ("GET", f"{BASE}/migration-task/batch-stop/a/b"),
        ],
    )
    def test_unknown_paths_are_answered_by_the_gateway(self, method: str, path: str) -> None:
        reply = Caller(going()).ask(method, path)
        assert code(reply) == (404, "APIGW.0101")
        assert read(reply)["request_id"] == reply.headers["X-Request-Id"]

    def test_a_malformed_project_id_is_refused(self) -> None:
        assert code(Caller(going()).ask("GET", "/v2/p/migration-tasks")) == (400, "DCS.4002")

    def test_a_hyphenated_project_id_is_well_formed(self) -> None:
        path = "/v2/0123abcd-0123-0123-0123-0123456789ab/migration-tasks"
        assert Caller(going()).ask("GET", path).status == 200

    def test_somebody_elses_project_is_refused(self) -> None:
        caller = Caller(going(project_id="f" * 32))
        assert code(caller.list()) == (403, "DCS.2003")

    def test_a_token_must_match_its_project(self) -> None:
        caller = Caller(going(project_id="f" * 32, auth="token", secrets={"token": "t"}))
        reply = caller.ask("GET", f"{BASE}/migration-tasks", headers={"x-auth-token": "t"})
        assert code(reply) == (401, "DCS.1004")

    @pytest.mark.parametrize("denied", ["DCS.2003", "APIGW.0302", "PAP5.0001"])
    def test_denied_apis_are_forbidden_and_the_others_are_not(self, denied: str) -> None:
        caller = Caller(going(deny=["list"], deny_code=denied))
        assert code(caller.list()) == (403, denied)
        assert caller.show(caller.ids[0]).status == 200

    @pytest.mark.parametrize(
        ("shape", "body"),
        [
            (
                "v2",
                {
                    "error_code": "DCS.4133",
                    "error_msg": "Instance job is not found.",
                    "error_ext_msg": None,
                },
            ),
            ("v1", {"error": {"code": "DCS.4133", "message": "Instance job is not found."}}),
            ("flat", {"code": "DCS.4133", "message": "Instance job is not found.", "ext_message": None}),
            ("camel", {"errorCode": "DCS.4133", "errorMsg": "Instance job is not found."}),
        ],
    )
    def test_error_bodies_come_in_each_of_the_services_styles(self, shape: str, body: dict[str, object]) -> None:
        assert read(Caller(going(error_shape=shape)).show("nobody")) == body


class TestEveryAnswer:
    def test_names_its_request_and_its_date(self) -> None:
        caller = Caller(going())
        first, second = caller.list(), caller.list()
        assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
        assert first.headers["Date"] == "Fri, 02 Jan 2026 08:16:40 GMT"

    def test_takes_as_long_as_the_latency_says(self) -> None:
        assert Caller(going(latency=0.25)).list().delay == 0.25
        assert Caller(going()).list().delay == 0
        spread = Caller(going(latency={"median": 0.1, "sigma": 0.5}))
        delays = sorted(spread.list().delay for _ in range(501))
        assert 0.085 < delays[250] < 0.115
        assert delays[0] < 0.06
        assert delays[-1] > 0.2


def _conversation(seed: int) -> list[object]:
    options = SimulatorOptions.from_mapping(
        {
            "tasks": 200,
            "strangers": 50,
            "seed": seed,
            "unknown": 0.05,
            "refuse_once": 0.1,
            "forget": 0.1,
            "flap": 0.1,
            "vanishes": 0.05,
            "shuffled": True,
            "unknown_in_batch": "item",
            "churn": {"created": 3, "deleted": 3},
            "latency": {"median": 0.1, "sigma": 1},
            "faults": {"rate": 0.2},
            "quotas": {"stop": {"limit": 2, "seconds": 3}},
        }
    )
    caller = Caller(options)
    said: list[object] = [caller.ids]
    for start in range(0, 200, 50):
        said += [caller.stop(caller.ids[start : start + 50]), caller.list(limit=1000)]
        caller.now += 1.7
        said.append(caller.show(caller.ids[start]))
    return said


class TestTheSeed:
    def test_repeats_everything(self) -> None:
        assert _conversation(7) == _conversation(7)

    def test_makes_the_difference(self) -> None:
        assert _conversation(7) != _conversation(8)

    def test_does_not_depend_on_the_hash_seed(self) -> None:
        program = (
            "from tests.simulator.test_core import _conversation; import hashlib;"
            "print(hashlib.sha256(repr(_conversation(7)).encode()).hexdigest())"
        )
        said = {
            subprocess.run(  # noqa: S603  our own program
                [sys.executable, "-c", program],
                check=True,
                capture_output=True,
                cwd=_ROOT,
                env={"PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"},
            ).stdout
            for hash_seed in ("1", "2")
        }
        assert len(said) == 1

    def test_gives_a_task_the_same_fate_whatever_the_order_of_requests(self) -> None:
        """A run that was killed and resumed meets the same service."""
        options = SimulatorOptions(tasks=50, states={"MIGRATING": 1})
        forwards, backwards = Caller(options), Caller(options)
        for task_id in forwards.ids:
            forwards.stop([task_id])
        for task_id in reversed(forwards.ids):
            backwards.stop([task_id])
        fates = [[c.books.history(i, 1e6) for i in forwards.ids] for c in (forwards, backwards)]
        assert fates[0] == fates[1]


class TestCost:
    def test_a_page_of_a_large_list_is_cheap(self) -> None:
        """A page of 1,000 among 100,000 is no more work than one among 10,000: the list is not scanned."""
        small, large = (Caller(going(tasks=tasks, keep_books="counts")) for tasks in (10_000, 100_000))
        for caller in (small, large):
            caller.list(limit=1000)  # what is made once
        for page in range(10):
            work = lines_run(lambda: small.list(offset=page * 900, limit=1000))  # noqa: B023  # called at once
            assert lines_run(lambda: large.list(offset=page * 9000, limit=1000)) < 1.1 * work  # noqa: B023


def test_imports_nothing_of_the_other_storeys() -> None:
    """A stand-in that shared the client's code would share its mistakes."""
    program = (
        "import sys, orchestrator.simulator.core, orchestrator.simulator.server;"
        "print([m for m in sys.modules if m.startswith('orchestrator.')"
        " and not m.startswith('orchestrator.simulator')])"
    )
    found = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert found.stdout.strip() == "[]"
