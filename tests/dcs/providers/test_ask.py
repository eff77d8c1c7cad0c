"""Tests of dcs/providers/ask.py, the child, in this process: its answers, and that its failures are answers too."""

from __future__ import annotations

import io
import json
import sys
import time
from typing import TYPE_CHECKING

import pytest

from orchestrator.dcs.providers import ask
from tests.dcs.providers.stand_in import EXPIRES_AT, StandIn
from tests.dcs.providers.test_vendor import SECRET, oidc_environ, pod_environ

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def stand_in() -> object:
    with StandIn() as running:
        yield running


def set_all(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


class TestAnswer:
    """One question, one answer."""

    def test_the_pods(self, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        set_all(monkeypatch, pod_environ(stand_in, tmp_path))
        good = {"ak": "AK1", "sk": "SK1", "security_token": "TOKEN1", "expires_at": EXPIRES_AT}
        assert ask.answer({"source": "pod", "endpoint": ""}) == good

    def test_the_workloads(self, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        set_all(monkeypatch, oidc_environ(stand_in, tmp_path))
        assert ask.answer({"source": "oidc", "endpoint": ""})["security_token"] == "STSTOKEN1"

    def test_the_machines(self, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        from huaweicloudsdkcore.auth.internal import MetadataAccessor

        monkeypatch.setattr(MetadataAccessor, "_METADATA_ENDPOINT", "")  # put back what `ask` sets
        assert ask.answer({"source": "metadata", "endpoint": stand_in.url})["ak"] == "AK1"

    def test_a_refusal_without_what_was_sent(
        self, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_in.status, stand_in.body = 400, {"error_code": "STS.2", "error_msg": f"what is {SECRET}"}
        set_all(monkeypatch, oidc_environ(stand_in, tmp_path))
        monkeypatch.setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere")
        found = ask.answer({"source": "oidc", "endpoint": ""})
        assert "STS.2" in found["failure"]
        assert "[removed]" in found["failure"]
        assert SECRET not in found["failure"]
        assert found["retryable"] is False

    def test_an_sdk_that_is_too_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huaweicloudsdkcore.auth.provider

        monkeypatch.delattr(huaweicloudsdkcore.auth.provider, "PodIdentityCredentialProvider")
        assert "pip install -U" in ask.answer({"source": "pod", "endpoint": ""})["failure"]

    @pytest.mark.parametrize(("status", "retryable"), [(403, False), (503, True)])
    def test_a_status_tells_whether_it_may_pass(
        self, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, status: int, retryable: bool
    ) -> None:
        stand_in.status = status
        set_all(monkeypatch, pod_environ(stand_in, tmp_path))
        assert ask.answer({"source": "pod", "endpoint": ""})["retryable"] is retryable

    def test_nobody_there_may_pass(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with StandIn() as gone:
            set_all(monkeypatch, pod_environ(gone, tmp_path))
        assert ask.answer({"source": "pod", "endpoint": ""})["retryable"] is True

    def test_main_speaks_json(
        self, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_all(monkeypatch, pod_environ(stand_in, tmp_path))
        monkeypatch.setattr(ask.logging, "disable", lambda: None)  # type: ignore[attr-defined]
        monkeypatch.setattr(sys, "stdin", io.StringIO('{"source": "pod", "endpoint": ""}'))
        ask.main()
        assert json.loads(capsys.readouterr().out)["ak"] == "AK1"
