"""The rows of the account, one per unique id, read off the ledger: a stretch of it at a time, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from math import isnan
from operator import sub
from typing import TYPE_CHECKING

from orchestrator.engine.account import Row
from orchestrator.engine.states import FINAL_OUTCOMES, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Ending, Outcome

STRETCH = 2000  # rows that are made at a time
SENDING = int(State.SENDING)


def rows_of(
    ledger: Ledger,
    ids: Sequence[str],
    ending: Ending,
    words: Mapping[Outcome, str],
    items: Iterable[int] | None = None,
) -> Iterator[Row]:
    """One row per item (or of `items`), in input order, as if the run ended so; `words` name the outcomes."""
    wanted = range(len(ids)) if items is None else items if isinstance(items, Sequence) else list(items)
    for start in range(0, len(wanted), STRETCH):
        yield from _rows(ledger, ids, ending, words, wanted[start : start + STRETCH])


def _rows(
    ledger: Ledger, ids: Sequence[str], ending: Ending, words: Mapping[Outcome, str], items: Sequence[int]
) -> Iterator[Row]:
    states, sends = list(map(ledger.state.__getitem__, items)), list(map(ledger.sends.__getitem__, items))
    if SENDING in states:  # in flight when the run ended
        sends = [number + (state == SENDING) for number, state in zip(sends, states, strict=True)]
    accepted = list(map(ledger.accepted_at.__getitem__, items))
    finished = list(map(ledger.finished_at.__getitem__, items))
    named = ledger.words.__getitem__
    columns = (
        map(ids.__getitem__, items),
        _outcomes(ledger, ending, words, items, states),
        map(named, map(ledger.status.__getitem__, items)),
        map(named, map(ledger.first_status.__getitem__, items)),
        *_failures(ledger, items),
        sends,
        _numbers(accepted),
        _numbers(finished),
        _numbers(_rounded(list(map(sub, finished, accepted)))),
        _request_ids(ledger, items),
    )
    return map(Row._make, zip(*columns, strict=True))


def _outcomes(
    ledger: Ledger, ending: Ending, words: Mapping[Outcome, str], items: Sequence[int], states: Sequence[int]
) -> list[str]:
    """The word for what each comes to. A state says it, but for who is not over or was left as it was."""
    final = [words[FINAL_OUTCOMES[state]] if state in FINAL_OUTCOMES else "" for state in State]
    found = list(map(final.__getitem__, states))
    if "" in found:
        return [
            word or words[ledger.outcome(item, ending)] for word, item in zip(found, items, strict=True)
        ]  # these few singly
    return found


def _failures(ledger: Ledger, items: Sequence[int]) -> tuple[Iterable[str], Iterable[str]]:
    """Codes and messages."""
    if not ledger.failures:
        return repeat("", len(items)), repeat("", len(items))
    found = list(map(ledger.failures.get, items))
    return (
        [failure.code if failure is not None else "" for failure in found],
        [failure.message if failure is not None else "" for failure in found],
    )


def _request_ids(ledger: Ledger, items: Sequence[int]) -> list[str]:
    """Of the last bad word on the item, else of its batch."""
    found = list(map(ledger.request_ids.get, map(ledger.batch.__getitem__, items), repeat("")))
    failures = ledger.failures
    if failures:
        for place, item in enumerate(items):
            failure = failures.get(item)
            if failure is not None and failure.request_id:
                found[place] = failure.request_id
    return found


def _numbers(values: list[float]) -> Sequence[float | None]:
    if isnan(sum(values)):
        return [None if value != value else value for value in values]  # noqa: PLR0124  # NaN
    return values


def _rounded(values: list[float]) -> list[float]:
    """To the millisecond; values repeat, since a batch is accepted and a page is seen at once."""
    made = {value: round(value, 3) for value in set(values)}
    return list(map(made.__getitem__, values))
