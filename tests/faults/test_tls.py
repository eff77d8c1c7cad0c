"""Whole runs over TLS: a private authority, certificates wrong in one way, handshakes that stall or break."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.authority import Authority
from tests.faults.relay import Doorstep, Relay
from tests.faults.stage import play
from tests.faults.test_relay import COUNT, service

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("authority"))


class TestCertificates:
    async def test_one_of_a_private_authority_that_is_named(self, authority: Authority, tmp_path: Path) -> None:
        between = partial(Relay, tls=authority.context(tmp_path))
        played = await play(service(), between=between, ca_file=str(authority.file))
        assert played.counted == {"stopped": COUNT}

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"address": "127.0.0.9"}, "IP address mismatch"),
            ({"since": -9, "until": -1}, "certificate has expired"),
            ({"since": 1, "until": 9}, "certificate is not yet valid"),
            ({"trusted": False}, "unable to get local issuer certificate"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_one_that_is_wrong_ends_the_run_before_anything_is_sent(
        self, authority: Authority, tmp_path: Path, wrong: dict[str, Any], says: str
    ) -> None:
        trusted = wrong.pop("trusted", True)
        between = partial(Relay, tls=authority.context(tmp_path, **wrong))
        played = await play(service(), between=between, ca_file=str(authority.file) if trusted else None)
        assert played.relay is not None
        assert played.relay.seen == []
        assert played.counted == {"not_attempted": COUNT}
        assert played.report.exit_code == 3
        assert "no TLS with 127.0.0.1" in played.report.ending_reason
        assert says in played.report.ending_reason
        assert "service.ca_file" in played.report.ending_reason


class TestHandshakes:
    @pytest.mark.parametrize("deed", ["reset before", "close before", "stall before"])
    async def test_one_that_breaks_or_stalls_has_sent_nothing_and_is_tried_again(
        self, authority: Authority, tmp_path: Path, deed: Any
    ) -> None:
        between = partial(Doorstep, deed=deed, tls=authority.context(tmp_path))
        played = await play(service(), between=between, ca_file=str(authority.file), connect_timeout=0.3)
        assert played.counted == {"stopped": COUNT}
        failures = [*played.failures("list"), *played.failures("show"), *played.failures("stop")]
        assert failures == ["unreached"]
