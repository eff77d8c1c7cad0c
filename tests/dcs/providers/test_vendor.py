"""Tests of dcs/providers: the vendor's own providers, through the real SDK, against loopback stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.dcs import providers
from orchestrator.dcs.credentials import AbsentCredentialsError, Credentials
from orchestrator.dcs.identity import Identity
from orchestrator.dcs.providers import CredentialsUnreachableError, vendor
from orchestrator.dcs.wire import list_tasks
from orchestrator.engine.gate import Gate
from orchestrator.errors import CredentialsError
from tests.dcs.fakes import PROJECT
from tests.dcs.providers.stand_in import EXPIRES_AT, METADATA_TOKEN, STS_PATH, StandIn

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "planted-secret-token-0123456789"
DEAD_PROXY = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}


def pod_environ(stand_in: StandIn, tmp_path: Path) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text(SECRET)
    return {
        "HC_CONTAINER_CREDENTIALS_FULL_URI": f"{stand_in.url}/pod",
        "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }


def oidc_environ(stand_in: StandIn, tmp_path: Path) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text(SECRET)
    return {
        "HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::d:oidcProvider:cce",
        "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::d:agency:stopper",
        "HUAWEICLOUD_OIDC_TOKEN_FILE": str(token),
        "HUAWEICLOUD_SDK_STS_ENDPOINT": stand_in.url,
    }


class TestPod:
    """CCE pod identity."""

    async def test_sends_the_files_content_as_it_is_now(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = pod_environ(stand_in, tmp_path)
            provider = providers.pod(environ)
            first = await provider.fetch()
            (tmp_path / "token").write_text("rotated")
            second = await provider.fetch()
        assert first == Credentials(ak="AK1", sk="SK1", security_token="TOKEN1", expires_at=EXPIRES_AT)
        assert second.ak == "AK2"
        assert [(one.method, one.path, one.headers["Authorization"], one.body) for one in stand_in.asked] == [
            ("POST", "/pod", SECRET, "{}"),
            ("POST", "/pod", "rotated", "{}"),
        ]

    def test_goes_straight_whatever_the_proxy_variables_say(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            provider = providers.pod({**pod_environ(stand_in, tmp_path), **DEAD_PROXY})
            assert provider.read().ak == "AK1"

    async def test_what_was_read_at_the_start_serves_the_first_request(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            provider = providers.pod(pod_environ(stand_in, tmp_path))
            assert provider.read() == await provider.fetch()
            assert (await provider.fetch()).ak == "AK2"

    def test_a_refusal_is_told_without_the_token(self, tmp_path: Path) -> None:
        with StandIn(status=403) as stand_in:
            provider = providers.pod(pod_environ(stand_in, tmp_path))
            with pytest.raises(CredentialsError, match=r"pod: .*403.*pod identity association") as caught:
                provider.read()
        assert not isinstance(caught.value, CredentialsUnreachableError)
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_trouble_at_the_agent_may_pass(self, tmp_path: Path, status: int) -> None:
        with StandIn(status=status) as stand_in:
            provider = providers.pod(pod_environ(stand_in, tmp_path))
            with pytest.raises(CredentialsUnreachableError, match=str(status)):
                provider.read()

    def test_nobody_there_may_pass(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = pod_environ(stand_in, tmp_path)
        with pytest.raises(CredentialsUnreachableError, match="pod: ConnectionError"):
            providers.pod(environ).read()

    @pytest.mark.parametrize("body", ["<html>", {}, {"credential": {"access": "A"}}, [1]])
    def test_an_answer_of_another_shape_is_told(self, tmp_path: Path, body: object) -> None:
        told = pytest.raises(CredentialsError, match=r"^pod: .*check the pod's service account")
        with StandIn(body=body if isinstance(body, str) else json.dumps(body)) as stand_in, told:
            providers.pod(pod_environ(stand_in, tmp_path)).read()

    def test_half_of_its_variables_are_refused_and_none_are_an_absence(self) -> None:
        with pytest.raises(AbsentCredentialsError, match=r"pod: HC_CONTAINER_CREDENTIALS_FULL_URI, HC_.*: not set"):
            providers.pod({}).read()
        with pytest.raises(CredentialsError, match="pod: HC_CONTAINER_AUTHORIZATION_TOKEN_FILE must be set as well"):
            providers.pod({"HC_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/"}).read()

    @pytest.mark.parametrize("address", ["http://8.8.8.8/x", "ftp://localhost", "http://", "http://[", "http://a.com"])
    def test_a_token_is_not_sent_in_the_clear_to_strangers(self, address: str) -> None:
        environ = {"HC_CONTAINER_CREDENTIALS_FULL_URI": address, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/x"}
        with pytest.raises(CredentialsError, match="must be an https:// address, or http:// to this machine"):
            providers.pod(environ).read()

    @pytest.mark.parametrize("address", ["https://a.com/x", "http://169.254.1.2/x", "http://agent.kube-system.svc/x"])
    def test_near_addresses_and_tls_are_fine(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vendor, "SDK", "there_is_no_such_sdk")
        environ = {"HC_CONTAINER_CREDENTIALS_FULL_URI": address, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/x"}
        with pytest.raises(CredentialsError, match="vendor's SDK"):
            providers.pod(environ).read()


class TestOidc:
    """Workload identity."""

    async def test_assumes_the_agency_with_the_token_of_now(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = {**oidc_environ(stand_in, tmp_path), **DEAD_PROXY}
            found = await providers.oidc(environ).fetch()
            (tmp_path / "token").write_text("rotated")
            assert (await providers.oidc(environ).fetch()).ak == "STSAK2"
        assert found == Credentials(ak="STSAK1", sk="STSSK1", security_token="STSTOKEN1", expires_at=EXPIRES_AT)
        bodies = [json.loads(one.body) for one in stand_in.asked]
        assert stand_in.asked[0].path == STS_PATH
        assert [body["id_token"] for body in bodies] == [SECRET, "rotated"]
        assert bodies[0]["provider_urn"] == "iam::d:oidcProvider:cce"
        assert bodies[0]["agency_urn"] == "iam::d:agency:stopper"
        assert bodies[0]["duration_seconds"] == 3600

    def test_a_refusal_is_told_without_the_token(self, tmp_path: Path) -> None:
        body = {"error_code": "STS.1", "error_msg": f"bad token {SECRET}"}
        told = pytest.raises(CredentialsError, match=r"oidc: .*STS\.1.*audience")
        with StandIn(status=403, body=body) as stand_in, told as caught:
            providers.oidc(oidc_environ(stand_in, tmp_path)).read()
        assert SECRET not in str(caught.value)
        assert not isinstance(caught.value, CredentialsUnreachableError)

    def test_an_unavailable_sts_may_pass(self, tmp_path: Path) -> None:
        with StandIn(status=503) as stand_in:
            environ = oidc_environ(stand_in, tmp_path)
            with pytest.raises(CredentialsUnreachableError, match="oidc"):
                providers.oidc(environ).read()
        with pytest.raises(CredentialsUnreachableError, match="oidc"):
            providers.oidc(environ).read()

    def test_an_sts_in_the_clear_is_refused(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = oidc_environ(stand_in, tmp_path) | {"HUAWEICLOUD_SDK_STS_ENDPOINT": "http://sts.example.com"}
        with pytest.raises(CredentialsError, match="HUAWEICLOUD_SDK_STS_ENDPOINT must be an https"):
            providers.oidc(environ).read()

    def test_a_missing_token_file_is_named(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = oidc_environ(stand_in, tmp_path)
        (tmp_path / "token").unlink()
        with pytest.raises(CredentialsError, match=r"oidc: .*token' does not exist"):
            providers.oidc(environ).read()

    def test_proxies_are_passed_on_for_an_sts_that_is_far(self) -> None:
        provider = providers.oidc({})
        environ = provider._environment({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "corp", "HOME": "/root"})
        assert environ["HTTPS_PROXY"] == "http://proxy:3128"
        assert environ["no_proxy"] == environ["NO_PROXY"] == "corp,localhost,127.0.0.0/8,::1,169.254.0.0/16"
        assert "HOME" not in environ


class TestMetadata:
    """The agency of an ECS."""

    async def test_asks_for_a_token_first(self) -> None:
        with StandIn() as stand_in:
            found = await providers.metadata(DEAD_PROXY, endpoint=stand_in.url).fetch()
        assert found == Credentials(ak="AK1", sk="SK1", security_token="TOKEN1", expires_at=EXPIRES_AT)
        token, key = stand_in.asked
        assert (token.method, token.path) == ("PUT", "/meta-data/latest/api/token")
        assert token.headers["X-Metadata-Token-Ttl-Seconds"] == "21600"
        assert (key.method, key.path) == ("GET", "/openstack/latest/securitykey")
        assert key.headers["X-Metadata-Token"] == METADATA_TOKEN

    @pytest.mark.parametrize("status", [404, 405, 503])
    def test_the_old_style_goes_without(self, status: int) -> None:
        with StandIn(token_status=status) as stand_in:
            assert providers.metadata({}, endpoint=stand_in.url).read().ak == "AK1"
        assert "X-Metadata-Token" not in stand_in.asked[1].headers

    def test_an_ecs_without_an_agency_is_told_so(self) -> None:
        told = pytest.raises(CredentialsError, match=r"metadata: HTTP 401.*Agency first.*has an agency")
        with StandIn(status=401, body="Please configure Cloud Service Agency first") as stand_in, told:
            providers.metadata({}, endpoint=stand_in.url).read()

    def test_a_dead_address_is_an_answer_and_no_raw_error_of_requests(self) -> None:
        """The vendor's chain lets it escape, and never comes to the provider behind it."""
        with pytest.raises(CredentialsUnreachableError, match=r"metadata: .*must run on an ECS"):
            providers.metadata({}, endpoint="http://127.0.0.1:9").read()

    def test_the_default_address_is_the_vendors(self) -> None:
        assert b'"endpoint": "http://169.254.169.254"' in providers.metadata()._question()


