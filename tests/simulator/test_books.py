"""The books tell a referee what really happened."""

from orchestrator.simulator.books import Asked
from orchestrator.simulator.lifecycle import Effect
from tests.simulator.asking import BASE, Caller, going


class TestTheTruth:
    def test_status_is_known_for_every_moment_also_in_hindsight(self) -> None:
        caller = Caller(going())
        task_id = caller.ids[0]
        caller.stop([task_id])
        assert caller.books.status_of(task_id, 5000) == "TERMINATED"
        assert caller.books.status_of(task_id, 1005) == "TERMINATING"
        assert caller.books.status_of(task_id, 999) == "MIGRATING"
        assert caller.books.first_status(task_id) == "MIGRATING"
        assert caller.books.history(task_id, 5000) == [(1000, "TERMINATING"), (1010, "TERMINATED")]

    def test_nobody_has_no_history(self) -> None:
        books = Caller(going()).books
        assert (books.status_of("x", 1), books.first_status("x"), books.history("x", 1)) == (None, None, [])

    def test_a_coarse_list_does_not_change_the_truth(self) -> None:
        caller = Caller(going(list_detail="coarse"))
        caller.stop(caller.ids[:1])
        assert caller.books.status_of(caller.ids[0], caller.now) == "TERMINATING"


class TestRequests:
    def test_every_stop_is_entered_with_its_effect(self) -> None:
        caller = Caller(going(refuse_once=1))
        task_id = caller.ids[0]
        for _ in range(3):
            caller.stop([task_id])
            caller.now += 1
        caller.stop([task_id, "nobody"])
        caller.now += 10
        caller.stop([task_id])
        caller.restart([task_id])
        effects = [Effect.REFUSED_ONCE, Effect.ACCEPTED, Effect.AGAIN, Effect.SPOILED, Effect.WRONG_STATE]
        times = [1000, 1001, 1002, 1003, 1013]
        assert caller.books.stops(task_id) == [
            Asked(time, "stop", effect) for time, effect in zip(times, effects, strict=True)
        ]
        assert caller.books.stop_times(task_id) == [1001, 1002]
        assert caller.books.requests_for(task_id)[-1] == Asked(1013, "restart", Effect.ACCEPTED)
        assert caller.books.stops("nobody") == [Asked(1003, "stop", Effect.UNKNOWN)]

    def test_every_arrival_is_entered_with_its_answer(self) -> None:
        caller = Caller(going(quotas={"stop": {"limit": 1, "seconds": 60}}))
        caller.stop(caller.ids[:2])
        caller.stop([*caller.ids[:2], "nobody"])
        caller.show(caller.ids[3])
        caller.list()
        caller.delete(["x"])
        caller.ask("POST", f"{BASE}/migration-task/batch-stop", body=b"nonsense")
        caller.ask("GET", "/nowhere")
        found = [(a.api, a.route, tuple(a.ids), a.status, a.throttled) for a in caller.books.arrivals]
        assert found == [
            ("stop", "batch-stop", tuple(caller.ids[:2]), 200, False),
            ("stop", "batch-stop", (*caller.ids[:2], "nobody"), 429, True),
            ("show", "show", (caller.ids[3],), 200, False),
            ("list", "list", (), 200, False),
            ("delete", "delete", ("x",), 200, False),
            ("stop", "batch-stop", (), 429, True),
            ("other", "other", (), 404, False),
        ]

    def test_counts_alone_keep_neither_history_nor_arrivals(self) -> None:
        caller = Caller(going(keep_books="counts"))
        caller.stop(caller.ids)
        caller.list()
        assert caller.books.arrivals == []
        assert caller.books.answers == {("stop", 200): 1, ("list", 200): 1}
        assert caller.books.effects == {("stop", Effect.ACCEPTED): 20}
        assert caller.books.stops(caller.ids[0]) == []
        assert caller.books.status_of(caller.ids[0], 5000) == "TERMINATED"
