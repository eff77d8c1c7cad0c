"""Promises of the account's columns: neighbours that are read at once come to what each comes to alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine import events as ev
from orchestrator.engine import rows as module
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ending, Failure, Outcome, Verdict
from orchestrator.engine.rows import stretches_of
from orchestrator.testing import GONE, PHASES
from tests.engine.stage import BUSY

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from orchestrator.engine.account import Row

WORDS = {outcome: outcome.value for outcome in Outcome}
NAMED = Failure(verdict=Verdict.REJECTED, code="NO", message="never", request_id="of the refusal")


def story(kind: str, item: int) -> Iterable[ev.Event]:
    """What happens to one item, in a batch of its own."""
    batch, only = item + 1, [item]
    yield ev.Seen(at=1.0, source="list", statuses={"FINISHED" if kind == "ended" else "RUNS": only})
    if kind in {"seen", "ended"}:
        return
    if kind == "gone":
        yield ev.Gone(at=2.5, item=item, failure=GONE)
        return
    yield ev.BatchIntended(at=2.0, batch=batch, items=only)
    if kind != "sending":
        yield ev.BatchAnswered(
            at=3.0 + item,
            batch=batch,
            accepted=only if kind in {"accepted", "stopped"} else [],
            refused={item: BUSY} if kind == "refused" else {},
            rejected={item: NAMED} if kind == "rejected" else {},
            request_id=f"r{item}",
        )
    if kind == "stopped":
        yield ev.Seen(at=9.0004, source="look", statuses={"STOPPED": only})


KINDS = ("unseen", "seen", "ended", "gone", "sending", "accepted", "stopped", "refused", "rejected")


def ledger_of(kinds: list[str]) -> Ledger:
    ledger = Ledger(len(kinds), phase=PHASES.__getitem__)
    for item, kind in enumerate(kinds):
        for event in story(kind, item) if kind != "unseen" else ():
            ledger.apply(event)
    return ledger


def read(ledger: Ledger, ending: Ending, items: list[int] | None = None) -> list[Row]:
    ids = [f"t{item}" for item in range(ledger.count)]
    return [row for stretch in stretches_of(ledger, ids, ending, WORDS, items) for row in stretch.rows()]


class TestStretches:
    @given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=7), st.sampled_from(Ending))
    def test_say_of_each_what_is_said_of_it_alone(self, kinds: list[str], ending: Ending) -> None:
        ledger = ledger_of(kinds)
        singly = [row for item in range(len(kinds)) for row in read(ledger, ending, [item])]
        assert read(ledger, ending) == singly
        assert read(ledger, ending, [*reversed(range(len(kinds)))]) == singly[::-1]
        assert ledger.outcomes(ending) == dict.fromkeys(Outcome, 0) | Counter(Outcome(row.outcome) for row in singly)

    def test_are_of_a_bounded_length_and_leave_nobody_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LENGTH", 3)
        ids = [f"t{item}" for item in range(8)]
        found = list(stretches_of(ledger_of(["seen"] * 8), ids, Ending.FINISHED, WORDS))
        assert [len(stretch.task_id) for stretch in found] == [3, 3, 2]
        assert [row.task_id for stretch in found for row in stretch.rows()] == ids

    def test_give_a_single_row_too(self) -> None:
        (stretch,) = stretches_of(ledger_of([*KINDS]), [*KINDS], Ending.DEADLINE, WORDS)
        assert [stretch.row(place) for place in range(len(KINDS))] == list(stretch.rows())
        assert stretch.row(KINDS.index("stopped")).seconds_to_stop == 0.0  # the clock went back: 9.0004 is before 9
        assert stretch.row(KINDS.index("rejected")).request_id == "of the refusal"
