"""Tests of dcs/wire.py: what is sent, and what answers mean."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs import wire
from orchestrator.engine.model import Verdict
from orchestrator.errors import InputError, ServiceError
from tests.dcs.fakes import AT, PROJECT, answer, sample

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS, TASKS = sample("results"), sample("tasks")
ID = "a276c1ffa0a54c2597fc824b917db317"  # of the vendor's page


def verdict_of(read: Callable[[], object]) -> Verdict:
    with pytest.raises(ServiceError) as caught:
        read()
    return caught.value.failure.verdict


class TestRequests:
    """Paths, queries and bodies are the vendor's, singulars and plurals included."""

    def test_batch_stop(self) -> None:
        request = wire.batch_stop(PROJECT, ["a", "b"])
        assert (request.api, request.method) == ("stop", "POST")
        assert request.path == f"/v2/{PROJECT}/migration-task/batch-stop"
        assert request.body == b'{"migration_tasks":["a","b"]}'
        assert request.headers == {"Content-Type": "application/json"}

    def test_batch_restart(self) -> None:
        request = wire.batch_restart(PROJECT, ("a",))
        assert (request.api, request.method) == ("restart", "POST")
        assert request.path == f"/v2/{PROJECT}/migration-tasks/batch-restart"
        assert request.body == b'{"migration_tasks":["a"]}'

    def test_delete(self) -> None:
        request = wire.delete(PROJECT, ["a"])
        assert (request.api, request.method) == ("delete", "DELETE")
        assert request.path == f"/v2/{PROJECT}/migration-tasks/delete"
        assert request.body == b'{"task_id_list":["a"]}'

    def test_list(self) -> None:
        request = wire.list_tasks(PROJECT, offset=2000, limit=500)
        assert (request.api, request.method, request.body) == ("list", "GET", b"")
        assert request.path == f"/v2/{PROJECT}/migration-tasks"
        assert request.query == (("offset", "2000"), ("limit", "500"))

    def test_show_keeps_an_id_within_its_segment(self) -> None:
        request = wire.show(PROJECT, "../a b?ü")
        assert (request.api, request.method) == ("show", "GET")
        assert request.path == f"/v2/{PROJECT}/migration-task/..%2Fa%20b%3F%C3%BC"

    @pytest.mark.parametrize("build", [wire.batch_stop, wire.batch_restart, wire.delete])
    @pytest.mark.parametrize("count", [0, 51])
    def test_no_request_is_built_for_none_or_too_many(self, build: Callable[..., wire.Request], count: int) -> None:
        with pytest.raises(InputError, match="1 to 50"):
            build(PROJECT, ["a"] * count)

    @pytest.mark.parametrize(("offset", "limit"), [(-1, 10), (0, 0), (0, 1001)])
    def test_no_page_beyond_the_vendors_bounds(self, offset: int, limit: int) -> None:
        with pytest.raises(InputError, match="limit 1 to 1000"):
            wire.list_tasks(PROJECT, offset=offset, limit=limit)

    def test_no_look_at_nothing(self) -> None:
        """An empty id would make the path of another API."""
        with pytest.raises(InputError, match="needs its id"):
            wire.show(PROJECT, "")


