"""Promises of dcs/details.py: whatever a row holds is read leniently, and times in every format of the vendor's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs.details import FULL, INCREMENTAL, TaskDetails, moment_of, read_one, read_rows
from orchestrator.dcs.wire import Response


def listing(*rows: object) -> Response:
    return Response(status=200, body=json.dumps({"count": len(rows), "migration_tasks": rows}).encode())


class TestRows:
    def test_hold_what_plans_and_selections_ask_for(self) -> None:
        row = {
            "task_id": "t1",
            "task_name": "nightly",
            "status": "MIGRATING",
            "migration_type": "online_migration",
            "migration_method": FULL,
            "resume_mode": "Auto",
            "created_at": "2021-06-16T06:12:55.508Z",
            "source_instance_id": "s1",
            "target_instance_id": "d1",
        }
        assert read_rows(listing(row)) == [
            TaskDetails("t1", "MIGRATING", "nightly", FULL, "auto", "2021-06-16T06:12:55.508Z", "s1", "d1")
        ]

    def test_find_the_method_where_the_vendors_examples_have_it(self) -> None:
        assert read_rows(listing({"migration_type": INCREMENTAL}))[0].method == INCREMENTAL
        assert read_rows(listing({"migration_type": "backupfile_import"}))[0].method == ""

    def test_keep_their_place_whatever_is_in_them(self) -> None:
        rows = read_rows(listing({}, {"task_id": 7, "status": None, "task_name": ["x"], "created_at": 5}))
        assert [(row.task_id, row.status, row.name, row.created_at) for row in rows] == [
            ("", "", "", ""),
            ("", "", "", "5"),
        ]

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"migration_tasks": 5}', b"<html>", b"\xff\xfe"])
    def test_of_something_else_are_none(self, body: bytes) -> None:
        assert read_rows(Response(status=200, body=body)) == []

    def test_are_read_in_another_encoding(self) -> None:
        body = json.dumps({"migration_tasks": [{"task_id": "t", "task_name": "café"}]}, ensure_ascii=False)
        response = Response(status=200, headers={"content-type": "x; charset=latin-1"}, body=body.encode("latin-1"))
        assert read_rows(response)[0].name == "café"

    def test_are_bounded(self) -> None:
        assert len(read_rows(listing({"task_name": "x" * 9999}))[0].name) == 256


class TestOne:
    def test_names_its_instances_and_never_their_passwords(self) -> None:
        body = {
            "task_id": "t",
            "status": "MIGRATING",
            "source_instance": {"id": "s", "password": "planted"},
            "target_instance": {"id": "d", "password": "planted"},
        }
        found = read_one(Response(status=200, body=json.dumps(body).encode()))
        assert (found.source_instance_id, found.target_instance_id) == ("s", "d")
        assert "planted" not in repr(found)

    def test_without_instances_has_none(self) -> None:
        found = read_one(Response(status=200, body=b'{"task_id": "t", "source_instance": null}'))
        assert (found.source_instance_id, found.target_instance_id) == ("", "")

    def test_that_cannot_be_read_is_empty(self) -> None:
        assert read_one(Response(status=200, body=b"nonsense")) == TaskDetails("", "")


class TestMoments:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2021-06-16T06:12:55.508Z", datetime(2021, 6, 16, 6, 12, 55, 508_000, tzinfo=UTC)),
            ("2021-06-16 06:12:55", datetime(2021, 6, 16, 6, 12, 55, tzinfo=UTC)),
            ("2019/10/22 14:44:30", datetime(2019, 10, 22, 14, 44, 30, tzinfo=UTC)),
            ("2019/10/22 14:44", datetime(2019, 10, 22, 14, 44, tzinfo=UTC)),
            ("2019/10/22", datetime(2019, 10, 22, tzinfo=UTC)),
            ("202404011057", datetime(2024, 4, 1, 10, 57, tzinfo=UTC)),
            ("20240401105759", datetime(2024, 4, 1, 10, 57, 59, tzinfo=UTC)),
            ("20240401", datetime(2024, 4, 1, tzinfo=UTC)),
            ("2021-06-16T06:12:55+08:00", datetime(2021, 6, 16, 6, 12, 55, tzinfo=timezone(timedelta(hours=8)))),
            ("1623823975", datetime(2021, 6, 16, 6, 12, 55, tzinfo=UTC)),
            ("1623823975508", datetime(2021, 6, 16, 6, 12, 55, 508_000, tzinfo=UTC)),
        ],
    )
    def test_in_every_format(self, text: str, moment: datetime) -> None:
        assert moment_of(f" {text} ") == moment

    @pytest.mark.parametrize("text", ["", "yesterday", "0", "99999999999999999999", "20249901", "2019/13/45", "١٢٣"])
    def test_that_are_none(self, text: str) -> None:
        assert moment_of(text) is None

    @given(st.text(max_size=40))
    def test_never_fail(self, text: str) -> None:
        found = moment_of(text)
        assert found is None or found.tzinfo is not None
