"""Tests of dcs/identity.py: whose credentials a request bears, and as of when."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import pytest

from orchestrator.dcs import wire
from orchestrator.dcs.credentials import Credentials
from orchestrator.dcs.identity import NOTABLE_SKEW, RENEW_BEFORE, RENEW_PAUSE, Identity
from orchestrator.engine.gate import Gate
from orchestrator.engine.model import Verdict
from orchestrator.errors import CredentialsError, ServiceError
from tests.dcs.fakes import AK, AT, PROJECT, SK, answer

REQUEST = wire.batch_stop(PROJECT, ["b21989ec-2889-4b8e-99db-19c073425ec2"])


@dataclass
class Provider:
    """Hands out `found`, one after the other; an error is raised, the last one stays."""

    found: list[Credentials | CredentialsError]
    fetches: int = 0
    pause: anyio.Event | None = None

    async def fetch(self) -> Credentials:
        self.fetches += 1
        if self.pause is not None:
            await self.pause.wait()
        item = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(item, CredentialsError):
            raise item
        return item


@dataclass
class Setting:
    """An identity, and all that it stands on."""

    provider: Provider | None
    at: float = AT
    gate: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        self.identity = Identity(
            provider=self.provider,
            project_id=PROJECT,
            host="dcs.cn-north-4.myhuaweicloud.com",
            gate=self.gate,
            now=lambda: self.at,
        )

    async def headers(self) -> dict[str, str]:
        return dict((await self.identity.authenticated(REQUEST)).headers)

    async def ak(self) -> str:
        return (await self.headers())["Authorization"].split("Access=")[1].split(",")[0]


def key(ak: str, expires_at: float | None = None) -> Credentials:
    return Credentials(ak=ak, sk="sk", expires_at=expires_at)


class TestHeaders:
    """As the vendor's SDK sends them, and signed as its test vectors are."""

    async def test_with_a_key(self) -> None:
        headers = await Setting(Provider([Credentials(ak=AK, sk=SK)])).headers()
        assert headers.pop("User-Agent").startswith("dcs-orchestrator/")
        assert headers == {
            "Content-Type": "application/json",
            "Host": "dcs.cn-north-4.myhuaweicloud.com",
            "X-Project-Id": PROJECT,
            "X-Sdk-Date": "20260102T030405Z",
            "Accept": "application/json",
            "Authorization": f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=content-type;host;x-project-id;x-sdk-date, "
            "Signature=4671c8afabd181ab90ffc7037821d1ae5dd88fe4e91bc4076c8a796ca0e5f643",
        }

    async def test_with_a_temporary_key(self) -> None:
        headers = await Setting(Provider([Credentials(ak=AK, sk=SK, security_token="ST")])).headers()
        assert headers["X-Security-Token"] == "ST"
        assert "x-sdk-date;x-security-token" in headers["Authorization"]

    async def test_with_a_token(self) -> None:
        headers = await Setting(Provider([Credentials(token="T")])).headers()
        assert headers["X-Auth-Token"] == "T"
        assert not {"Authorization", "X-Sdk-Date"} & headers.keys()

    async def test_without_credentials(self) -> None:
        headers = await Setting(None).headers()
        assert not {"Authorization", "X-Auth-Token", "X-Sdk-Date"} & headers.keys()


class TestFetching:
    """Once, until there is a reason to fetch again."""

    async def test_once_for_many_requests(self) -> None:
        setting = Setting(provider := Provider([key("A"), key("B")]))
        assert [await setting.ak() for _ in range(3)] == ["A", "A", "A"]
        assert provider.fetches == 1

    async def test_once_for_many_requests_at_the_same_time(self) -> None:
        setting = Setting(provider := Provider([key("A"), key("B")], pause=anyio.Event()))
        assert provider.pause is not None
        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(setting.headers, name=f"request-{n}")
            await anyio.wait_all_tasks_blocked()
            provider.pause.set()
        assert provider.fetches == 1

    async def test_again_when_the_gate_says_so(self) -> None:
        """A 401 makes the generation grow: a mounted secret may have been rotated."""
        setting = Setting(Provider([key("A"), key("B")]))
        assert await setting.ak() == "A"
        setting.gate.refused(generation=setting.gate.generation, probe=False)
        assert await setting.ak() == "B"

    async def test_again_before_they_expire(self) -> None:
        setting = Setting(Provider([key("A", AT + 3600), key("B")]))
        assert await setting.ak() == "A"
        setting.at = AT + 3600 - RENEW_BEFORE - 1
        assert await setting.ak() == "A"
        setting.at += 1
        assert await setting.ak() == "B"

    async def test_not_with_every_request_when_there_are_none_that_last(self) -> None:
        setting = Setting(provider := Provider([key("A", AT + 10)]))
        for _ in range(5):
            await setting.ak()
        assert provider.fetches == 1
        setting.at += RENEW_PAUSE
        await setting.ak()
        assert provider.fetches == 2


class TestFetchingInVain:
    """Missing at first is the user's matter; missing later is as good as refused."""

    async def test_at_first(self) -> None:
        with pytest.raises(CredentialsError, match="none"):
            await Setting(Provider([CredentialsError("none")])).headers()

    async def test_after_a_refusal(self) -> None:
        setting = Setting(Provider([key("A", AT + 3600), CredentialsError("file gone")]))
        await setting.ak()
        setting.gate.refused(generation=setting.gate.generation, probe=False)
        with pytest.raises(ServiceError, match="file gone") as caught:
            await setting.ak()
        assert caught.value.failure.verdict is Verdict.UNAUTHENTICATED

    async def test_while_the_old_ones_are_still_good(self) -> None:
        setting = Setting(provider := Provider([key("A", AT + 3600), CredentialsError("file gone")]))
        await setting.ak()
        setting.at = AT + 3600 - RENEW_BEFORE
        assert [await setting.ak(), await setting.ak()] == ["A", "A"]
        assert provider.fetches == 2

    async def test_when_the_old_ones_have_expired(self) -> None:
        setting = Setting(Provider([key("A", AT + 3600), CredentialsError("file gone")]))
        await setting.ak()
        setting.at = AT + 3600
        with pytest.raises(ServiceError, match="file gone"):
            await setting.ak()


class TestClock:
    """A refused signature may be the fault of our clock."""

    async def date_after(self, headers: dict[str, str]) -> str:
        setting = Setting(Provider([key("A")]))
        setting.identity.heed_refusal(answer({}, status=401, headers=headers))
        return (await setting.headers())["X-Sdk-Date"]

    async def test_signs_by_the_service_s_clock_afterwards(self) -> None:
        assert await self.date_after({"Date": "Fri, 02 Jan 2026 04:04:05 GMT"}) == "20260102T040405Z"

    async def test_a_small_difference_is_none(self) -> None:
        assert NOTABLE_SKEW >= 30
        assert await self.date_after({"Date": "Fri, 02 Jan 2026 03:04:35 GMT"}) == "20260102T030405Z"

    async def test_without_a_date_nothing_changes(self) -> None:
        assert await self.date_after({}) == "20260102T030405Z"
        assert await self.date_after({"Date": "yesterday"}) == "20260102T030405Z"
