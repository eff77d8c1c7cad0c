"""The rows of the account, one per unique id, read off the ledger: a stretch of it at a time, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from math import isnan
from typing import TYPE_CHECKING

from orchestrator.engine.account import Stretch
from orchestrator.engine.cells import cells
from orchestrator.engine.states import FINAL_OUTCOMES, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Ending, Outcome

LENGTH = 8000  # rows that are made at a time
SENDING = int(State.SENDING)
LEFT = int(State.LEFT)


def stretches_of(
    ledger: Ledger,
    ids: Sequence[str],
    ending: Ending,
    words: Mapping[Outcome, str],
    items: Iterable[int] | None = None,
) -> Iterator[Stretch]:
    """One row per item (or of `items`), in input order, as if the run ended so; `words` name the outcomes."""
    wanted = range(len(ids)) if items is None else items if isinstance(items, Sequence) else list(items)
    for start in range(0, len(wanted), LENGTH):
        yield _stretch(ledger, ids, ending, words, wanted[start : start + LENGTH])


def _stretch(
    ledger: Ledger, ids: Sequence[str], ending: Ending, words: Mapping[Outcome, str], items: Sequence[int]
) -> Stretch:
    states, sends = cells(ledger.state, items), cells(ledger.sends, items)
    if SENDING in states:  # in flight when the run ended
        sends = [number + (state == SENDING) for number, state in zip(sends, states, strict=True)]
    codes, messages = _failures(ledger, items)
    return Stretch(
        task_id=cells(ids, items),
        outcome=_outcomes(ledger, ending, words, items, states),
        status=_named(ledger.words, cells(ledger.status, items)),
        first_status=_named(ledger.words, cells(ledger.first_status, items)),
        error_code=codes,
        error_message=messages,
        stop_requests=sends,
        accepted_at=_numbers(cells(ledger.accepted_at, items)),
        finished_at=_numbers(cells(ledger.finished_at, items)),
        request_id=_request_ids(ledger, items),
    )


def _named(names: Sequence[str], codes: Sequence[int]) -> list[str]:
    """The word of each code."""
    if codes[1:] == codes[:-1]:
        return [names[codes[0]]] * len(codes)
    return list(map(names.__getitem__, codes))


def _outcomes(
    ledger: Ledger, ending: Ending, words: Mapping[Outcome, str], items: Sequence[int], states: Sequence[int]
) -> list[str]:
    """The word for what each comes to. A state says it, but for who is not over or was left as it was."""
    final = [words[FINAL_OUTCOMES[state]] if state in FINAL_OUTCOMES else "" for state in State]
    found = _named(final, states)
    if "" not in found:
        return found
    failures, known = ledger.failures, dict[tuple[int, int], str]()
    for place, (item, state) in enumerate(zip(items, states, strict=True)):
        if final[state]:
            continue
        if item in failures or state == LEFT:
            found[place] = words[ledger.outcome(item, ending)]
            continue
        stands = state, ledger.claimed[item]  # nobody has said more of it
        if stands not in known:
            known[stands] = words[ledger.outcome(item, ending)]
        found[place] = known[stands]
    return found


def _failures(ledger: Ledger, items: Sequence[int]) -> tuple[list[str], list[str]]:
    """Codes and messages."""
    if not ledger.failures or ledger.failures.keys().isdisjoint(items):
        return [""] * len(items), [""] * len(items)
    found = list(map(ledger.failures.get, items))
    return (
        [failure.code if failure is not None else "" for failure in found],
        [failure.message if failure is not None else "" for failure in found],
    )


def _request_ids(ledger: Ledger, items: Sequence[int]) -> list[str]:
    """Of the last bad word on the item, else of its batch."""
    found = list(map(ledger.request_ids.get, cells(ledger.batch, items), repeat("")))
    failures = ledger.failures
    if failures:
        for place, item in enumerate(items):
            failure = failures.get(item)
            if failure is not None and failure.request_id:
                found[place] = failure.request_id
    return found


def _numbers(values: Sequence[float]) -> Sequence[float | None]:
    if isnan(sum(values)):
        return [None if value != value else value for value in values]  # noqa: PLR0124  # NaN
    return values
