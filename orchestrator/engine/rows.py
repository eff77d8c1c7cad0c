"""The rows of the account, one per unique id, read off the ledger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orchestrator.engine.account import Row
from orchestrator.engine.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Ending, Outcome

SENDING = int(State.SENDING)


def rows_of(
    ledger: Ledger,
    ids: Sequence[str],
    ending: Ending,
    words: Mapping[Outcome, str],
    items: Iterable[int] | None = None,
) -> Iterator[Row]:
    """One row per item (or of `items`), in input order, as if the run ended so; `words` name the outcomes."""
    names, failures, request_ids, batches = ledger.words, ledger.failures, ledger.request_ids, ledger.batch
    for item in range(len(ids)) if items is None else items:
        failure = failures.get(item) if failures else None
        accepted, finished = ledger.accepted_at[item], ledger.finished_at[item]
        request_id = request_ids.get(batches[item], "")
        if failure is not None and failure.request_id:
            request_id = failure.request_id
        taken = finished - accepted  # NaN, which is not equal to itself, where either is
        yield Row(
            ids[item],
            words[ledger.outcome(item, ending)],
            names[ledger.status[item]],
            names[ledger.first_status[item]],
            failure.code if failure is not None else "",
            failure.message if failure is not None else "",
            ledger.sends[item] + (ledger.state[item] == SENDING),  # in flight when the run ended
            None if math.isnan(accepted) else accepted,
            None if math.isnan(finished) else finished,
            None if math.isnan(taken) else round(taken, 3),
            request_id,
        )