class TestAuto:
    """Which of several identities counts."""

    def test_what_is_set_by_hand_wins_over_the_cluster(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = {**pod_environ(stand_in, tmp_path), "HOME": str(tmp_path)}
            by_hand = environ | {"HUAWEICLOUD_SDK_AK": "MINE", "HUAWEICLOUD_SDK_SK": "S"}
            assert providers.auto(by_hand).read().ak == "MINE"
            assert providers.auto(environ).read().ak == "AK1"

    async def test_oidc_comes_before_the_pod(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = {**pod_environ(stand_in, tmp_path), "HOME": str(tmp_path)}
            assert (await providers.auto(environ).fetch()).ak == "AK1"
            environ |= oidc_environ(stand_in, tmp_path)
            assert (await providers.auto(environ).fetch()).ak == "STSAK2"

    def test_a_broken_one_is_not_passed_over(self, tmp_path: Path) -> None:
        environ = {"HOME": str(tmp_path), "HUAWEICLOUD_OIDC_PROVIDER_URN": "urn"}
        with pytest.raises(CredentialsError, match="oidc: HUAWEICLOUD_OIDC_AGENCY_URN, HUAWEICLOUD_OIDC_TOKEN_FILE or"):
            providers.auto(environ).read()

    async def test_finding_nothing_is_quick_and_says_where_it_looked(self, tmp_path: Path) -> None:
        started = time.monotonic()
        with pytest.raises(
            AbsentCredentialsError, match=r"(?s)env:.*token:.*profile:.*oidc:.*pod:.*metadata: asked only"
        ):
            providers.auto({"HOME": str(tmp_path)}).read()
        with pytest.raises(AbsentCredentialsError, match="metadata: asked only"):
            await providers.auto({"HOME": str(tmp_path)}).fetch()
        assert time.monotonic() - started < 5  # no address was asked: that takes a time-out


class TestContainment:
    """What the SDK does beside its work stays in the child."""

    async def test_a_read_only_home_is_left_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        home.chmod(0o500)
        with StandIn() as stand_in:
            await providers.metadata(endpoint=stand_in.url).fetch()
        assert list(home.iterdir()) == []

    def test_stamps_are_utc_wherever_this_is(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            environ = {**pod_environ(stand_in, tmp_path), "TZ": "Asia/Shanghai"}
            assert providers.pod(environ).read().expires_at == EXPIRES_AT

    def test_the_sdk_does_not_enter_this_process(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            code = (
                "import sys; from orchestrator.dcs import providers; found = providers.pod().read(); "
                "print(found.ak, 'huaweicloudsdkcore' in sys.modules, 'requests' in sys.modules)"
            )
            environ = {**os.environ, **pod_environ(stand_in, tmp_path)}
            done = subprocess.run(  # noqa: S603 - this interpreter
                [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=60
            )
        assert done.stdout.split() == ["AK1", "False", "False"]

    def test_without_the_sdk_the_extra_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vendor, "SDK", "there_is_no_such_sdk")
        with StandIn() as stand_in, pytest.raises(CredentialsError, match=r"pip install 'dcs-orchestrator\[huawei\]'"):
            providers.pod(pod_environ(stand_in, tmp_path)).read()

    def test_without_a_python_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", "")
        with pytest.raises(CredentialsError, match="no Python to ask with"):
            providers.metadata({}).read()

    async def test_a_service_that_hangs_is_not_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(vendor, "ASK_SECONDS", 0.05)
        with StandIn(hang=threading.Event()) as stand_in:
            provider = providers.pod(pod_environ(stand_in, tmp_path))
            with pytest.raises(CredentialsUnreachableError, match="no answer within"):
                provider.read()
            with pytest.raises(CredentialsUnreachableError, match="no answer within"):
                await provider.fetch()

    async def test_cancelling_ends_the_child_at_once(self, tmp_path: Path) -> None:
        """A drain has ten seconds; the vendor's time-outs have more."""
        with StandIn(hang=threading.Event()) as stand_in:
            provider = providers.pod(pod_environ(stand_in, tmp_path))
            started = time.monotonic()
            with anyio.move_on_after(0.3) as scope:
                await provider.fetch()
            assert scope.cancelled_caught
            assert time.monotonic() - started < vendor.ASK_SECONDS / 2

    async def test_a_child_that_dies_is_told_without_its_words(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = tmp_path / "broken.py"
        broken.write_text(f"print('half {SECRET}')")
        monkeypatch.setattr(vendor, "CHILD", broken)
        with pytest.raises(CredentialsError, match="ended without an answer") as caught:
            await providers.metadata({}).fetch()
        assert SECRET not in str(caught.value)

    def test_nothing_shows_a_secret(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            provider = providers.pod(pod_environ(stand_in, tmp_path))
            found = provider.read()
        assert repr(provider) == "<CredentialsProvider: pod>"
        assert repr(providers.auto({})) == "<CredentialsProvider: auto>"
        assert "SK1" not in repr(found)


class TestRefresh:
    """Identities that expire are fetched anew in time."""

    async def test_before_they_expire(self, tmp_path: Path) -> None:
        with StandIn() as stand_in:
            clock = [EXPIRES_AT - 1000.0]
            identity = Identity(
                provider=providers.pod(pod_environ(stand_in, tmp_path)),
                project_id=PROJECT,
                host="localhost",
                gate=Gate(),
                now=lambda: clock[0],
            )
            request = list_tasks(PROJECT, offset=0, limit=10)
            used = []
            for at in (EXPIRES_AT - 1000.0, EXPIRES_AT - 400.0, EXPIRES_AT - 200.0):
                clock[0] = at
                used.append((await identity.authenticated(request)).headers["X-Security-Token"])
        assert used == ["TOKEN1", "TOKEN1", "TOKEN2"]