class TestResults:
    """Answers are matched by id, never by position."""

    @pytest.mark.parametrize("case", RESULTS, ids=[case["name"] for case in RESULTS])
    def test_recorded_answers(self, case: dict[str, Any]) -> None:
        response = answer(case["body"], headers={"X-Request-Id": "r"})
        ack = wire.read_results(response, api="stop", ids=["a", "b"], now=AT)
        assert ack.accepted == case["accepted"]
        assert {k: [f.verdict.value, f.code] for k, f in ack.refused.items()} == case["refused"]
        assert ack.request_id == "r"
        assert all(failure.message and failure.request_id == "r" for failure in ack.refused.values())

    @pytest.mark.parametrize(
        "body",
        [
            *("", "{", "[]", "null", "<html>", {}),
            {"migration_tasks": None},
            {"migration_tasks": [7]},
            {"migration_tasks": [{"task_id": 7}]},
            {"migration_tasks": [{"task_id": "a", "result": True}]},
        ],
    )
    def test_a_success_that_cannot_be_read_may_have_been_processed(self, body: object) -> None:
        assert verdict_of(lambda: wire.read_results(answer(body), api="stop", ids=["a"], now=AT)) is Verdict.LOST

    def test_an_error_is_raised_with_its_verdict(self) -> None:
        response = answer({"error_code": "DCS.4855", "error_msg": "invalid"}, status=400)
        assert verdict_of(lambda: wire.read_results(response, api="stop", ids=["a"], now=AT)) is Verdict.BAD_ITEM

    def test_the_reason_of_a_refusal_is_redacted(self) -> None:
        body = {"migration_tasks": [{"task_id": "a", "result": "failed", "error_msg": "password=hunter2"}]}
        ack = wire.read_results(answer(body), api="stop", ids=["a"], now=AT)
        assert "hunter2" not in ack.refused["a"].message


class TestDeleted:
    """Ids in the answer are deleted; the service is silent about those that do not exist."""

    def test_only_what_is_named_is_accepted(self) -> None:
        response = answer({"task_id_list": ["b", "z", "b"]}, headers={"x-request-id": "r"})
        ack = wire.read_deleted(response, ids=["a", "b", "c"], now=AT)
        assert (ack.accepted, ack.refused, ack.request_id) == (["b"], {}, "r")

    def test_nobody_was_there(self) -> None:
        assert wire.read_deleted(answer({"task_id_list": None}), ids=["a"], now=AT).accepted == []

    @pytest.mark.parametrize("body", [{}, "", {"task_id_list": "a"}, {"task_id_list": [None]}])
    def test_a_success_that_cannot_be_read_may_have_been_processed(self, body: object) -> None:
        assert verdict_of(lambda: wire.read_deleted(answer(body), ids=["a"], now=AT)) is Verdict.LOST


class TestPage:
    """A page keeps the order and the places of its rows."""

    def test_rows_in_order(self) -> None:
        rows = [{"task_id": "b", "status": "MIGRATING", "x": {"password": "p"}}, {"task_id": "a", "status": "SUCCESS"}]
        page = wire.read_page(answer({"count": 2, "migration_tasks": rows}, headers={"X-Request-Id": "r"}), now=AT)
        assert (page.ids, page.statuses) == (["b", "a"], ["MIGRATING", "SUCCESS"])
        assert (page.count, page.request_id) == (2, "r")

    def test_an_empty_page(self) -> None:
        page = wire.read_page(answer({"migration_tasks": []}), now=AT)
        assert (page.ids, page.statuses, page.count) == ([], [], None)

    @pytest.mark.parametrize("count", [None, "7", -1, True, 1.5, 10**30])
    def test_an_odd_count_spoils_nothing(self, count: object) -> None:
        page = wire.read_page(answer({"count": count, "migration_tasks": []}), now=AT)
        assert page.count == (count if count == 10**30 else None)

    def test_a_row_without_an_id_keeps_its_place(self) -> None:
        rows = [{"status": "SUCCESS"}, {"task_id": None, "status": None}, {"task_id": "a"}]
        page = wire.read_page(answer({"migration_tasks": rows}), now=AT)
        assert (page.ids, page.statuses) == (["", "", "a"], ["SUCCESS", "", ""])

    def test_a_deleted_task_is_left_to_a_single_look(self) -> None:
        rows = [
            {"task_id": "a", "status": "deleted"},
            {"task_id": "b", "status": "DELETED"},
            {"task_id": "c", "status": "X"},
        ]
        assert wire.read_page(answer({"migration_tasks": rows}), now=AT).ids == ["", "", "c"]

    def test_statuses_are_made_presentable(self) -> None:
        rows = [{"task_id": "a", "status": "X\n" * 999}, {"task_id": "b", "status": "SUCCESS"}]
        page = wire.read_page(answer({"migration_tasks": rows}), now=AT)
        assert len(page.statuses[0]) <= 64
        assert page.statuses[0].isprintable()
        assert page.statuses[1] == "SUCCESS"

    def test_a_name_that_is_not_utf8_spoils_nothing(self) -> None:
        body = b'\xef\xbb\xbf{"migration_tasks":[{"task_name":"caf\xe9","task_id":"a","status":"SUCCESS"}]}'
        assert wire.read_page(answer(body), now=AT).ids == ["a"]

    @pytest.mark.parametrize("body", [{}, [], "", {"migration_tasks": [{"task_id": 1}]}, {"migration_tasks": None}])
    def test_a_page_that_cannot_be_read_is_asked_for_again(self, body: object) -> None:
        assert verdict_of(lambda: wire.read_page(answer(body), now=AT)) is Verdict.LOST


