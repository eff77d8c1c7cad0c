"""Tests of dcs/regions.py: where requests may go."""

from __future__ import annotations

import pytest

from orchestrator.dcs import regions
from orchestrator.errors import InputError


class TestRegion:
    """A region gives its endpoint; it need not be known, only well-formed."""

    @pytest.mark.parametrize(
        ("region", "endpoint"),
        [
            ("cn-north-4", "https://dcs.cn-north-4.myhuaweicloud.com"),
            ("my-kualalumpur-1", "https://dcs.my-kualalumpur-1.myhuaweicloud.com"),
            ("xx-tomorrow-9", "https://dcs.xx-tomorrow-9.myhuaweicloud.com"),
            ("eu-de", "https://dcs.eu-de.otc.t-systems.com"),
            ("eu-nl", "https://dcs.eu-nl.otc.t-systems.com"),
        ],
    )
    def test_gives_its_endpoint(self, region: str, endpoint: str) -> None:
        assert regions.endpoint_of(region=region) == endpoint

    @pytest.mark.parametrize("region", [*regions.KNOWN])
    def test_every_known_one_is_well_formed(self, region: str) -> None:
        assert regions.endpoint_of_region(region).startswith(f"https://dcs.{region}.")
        assert regions.suggestion(region) is None

    @pytest.mark.parametrize(
        "region", ["", "cn", "CN-NORTH-4x!", "evil.example/", "cn-north-4.evil", "a@b-c", "x" * 999]
    )
    def test_a_malformed_one_is_refused(self, region: str) -> None:
        with pytest.raises(InputError, match="region"):
            regions.endpoint_of_region(region)

    def test_a_malformed_one_that_looks_like_a_known_one_is_met_with_a_suggestion(self) -> None:
        with pytest.raises(InputError, match="did you mean cn-north-4"):
            regions.endpoint_of_region("CN_NORTH_4")

    def test_an_unknown_one_has_a_suggestion(self) -> None:
        assert regions.suggestion("cn-noth-4") == "cn-north-4"
        assert regions.suggestion("zzzzzz") is None


class TestEndpoint:
    """https, or http to loopback; nothing but scheme, host and port."""

    @pytest.mark.parametrize(
        ("given", "endpoint"),
        [
            ("https://dcs.eu-de.otc.t-systems.com", "https://dcs.eu-de.otc.t-systems.com"),
            (" https://DCS.Example.com:443/ ", "https://dcs.example.com"),
            ("https://dcs.example.com:8443", "https://dcs.example.com:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.9.9.9:80/", "http://127.9.9.9"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://10.0.0.1", "https://10.0.0.1"),
        ],
    )
    def test_is_made_canonical(self, given: str, endpoint: str) -> None:
        assert regions.endpoint_of(endpoint=given) == endpoint

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ("http://dcs.example.com", "plain http"),
            ("http://10.0.0.1", "plain http"),
            ("http://localhost.evil.example", "plain http"),
            ("http://127.0.0.1.evil.example", "plain http"),
            ("dcs.example.com", "must begin with https"),
            ("ftp://127.0.0.1", "must begin with https"),
            ("https://", "must begin with https"),
            ("https://user:hunter2@dcs.example.com", "user name or password"),
            ("https://dcs.example.com/v2", "path or query"),
            ("https://dcs.example.com?x=1", "path or query"),
            ("https://dcs.example.com#x", "path or query"),
            ("https://dcs.example.com:port", "not a URL"),
            ("https://dcs.example.com:99999", "not a URL"),
            ("https://[::1", "not a URL"),
            ("https://dcs example.com", "not one"),
            ("https://dcs..com", "not one"),
            ("https://dcs.exämple.com", "not one"),
        ],
    )
    def test_is_refused(self, given: str, why: str) -> None:
        with pytest.raises(InputError, match=why) as caught:
            regions.endpoint_of(endpoint=given)
        assert "hunter2" not in str(caught.value)

    def test_wins_over_the_region(self) -> None:
        assert regions.endpoint_of(region="cn-north-4", endpoint="https://a.example") == "https://a.example"

    def test_one_of_the_two_is_needed(self) -> None:
        with pytest.raises(InputError, match=r"set service\.region"):
            regions.endpoint_of()


def test_loopback_is_this_machine() -> None:
    assert regions.is_loopback("http://[::1]:8080")
    assert regions.is_loopback("https://localhost")
    assert not regions.is_loopback("https://dcs.example.com")
    assert not regions.is_loopback("https://10.0.0.1")
    assert not regions.is_loopback("")


def test_the_vendors_domains_are_known() -> None:
    assert regions.is_vendor("https://dcs.cn-north-4.myhuaweicloud.com")
    assert regions.is_vendor("https://dcs.eu-de.otc.t-systems.com:8443")
    assert not regions.is_vendor("https://myhuaweicloud.com.evil.example")
    assert not regions.is_vendor("https://evilmyhuaweicloud.com")
    assert not regions.is_vendor("")
