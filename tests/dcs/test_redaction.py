"""Tests of dcs/redaction.py: nothing secret and nothing unprintable gets through."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs.redaction import MAX_MESSAGE, presentable

SECRET = "hunter2-Zm9vYmFy"


@pytest.mark.parametrize(
    "text",
    [
        f"verify aksk signature fail, canonicalRequest:POST|/v2/|host:x|x-security-token:{SECRET}||",
        f"canonical_request is\nPOST\n{SECRET}",
        f"Authorization: SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature={SECRET.replace('-', '')}",
        f"got SDK-HMAC-SHA256 Access={SECRET}, SignedHeaders=a;b, Signature=00ff",
        f"Authorization: Bearer {SECRET}",
        f'"authorization": "Basic {SECRET}"',
        f"X-Auth-Token: {SECRET}",
        f"x-security-token={SECRET}&a=b",
        f'{{"password":"{SECRET}"}}',
        f'{{\\"password\\": \\"{SECRET}\\"}}',
        f"password : '{SECRET} with blanks'",
        f"source_password={SECRET}",
        f"sk={SECRET}",
        f"secret_key: {SECRET}",
        f"Cookie: {SECRET}",
        f"https://user:{SECRET}@proxy:3128",
        f"decrypt token fail {SECRET * 10}",
    ],
)
def test_removes_secrets(text: str) -> None:
    assert "hunter2" not in presentable(text)


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect IAM authentication information: token expires, expires_at:2026-01-02",
        "x-auth-token not found",
        "Get secretKey failed,ak:AK,err:ak not exist",
        "policy user over ratelimit,limit:60,time:1 minute",
        "invalid migration task id in the request.",
    ],
)
def test_leaves_what_people_need(text: str) -> None:
    assert presentable(text) == text


@given(st.text())
def test_is_one_bounded_printable_line(text: str) -> None:
    line = presentable(text * 50)
    assert len(line) <= MAX_MESSAGE
    assert line.isprintable()


def test_takes_no_long_time_over_hostile_text() -> None:
    """Patterns that look back over their own matches would take minutes here."""
    for text in (
        "token" * 20_000,
        "a-" * 50_000,
        "Signature " * 10_000,
        "SDK-HMAC-X " * 10_000,
        '"' * 100_000,
        "a" * 100_000,
    ):
        started = time.thread_time()
        presentable(text)
        assert time.thread_time() - started < 10.0
