"""Promises of the codec: what the record keeps of an event comes back as it was, and nothing else is believed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine import events as ev
from orchestrator.engine.codec import KINDS, decode, encode, is_kept
from orchestrator.engine.model import Ending, Failure, Quota, Verdict

TEXT = st.text(st.characters(), max_size=40)  # half surrogate pairs included: a service may send them
NUMBER = st.floats(0.0, 1e12, allow_nan=False)
ITEMS = st.lists(st.integers(0, 10**9), max_size=5)
QUOTA = st.builds(Quota, policy=TEXT, limit=st.integers(), seconds=NUMBER)
FAILURE = st.builds(
    Failure,
    verdict=st.sampled_from(Verdict),
    code=TEXT,
    message=TEXT,
    status=st.integers(0, 999),
    request_id=TEXT,
    retry_after=st.none() | NUMBER,
    quota=st.none() | QUOTA,
)
FAILURES = st.dictionaries(st.integers(0, 10**9), FAILURE, max_size=3)
COUNTS = st.dictionaries(TEXT, st.dictionaries(TEXT, st.integers(), max_size=3), max_size=3)
FIELDS = st.sampled_from(
    ["failure", "refused", "rejected", "items", "quota", "ending", "verdict", "batch", "accepted", "at", "1", "limit"]
)

EVENTS: dict[type, st.SearchStrategy[Any]] = {
    ev.RunStarted: st.builds(ev.RunStarted, at=NUMBER, attempt=st.integers(), items=st.integers()),
    ev.Seen: st.builds(
        ev.Seen,
        at=NUMBER,
        source=st.sampled_from(["list", "look"]),
        statuses=st.dictionaries(TEXT, ITEMS),
        offset=st.none() | st.integers(0),
        request_id=TEXT,
    ),
    ev.Missed: st.builds(ev.Missed, at=NUMBER, items=ITEMS),
    ev.Gone: st.builds(ev.Gone, at=NUMBER, item=st.integers(0), failure=FAILURE),
    ev.BatchIntended: st.builds(ev.BatchIntended, at=NUMBER, batch=st.integers(0), items=ITEMS),
    ev.BatchAnswered: st.builds(
        ev.BatchAnswered,
        at=NUMBER,
        batch=st.integers(0),
        accepted=ITEMS,
        refused=FAILURES,
        rejected=FAILURES,
        unmentioned=ITEMS,
        request_id=TEXT,
    ),
    ev.BatchReturned: st.builds(ev.BatchReturned, at=NUMBER, batch=st.integers(0), items=ITEMS, failure=FAILURE),
    ev.BatchLost: st.builds(ev.BatchLost, at=NUMBER, batch=st.integers(0), items=ITEMS, failure=FAILURE),
    ev.BatchSpoiled: st.builds(ev.BatchSpoiled, at=NUMBER, batch=st.integers(0), items=ITEMS, failure=FAILURE),
    ev.Resubmitted: st.builds(ev.Resubmitted, at=NUMBER, items=ITEMS, reissue=st.booleans()),
    ev.Rejected: st.builds(ev.Rejected, at=NUMBER, items=FAILURES),
    ev.Reopened: st.builds(ev.Reopened, at=NUMBER, items=ITEMS),
    ev.Tallied: st.builds(ev.Tallied, at=NUMBER, requests=COUNTS),
    ev.QuotaLearned: st.builds(ev.QuotaLearned, at=NUMBER, api=TEXT, quota=QUOTA),
    ev.CurveLearned: st.builds(ev.CurveLearned, at=NUMBER, buckets=ITEMS),
    ev.ListingRefused: st.builds(ev.ListingRefused, at=NUMBER, failure=FAILURE),
    ev.Noted: st.builds(ev.Noted, at=NUMBER, name=TEXT, text=TEXT),
    ev.RunEnded: st.builds(ev.RunEnded, at=NUMBER, ending=st.sampled_from(Ending), reason=TEXT),
}


class TestRoundTrip:
    def test_every_kind_that_is_kept_is_tested(self) -> None:
        assert set(EVENTS) == set(KINDS.values())

    @pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
    def test_an_event_comes_back_as_it_was(self, kind: type) -> None:
        @given(EVENTS[kind])
        def check(event: ev.Event) -> None:
            assert is_kept(event)
            at, name, body = encode(event)
            body.encode()  # what SQLite will do with it
            back = decode(at, name, body)
            assert back == event or _listed(back) == _listed(event)

        check()

    def test_single_requests_are_not_kept(self) -> None:
        assert not is_kept(ev.RequestEnded(at=1.0, api="list", result="ok", seconds=0.1, attempt=1))

    def test_empty_parts_cost_nothing(self) -> None:
        answered = ev.BatchAnswered(at=1.0, batch=7, accepted=[1, 2])
        assert encode(answered)[2] == '{"batch":7,"accepted":[1,2],"refused":{},"rejected":{}}'
        failure = Failure(verdict=Verdict.LOST, message="a")
        lost = ev.BatchLost(at=1.0, batch=7, items=[1], failure=failure)
        assert encode(lost)[2] == '{"batch":7,"items":[1],"failure":{"verdict":"lost","message":"a"}}'


def _listed(event: ev.Event) -> object:
    """Sequences of any kind come back as lists."""
    return {name: list(v) if isinstance(v := getattr(event, name), tuple) else v for name in event.__slots__}


class TestNonsense:
    """Whatever stands in a record that somebody edited, the answer is one of three errors."""

    @given(
        st.sampled_from([*KINDS, "Strange"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
            max_leaves=12,
        ),
    )
    def test_any_json(self, kind: str, body: object) -> None:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            decode(1.0, kind, json.dumps(body))

    def test_no_json(self) -> None:
        with pytest.raises(ValueError, match="Expecting"):
            decode(1.0, "Noted", "{")
