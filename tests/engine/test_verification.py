"""Promises of engine/verification.py, as a table: what was reported, what is seen, and whether that is the same."""

from __future__ import annotations

import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.inspection import Sight
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ending, Failure, Phase, Verdict
from orchestrator.engine.verification import claim_of, holds
from orchestrator.testing import PHASES

GONE = Sight(is_gone=True)


def seen(status: str) -> Sight:
    return Sight(status=status, phase=PHASES.get(status, Phase.ALIEN))


def ledger_of(status: str, *, accepted: bool = False, gone: bool = False, gone_is_goal: bool = False) -> Ledger:
    ledger = Ledger(1, phase=lambda word: PHASES.get(word, Phase.ALIEN), gone_is_goal=gone_is_goal)
    if accepted:
        ledger.apply(ev.Seen(at=1.0, source="list", statuses={"RUNS": [0]}))
        ledger.apply(ev.BatchIntended(at=1.0, batch=1, items=[0]))
        ledger.apply(ev.BatchAnswered(at=1.0, batch=1, accepted=[0]))
    if status:
        ledger.apply(ev.Seen(at=2.0, source="look", statuses={status: [0]}))
    if gone:
        if not accepted:
            ledger.apply(ev.Missed(at=2.0, items=[0]))
        ledger.apply(ev.Gone(at=2.0, item=0, failure=Failure(verdict=Verdict.GONE)))
    return ledger


@pytest.mark.parametrize(
    ("ledger", "same", "different"),
    [
        (ledger_of("STOPPED", accepted=True), ["STOPPED"], ["RUNS", "STOPPING", "FINISHED", "ODD"]),
        (ledger_of("STOPPED"), ["STOPPED"], ["RUNS", "FINISHED"]),
        (ledger_of("FINISHED"), ["FINISHED", "BROKEN"], ["RUNS", "STOPPED"]),
        (ledger_of("ODD"), ["ODD", " odd"], ["STRANGE", "RUNS", "STOPPED"]),
        (ledger_of("STOPPING"), ["STOPPING", "RUNS"], ["STOPPED", "FINISHED", "ODD"]),
        (ledger_of("RUNS"), ["RUNS", "STOPPING"], ["STOPPED"]),
    ],
)
def test_a_state_is_compared_by_what_it_means(ledger: Ledger, same: list[str], different: list[str]) -> None:
    claim = claim_of(ledger, 0, Ending.DEADLINE, gone_is_goal=False)
    assert claim is not None
    assert [holds(claim, seen(status)) for status in same] == [True] * len(same)
    assert [holds(claim, seen(status)) for status in different] == [False] * len(different)
    assert not holds(claim, GONE)


@pytest.mark.parametrize(
    "ledger", [ledger_of("", gone=True), ledger_of("", accepted=True, gone=True, gone_is_goal=True)]
)
def test_who_was_not_there_must_still_not_be_there(ledger: Ledger) -> None:
    claim = claim_of(ledger, 0, Ending.FINISHED, gone_is_goal=True)
    assert claim is not None
    assert claim.is_gone
    assert holds(claim, GONE)
    assert not holds(claim, seen("RUNS"))


def test_of_one_that_was_never_seen_nothing_is_claimed() -> None:
    assert claim_of(ledger_of(""), 0, Ending.INTERRUPTED, gone_is_goal=False) is None
