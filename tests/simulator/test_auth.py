"""Signatures and tokens are verified as the vendor's guide says; keys lock, credentials expire and rotate."""

import hashlib
import hmac

import pytest

from orchestrator.simulator.answers import Incoming, Reply
from orchestrator.simulator.auth import signature
from orchestrator.simulator.options import Secrets
from tests.simulator.asking import BASE, PROJECT, Caller, code, going, read

AK = "AKIDEXAMPLE0000000000"
SK = "SKEXAMPLE000000000000000000000000000000"
SECRETS = {"ak": AK, "sk": SK}
DATE = "20260102T080000Z"
_VECTOR_HEADERS = {
    "content-type": "application/json",
    "host": "dcs.cn-north-4.myhuaweicloud.com",
    "x-project-id": PROJECT,
    "x-sdk-date": "20260102T030405Z",
}


class TestVectors:
    """Made with the vendor's SDK."""

    def test_a_post(self) -> None:
        body = b'{"migration_tasks":["b21989ec-2889-4b8e-99db-19c073425ec2"]}'
        request = Incoming(method="POST", path=f"{BASE}/migration-task/batch-stop", body=body)
        expected = "4671c8afabd181ab90ffc7037821d1ae5dd88fe4e91bc4076c8a796ca0e5f643"
        assert signature(request, _VECTOR_HEADERS, list(_VECTOR_HEADERS), SK) == expected

    def test_a_get_with_an_awkward_query(self) -> None:
        query = [("offset", "0"), ("limit", "1000"), ("name", "a b/ü~")]
        request = Incoming(method="GET", path=f"{BASE}/migration-tasks", query=query)
        expected = "a2ed3106ea5770a9f057c1069ae04591a92823a2161cc5407253109c2aafd012"
        assert signature(request, _VECTOR_HEADERS, list(_VECTOR_HEADERS), SK) == expected

    def test_a_get_with_a_security_token(self) -> None:
        request = Incoming(method="GET", path=f"{BASE}/migration-tasks")
        headers = {
            "content-type": "application/json",
            "host": "dcs.cn-north-4.myhuaweicloud.com",
            "x-project-id": PROJECT,
            "x-sdk-date": "20260102T030405Z",
            "x-security-token": "tok+/==",
        }
        expected = "52f7dcb4e0362791bb3779d4aa78bc82f8de2fd07b49a6c66b3f28f982d335d2"
        assert signature(request, headers, list(headers), SK) == expected


def _signed(sk: str = SK, ak: str = AK, date: str = DATE, **more: str) -> dict[str, str]:
    """Headers of a signed GET of the list, computed by hand."""
    canonical = f"GET\n{BASE}/migration-tasks/\n\nx-sdk-date:{date}\n\nx-sdk-date\n{hashlib.sha256().hexdigest()}"
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    digest = hmac.new(sk.encode(), text.encode(), hashlib.sha256).hexdigest()
    value = f"SDK-HMAC-SHA256 Access={ak}, SignedHeaders=x-sdk-date, Signature={digest}"
    return {"X-Sdk-Date": date, "Authorization": value, **more}


def _get(caller: Caller, headers: dict[str, str]) -> Reply:
    return caller.ask("GET", f"{BASE}/migration-tasks", headers=headers)


def _caller(**options: object) -> Caller:
    caller = Caller(going(auth="signature", secrets=SECRETS, **options))
    caller.now = 0.0  # the hour of DATE
    return caller