class TestTask:
    """A single look."""

    @pytest.mark.parametrize("case", TASKS, ids=[case["name"] for case in TASKS])
    def test_recorded_answers(self, case: dict[str, Any]) -> None:
        response = answer(case["body"], headers={"X-Request-Id": "r"})
        if "status" in case:
            sighting = wire.read_task(response, task_id=ID, now=AT)
            assert (sighting.status, sighting.request_id) == (case["status"], "r")
        else:
            assert verdict_of(lambda: wire.read_task(response, task_id=ID, now=AT)) is Verdict(case["verdict"])

    @pytest.mark.parametrize("said", [ID.upper(), None, 7])
    def test_an_id_in_another_spelling_or_none_is_no_other_task(self, said: object) -> None:
        assert (
            wire.read_task(answer({"task_id": said, "status": "TERMINATED"}), task_id=ID, now=AT).status == "TERMINATED"
        )

    def test_the_answer_of_another_task_says_nothing(self) -> None:
        """A proxy that mixes up connections must not have a task reported as stopped that is not."""
        other = answer({"task_id": "b", "status": "TERMINATED"})
        assert verdict_of(lambda: wire.read_task(other, task_id=ID, now=AT)) is Verdict.LOST

    def test_an_unknown_task_is_gone(self) -> None:
        response = answer({"error_code": "DCS.4133", "error_msg": "Instance job is not found."}, status=400)
        assert verdict_of(lambda: wire.read_task(response, task_id=ID, now=AT)) is Verdict.GONE


KEYS = st.sampled_from(["migration_tasks", "task_id", "status", "result", "error_code", "task_id_list", "count"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["a", "success", "DELETED"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)


class TestAnything:
    """Deciphering raises `ServiceError` or nothing, whatever came."""

    @staticmethod
    def read_all(response: wire.Response) -> None:
        for read in (
            lambda: wire.read_results(response, api="stop", ids=["a"], now=AT),
            lambda: wire.read_deleted(response, ids=["a"], now=AT),
            lambda: wire.read_page(response, now=AT),
            lambda: wire.read_task(response, task_id=ID, now=AT),
        ):
            with contextlib.suppress(ServiceError):
                read()

    @given(VALUES, st.sampled_from([200, 204, 400, 404, 500]))
    def test_json(self, value: object, status: int) -> None:
        self.read_all(answer(json.dumps(value), status=status))

    @given(st.binary(), st.integers(100, 599))
    def test_bytes(self, body: bytes, status: int) -> None:
        self.read_all(answer(body, status=status))

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"migration_tasks":['])
    def test_nesting_without_end(self, opening: bytes) -> None:
        self.read_all(answer(opening * 100_000))


def test_an_answer_does_not_show_its_body() -> None:
    """A single look's answer holds the passwords of both instances."""
    assert "hunter2" not in repr(answer({"source_instance": {"password": "hunter2"}}))
