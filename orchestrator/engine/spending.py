"""What was spent of the quotas lately: a run that is taken up again must not believe that its windows are empty."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from orchestrator.engine import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TALLIES = 4000  # about an hour of them
READS = frozenset({"list", "show"})


class Spending:
    """Folds events into answers by time. A batch that was about to leave when the process died counts as answered."""

    def __init__(self) -> None:
        self._tallies: deque[tuple[float, dict[str, int]]] = deque(maxlen=MAX_TALLIES)
        self._intents: deque[float] = deque(maxlen=MAX_TALLIES)  # batches that no tally counts yet

    def apply(self, event: ev.Event) -> None:
        """Fold one event."""
        match event:
            case ev.Tallied(at=at, requests=requests):
                self._tallies.append((at, {api: sum(results.values()) for api, results in requests.items()}))
                for api, results in requests.items():
                    if api not in READS:
                        for _ in range(min(sum(results.values()), len(self._intents))):
                            self._intents.popleft()
            case ev.BatchIntended(at=at):
                self._intents.append(at)
            case _:
                pass

    def of(self, api: str, *, since: float) -> Iterator[tuple[float, int]]:
        """When how many requests of `api` were answered (stamps), from `since` on, in order."""
        for at, counts in self._tallies:
            if at >= since and api in counts:
                yield at, counts[api]
        if api not in READS:
            yield from ((at, 1) for at in self._intents if at >= since)
