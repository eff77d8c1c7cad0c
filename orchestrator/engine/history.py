"""The history of a run: what its events say beside the items (attempts, requests, quotas, times), folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.engine import events as ev
from orchestrator.engine.account import RequestCounts
from orchestrator.engine.model import FINISHED
from orchestrator.engine.spending import Spending
from orchestrator.engine.timeline import Timeline

if TYPE_CHECKING:
    from orchestrator.engine.model import Ending, Quota

MAX_NOTES = 50
_OF_THE_RUN: Final = (  # few among the events; the others say of items
    ev.RunStarted,
    ev.Reopened,
    ev.RunEnded,
    ev.Tallied,
    ev.QuotaLearned,
    ev.Noted,
    ev.ListingRefused,
)


class History:
    """Folds every event; what a resumed run and the account need to know of the run as a whole."""

    def __init__(self) -> None:
        self.attempts = 0
        self.started_at = 0.0
        self.last_at = 0.0
        self.ending: Ending | None = None
        self.reason = ""
        self.quotas: dict[str, dict[tuple[str, float], Quota]] = {}
        self.notes: list[tuple[str, str]] = []
        self.timeline = Timeline()
        self.spending = Spending()
        self._spent = 0.0  # seconds of running, in attempts before this one
        self._attempt_at = 0.0
        self._requests: dict[str, dict[str, int]] = {}

    def apply(self, event: ev.Event) -> None:
        """Fold one event."""
        self.spending.apply(event)
        if isinstance(event, _OF_THE_RUN):
            self._fold(event)
        self.last_at = max(self.last_at, event.at)

    def _fold(self, event: ev.Event) -> None:
        match event:
            case ev.RunStarted():
                self._start(event)
            case ev.Reopened():
                self.timeline.paused(self.last_at)
                self._spent, self._attempt_at = 0.0, event.at  # a reopened run has a new deadline
            case ev.RunEnded():
                self.ending, self.reason = event.ending, event.reason
            case ev.Tallied():
                self.timeline.tallied(event)
                for api, results in event.requests.items():
                    counts = self._requests.setdefault(api, {})
                    for result, number in results.items():
                        counts[result] = counts.get(result, 0) + number
            case ev.QuotaLearned(api=api, quota=quota):
                self.timeline.learned(event)
                self.quotas.setdefault(api, {})[quota.policy, quota.seconds] = quota
            case ev.Noted(name=name, text=text):
                self._note(name, text)
            case ev.ListingRefused(failure=failure):
                self._note("survey.listing_refused", f"this identity may not list tasks ({failure.text})")
            case _:
                pass

    def _start(self, event: ev.RunStarted) -> None:
        self.timeline.started(event.at, last_at=self.last_at)
        if self.attempts:
            self._spent += self.last_at - self._attempt_at  # one that died ran until its last word
        self.started_at = self.started_at or event.at
        self.attempts, self._attempt_at, self.ending, self.reason = event.attempt, event.at, None, ""
        self.last_at = event.at

    def _note(self, name: str, text: str) -> None:
        if len(self.notes) < MAX_NOTES and (name, text) not in self.notes:
            self.notes.append((name, text))

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end, so that taking it up again would only say the same."""
        return self.ending in FINISHED

    @property
    def elapsed(self) -> float:
        """Seconds spent running, over all attempts; what came before the first (a selection) is not in it."""
        if not self.attempts:
            return 0.0
        return self._spent + max(0.0, self.last_at - self._attempt_at)

    @property
    def tightest_quotas(self) -> dict[str, Quota]:
        """Of each API the known quota that allows least in the long run."""
        return {api: min(known.values(), key=lambda q: q.limit / q.seconds) for api, known in self.quotas.items()}

    @property
    def requests(self) -> dict[str, RequestCounts]:
        """How many requests of each API came back how."""
        return {api: RequestCounts(**counts) for api, counts in sorted(self._requests.items())}