class TestSignatures:
    def test_the_right_one_is_accepted(self) -> None:
        assert _get(_caller(), _signed()).status == 200

    @pytest.mark.parametrize(
        ("headers", "text"),
        [
            ({}, "no usable Authorization header"),
            ({"Authorization": "Basic Zm9v"}, "no usable Authorization header"),
            ({**_signed(), "X-Sdk-Date": "yesterday"}, "X-Sdk-Date is not like"),
            (
                {"Authorization": _signed()["Authorization"].replace("x-sdk-date", "host"), "Host": "x"},
                "x-sdk-date",
            ),
            ({"Authorization": _signed()["Authorization"]}, "signed headers are missing: x-sdk-date"),
            (_signed(ak="SOMEBODY"), "AK does not exist or has expired"),
            (_signed(sk="wrong"), "verify aksk signature fail"),
        ],
    )
    def test_others_are_refused_and_told_why(self, headers: dict[str, str], text: str) -> None:
        reply = _get(_caller(), headers)
        assert code(reply) == (401, "APIGW.0301")
        assert text in read(reply)["error_msg"]
        assert SK not in read(reply)["error_msg"]

    def test_an_old_date_is_refused_with_the_servers_time(self) -> None:
        caller = _caller()
        caller.now = 901.0
        reply = _get(caller, _signed())
        assert code(reply) == (401, "APIGW.0303")
        text = "signature time:20260102T080000Z,server time:20260102T081501Z"
        assert text in read(reply)["error_msg"]

    def test_a_skewed_clock_refuses_what_is_dated_rightly(self) -> None:
        assert _get(_caller(clock_skew=-1000), _signed()).status == 401
        assert _get(_caller(clock_skew=900), _signed()).status == 200

    def test_a_security_token_must_be_brought_along(self) -> None:
        secrets = {**SECRETS, "security_token": "sts"}
        caller = Caller(going(auth="signature", secrets=secrets))
        caller.now = 0.0
        assert _get(caller, _signed()).status == 401
        assert _get(caller, _signed(**{"X-Security-Token": "sts"})).status == 200


class TestTokens:
    def test_the_right_one_is_accepted_and_others_are_not(self) -> None:
        caller = Caller(going(auth="token", secrets={"token": "good"}))
        assert _get(caller, {"X-Auth-Token": "good"}).status == 200
        assert "decrypt token fail" in read(_get(caller, {"X-Auth-Token": "bäd"}))["error_msg"]
        assert "x-auth-token not found" in read(_get(caller, {}))["error_msg"]

    def test_an_expired_one_must_be_updated(self) -> None:
        caller = Caller(going(auth="token", secrets={"token": "old"}, expire_after=5, renewed={"token": "new"}))
        assert _get(caller, {"X-Auth-Token": "old"}).status == 200
        caller.now += 5
        assert _get(caller, {"X-Auth-Token": "old"}).status == 401
        assert _get(caller, {"X-Auth-Token": "new"}).status == 200
        without = Caller(going(auth="token", secrets={"token": "old"}, expire_after=0))
        assert code(_get(without, {"X-Auth-Token": "old"})) == (401, "APIGW.0307")


class TestExpiry:
    def test_expired_keys_are_refused_and_renewed_ones_accepted(self) -> None:
        caller = _caller(expire_after=5, renewed={"ak": "NEW", "sk": "new"})
        assert _get(caller, _signed()).status == 200
        caller.now += 5
        assert _get(caller, _signed()).status == 401
        assert _get(caller, _signed(sk="new", ak="NEW")).status == 200

    def test_rotation_replaces_what_is_accepted(self) -> None:
        caller = _caller(expire_after=5)
        _get(caller, _signed())
        caller.now += 5
        assert _get(caller, _signed()).status == 401
        caller.service.rotate(Secrets(ak="NEW", sk="new"))
        assert _get(caller, _signed()).status == 401
        assert _get(caller, _signed(sk="new", ak="NEW")).status == 200


class TestTheLock:
    """The vendor locks a key for five minutes after more than five failures in a row."""

    def test_six_failures_in_a_row_lock_the_key(self) -> None:
        caller = _caller(lock_seconds=300)
        for _ in range(6):
            _get(caller, _signed(sk="wrong"))
        reply = _get(caller, _signed())
        assert "AK access failed to reach the limit" in read(reply)["error_msg"]
        caller.now += 300
        assert _get(caller, _signed()).status == 200

    def test_five_failures_do_not(self) -> None:
        caller = _caller()
        for _ in range(3):
            for _ in range(5):
                _get(caller, _signed(sk="wrong"))
            assert _get(caller, _signed()).status == 200

    def test_requests_during_the_lock_do_not_prolong_it(self) -> None:
        caller = _caller(lock_seconds=300)
        for _ in range(20):
            _get(caller, _signed(sk="wrong"))
        caller.now += 300
        assert _get(caller, _signed()).status == 200

    def test_refused_requests_have_no_effect_and_take_no_quota(self) -> None:
        caller = _caller(quotas={"list": {"limit": 1, "seconds": 60}})
        _get(caller, {})
        assert _get(caller, _signed()).status == 200
