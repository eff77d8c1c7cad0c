"""Accidents: what the caller sees of each, and whether the request took effect."""

import math
from collections import Counter
from typing import get_args

import pytest

from orchestrator.simulator.options import FaultKind
from tests.simulator.asking import BASE, Caller, code, going, read


def _scripted(*kinds: str, after_effect: float = 0.5) -> Caller:
    return Caller(going(faults={"script": list(kinds), "after_effect": after_effect}))


class TestWhatTheCallerSees:
    @pytest.mark.parametrize(
        ("kind", "status", "expected"),
        [
            ("error_401", 401, "APIGW.0301"),
            ("error_500", 500, "DCS.5000"),
            ("error_503_retry_after", 503, "APIGW.0613"),
            ("timeout_504", 504, "APIGW.0203"),
        ],
    )
    def test_errors_of_service_and_gateway(self, kind: str, status: int, expected: str) -> None:
        reply = _scripted(kind).list()
        assert code(reply) == (status, expected)
        assert ("Retry-After" in reply.headers) == (status == 503)
        assert reply.delay == (3.0 if status == 504 else 0.0)

    @pytest.mark.parametrize(
        ("kind", "status", "content_type", "start"),
        [
            ("error_502_html", 502, "text/html", b"<html>"),
            ("not_json", 200, "text/html", b"<!DOCTYPE"),
            ("empty", 200, None, b""),
            ("wrong_types", 200, "application/json", b'{"count":"many"'),
            ("huge", 200, "application/json", b'{"count":0'),
        ],
    )
    def test_bodies_that_are_not_what_they_ought_to_be(
        self, kind: str, status: int, content_type: str | None, start: bytes
    ) -> None:
        reply = Caller(going(faults={"script": [kind], "huge_bytes": 5000})).list()
        assert (reply.status, reply.headers.get("Content-Type")) == (status, content_type)
        assert reply.body.startswith(start)
        assert (len(reply.body) > 5000) == (kind == "huge")

    @pytest.mark.parametrize(
        ("kind", "fault", "delay", "status"),
        [
            ("reset_before", "reset", 0, 0),
            ("reset_after", "reset", 0, 0),
            ("truncated", "truncated", 0, 200),
            ("hang", "hang", math.inf, 0),
            ("slow", "slow", 3, 200),
        ],
    )
    def test_broken_deliveries(self, kind: str, fault: str, delay: float, status: int) -> None:
        caller = _scripted(kind)
        reply = caller.list()
        assert (reply.fault, reply.delay) == (fault, delay)
        assert (caller.books.arrivals[0].fault, caller.books.arrivals[0].status) == (kind, status)


class TestEffect:
    @pytest.mark.parametrize("kind", ["error_401", "error_503_retry_after", "reset_before"])
    def test_some_strike_before(self, kind: str) -> None:
        caller = _scripted(kind, after_effect=1)
        caller.stop(caller.ids[:1])
        assert caller.status(caller.ids[0]) == "MIGRATING"
        assert caller.books.stops(caller.ids[0]) == []
        assert caller.books.arrivals[0].ids == (caller.ids[0],)

    @pytest.mark.parametrize("kind", ["reset_after", "truncated", "empty", "slow", "not_json", "wrong_types"])
    def test_some_strike_after(self, kind: str) -> None:
        caller = _scripted(kind, after_effect=0)
        caller.stop(caller.ids[:1])
        assert caller.status(caller.ids[0]) == "TERMINATING"

    @pytest.mark.parametrize("kind", ["error_500", "error_502_html", "timeout_504", "hang"])
    @pytest.mark.parametrize(("after", "status"), [(0, "MIGRATING"), (1, "TERMINATING")])
    def test_some_strike_either_way(self, kind: str, after: float, status: str) -> None:
        caller = _scripted(kind, after_effect=after)
        caller.stop(caller.ids[:1])
        assert caller.status(caller.ids[0]) == status


class TestWhen:
    def test_a_script_is_followed_request_by_request(self) -> None:
        caller = _scripted("none", "error_500", "empty")
        assert [caller.list().status for _ in range(3)] == [200, 500, 200]
        assert caller.list(limit=1).body

    def test_the_rate_is_a_share_of_the_requests_and_every_kind_comes_up(self) -> None:
        kinds = list(get_args(FaultKind))
        caller = Caller(going(faults={"rate": 0.4, "kinds": kinds, "huge_bytes": 10}))
        for _ in range(1000):
            caller.list(limit=1)
        met = Counter(arrival.fault for arrival in caller.books.arrivals)
        assert 540 < met[None] < 660
        assert set(met) == {None, *kinds}

    def test_only_the_chosen_apis_are_struck(self) -> None:
        caller = Caller(going(faults={"rate": 1, "kinds": ["error_500"], "apis": ["stop"]}))
        assert caller.list().status == 200
        assert caller.stop(caller.ids[:1]).status == 500

    def test_an_outage_strikes_everything_while_it_lasts(self) -> None:
        outage = {"after": 10, "seconds": 5, "kind": "error_503_retry_after"}
        caller = Caller(going(faults={"outages": [outage]}))
        seen = []
        for _ in range(4):
            seen.append(caller.list().status)
            caller.now += 5
        assert seen == [200, 200, 503, 200]

    def test_what_the_gateway_refuses_meets_no_accident(self) -> None:
        caller = Caller(going(faults={"script": ["error_500"]}))
        assert caller.ask("GET", f"{BASE}/nothing").status == 404
        assert caller.list().status == 500
        assert read(caller.list())["count"] == 20
