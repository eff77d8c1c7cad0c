"""No planted secret is ever shown: not by credentials, providers, clients, requests, answers or errors."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from orchestrator.dcs import credentials as source
from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.credentials import Credentials
from orchestrator.errors import OrchestratorError, ServiceError
from tests.dcs.fakes import PROJECT, FakeTransport, answer

if TYPE_CHECKING:
    from pathlib import Path

AK, SK, STS, TOKEN = "PLANTEDAK", "PLANTEDSK", "PLANTEDSTS", "PLANTEDTOKEN"
KEY = Credentials(ak=AK, sk=SK, security_token=STS)


def shown(value: object) -> str:
    return f"{value!r} {value!s} {value}"


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        Credentials(ak=AK, sk=SK),
        Credentials(token=TOKEN),
        [KEY],
        source.static(ak=AK, sk=SK),
        source.from_env({"HUAWEICLOUD_SDK_AK": AK, "HUAWEICLOUD_SDK_SK": SK}),
        DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY, proxy=f"http://u:{SK}@p:1"),
    ],
)
def test_never_in_a_representation(value: object) -> None:
    assert "PLANTED" not in shown(value)


async def test_never_in_a_signed_request() -> None:
    transport = FakeTransport()
    client = DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY, transport=transport)
    await client.list()
    assert "Authorization" in transport.requests[0].headers
    assert "PLANTED" not in shown(transport.requests[0])


async def test_never_in_an_error_that_echoes_them() -> None:
    """Some gateways repeat the canonical request, with the security token, in the message."""
    echo = f"verify aksk signature fail, canonicalRequest:GET|/v2|x-security-token:{STS}|password={SK}"
    transport = FakeTransport([answer({"error_code": "APIGW.0301", "error_msg": echo}, status=401)])
    client = DcsClient(project_id=PROJECT, region="cn-north-4", credentials=KEY, transport=transport)
    with pytest.raises(ServiceError) as caught:
        await client.show("a")
    assert "PLANTED" not in shown(caught.value) + shown(caught.value.failure)


@pytest.mark.parametrize(
    "content", [f"[basic]\nak={AK}\nsk={SK}\n{SK}\n", f"{SK}", f"[basic]\nak={AK}\nsk={SK} {SK}\n"]
)
def test_never_in_the_traceback_of_a_broken_profile(tmp_path: Path, content: str) -> None:
    (tmp_path / "c").write_text(content)
    with pytest.raises(OrchestratorError) as caught:
        source.from_profile(tmp_path / "c", {}).read()
    assert "PLANTED" not in "".join(traceback.format_exception(caught.value))
