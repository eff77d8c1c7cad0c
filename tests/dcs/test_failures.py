"""Tests of dcs/failures.py against recorded answers, and against anything at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs import failures
from orchestrator.dcs.redaction import MAX_MESSAGE
from orchestrator.dcs.wire import Response
from orchestrator.engine.model import Quota, Verdict
from tests.dcs.fakes import AT, sample

ERRORS = sample("errors")


def body_of(case: dict[str, Any]) -> bytes:
    text: str = case["text"] if "text" in case else json.dumps(case["body"])
    return text.encode()


@pytest.mark.parametrize("case", ERRORS, ids=[case["name"] for case in ERRORS])
def test_recorded_answers(case: dict[str, Any]) -> None:
    """Each means what its line in the table says, and keeps what people need."""
    headers = Response(status=case["status"], headers=case.get("headers", {})).headers
    failure = failures.failure_of(case["api"], case["status"], headers, body_of(case), now=AT)
    assert failure.verdict is Verdict(case["verdict"])
    assert failure.status == case["status"]
    assert failure.code == case.get("code", failure.code)
    assert case.get("says", "") in failure.message
    assert failure.message
    assert failure.request_id == case.get("request_id", failure.request_id)
    assert failure.retry_after == case.get("retry_after")
    if "quota" in case:
        policy, limit, seconds = case["quota"]
        assert failure.quota == Quota(policy=policy, limit=limit, seconds=seconds)
    else:
        assert failure.quota is None


class TestText:
    """Bodies come in other encodings than they should."""

    BODY = '{"error_code":"DCS.4133","error_msg":"任务不存在"}'

    @pytest.mark.parametrize(
        ("encoding", "content_type"),
        [
            ("utf-8", ""),
            ("utf-8-sig", ""),
            ("utf-16", ""),
            ("utf-16-le", ""),
            ("gbk", "application/json; charset=GBK"),
            ("utf-8", "application/json; charset=nonsense"),
            ("utf-8", 'text/html; charset="utf-8"'),
        ],
    )
    def test_is_read_in(self, encoding: str, content_type: str) -> None:
        headers = {"content-type": content_type} if content_type else {}
        failure = failures.failure_of("show", 400, headers, self.BODY.encode(encoding), now=AT)
        assert (failure.code, failure.message) == ("DCS.4133", "任务不存在")

    def test_bytes_of_no_encoding_are_shown_as_well_as_can_be(self) -> None:
        assert failures.text_of({}, b"caf\xe9 \xff") == "caf\ufffd \ufffd"


class TestMessage:
    """Bounded, on one line, and the remedy never cut off."""

    def test_a_long_text_leaves_room_for_the_remedy(self) -> None:
        body = json.dumps({"error_code": "DCS.2003", "error_msg": "no \n" * 5000}).encode()
        failure = failures.failure_of("stop", 403, {}, body, now=AT)
        assert len(failure.message) <= MAX_MESSAGE
        assert failure.message.endswith("dcs:migrationTask:modify: have it granted")

    def test_nothing_is_longer_than_its_bound(self) -> None:
        body = json.dumps({"error_code": "c " * 999, "error_msg": "m", "request_id": "r " * 999}).encode()
        failure = failures.failure_of("stop", 500, {}, body, now=AT)
        assert max(len(failure.code), len(failure.request_id)) <= failures.MAX_CODE

    def test_an_unreadable_page_without_a_title_is_shown_without_its_tags(self) -> None:
        failure = failures.failure_of("list", 502, {}, b"<html><p>upstream <b>gone</b></p></html>", now=AT)
        assert failure.message.startswith("upstream gone")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["error_code", "code", "message", "error"]) | st.text(), inner)
    ),
    max_leaves=15,
)


@given(JSON, st.integers(200, 599), st.sampled_from(["stop", "list", "show"]))
def test_any_json_has_a_meaning(value: object, status: int, api: str) -> None:
    failure = failures.failure_of(api, status, {}, json.dumps(value).encode(), now=AT)
    assert failure.text


@given(st.binary(), st.integers(200, 599), st.text())
def test_any_bytes_have_a_meaning(body: bytes, status: int, content_type: str) -> None:
    headers = {"content-type": f"text/html; charset={content_type}", "retry-after": content_type, "date": content_type}
    assert failures.failure_of("stop", status, headers, body, now=AT).message


@pytest.mark.parametrize("body", [b"\x00", b" \n", b""])
def test_a_body_without_anything_to_show_says_so(body: bytes) -> None:
    assert failures.failure_of("stop", 429, {}, body, now=AT).message == "no reason was given"


def test_nesting_without_end_has_a_meaning() -> None:
    deep = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    assert failures.failure_of("stop", 500, {}, deep, now=AT).verdict is Verdict.LOST
