"""The evidence of one story, sorted out by task: what was asked of it, what was shown of it, and when."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.engine.events import BatchIntended
from tests.simulation.story import OK, THROTTLED, UNAUTHENTICATED

if TYPE_CHECKING:
    from tests.simulation.story import Exchange, Life, Story

PROXY_LOGIN = 407
EPSILON = 1e-5  # seconds; stamps are rounded to the microsecond


class Look(NamedTuple):
    """One task in one answer to a look."""

    exchange: Exchange
    status: str  # as shown; empty where a single look was refused


class Evidence:
    """Of one story."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.ids = list(story.ids)
        wanted = set(self.ids)
        self.looks: defaultdict[str, list[Look]] = defaultdict(list)
        self.asks: defaultdict[str, list[Exchange]] = defaultdict(list)
        self.lives: dict[int, Life] = {life.number: life for life in story.lives}
        self._intended = {
            life.number: {
                self.ids[item] for event in life.events if isinstance(event, BatchIntended) for item in event.items
            }
            for life in story.lives
            if life.end != "ended"
        }
        for exchange in story.exchanges:
            if exchange.api == story.verb:
                for task_id in exchange.ids:
                    self.asks[task_id].append(exchange)
            elif exchange.api == "show" and exchange.end == "answered" and 400 <= exchange.status < 500:
                self.looks[exchange.ids[0]].append(Look(exchange, ""))
            elif exchange.api in {"show", "list"}:
                for task_id, status in exchange.shown.items():
                    if task_id in wanted:
                        self.looks[task_id].append(Look(exchange, status))
        for found in self.looks.values():
            found.sort(key=lambda look: look.exchange.closed_turn)

    def was_accepted(self, exchange: Exchange, task_id: str) -> bool:
        """Whether the caller was told of success."""
        return exchange.results.get(task_id) is True

    def was_refused(self, exchange: Exchange, task_id: str) -> bool:
        """Whether the caller was told that this task was refused, alone or with the whole batch."""
        passed_over = exchange.api == "delete" and exchange.end == "answered" and exchange.status == OK
        if passed_over and task_id not in exchange.results:  # the service has no other way to refuse a deletion
            return True
        return exchange.results.get(task_id) is False or is_refused_whole(exchange)

    def is_open(self, exchange: Exchange, task_id: str) -> bool:
        """Whether the caller was not told what became of the task."""
        if exchange.is_unprocessed or is_refused_whole(exchange):
            return False
        return exchange.end in {"broken", "given up", "open", "answered"} and task_id not in exchange.results

    def may_count(self, exchange: Exchange, task_id: str) -> bool:
        """Whether the request was accepted for the task, or may have been, for all that is written down."""
        return self.was_accepted(exchange, task_id) or self.is_open(exchange, task_id) or not self.was_kept(exchange)

    def was_intended(self, task_id: str, until: int) -> bool:
        """Whether a process that did not end by itself wrote down that it was about to ask for the task."""
        return any(task_id in found for life, found in self._intended.items() if life <= until)

    def was_kept(self, exchange: Exchange) -> bool:
        """Whether its answer was in the record when its process ended."""
        life = self.lives[exchange.life]
        if life.end in {"ended", "cancelled"}:
            return True
        return exchange.closed_at is not None and (
            exchange.closed_at < life.committed_at - self.story.scenario.commit_seconds - EPSILON
        )

    def known_at(self, exchange: Exchange) -> float:
        """When the run knew what became of it, or that nobody would tell."""
        life = self.lives[exchange.life]
        if exchange.closed_at is None:
            return life.ended_at
        return exchange.closed_at if self.was_kept(exchange) else life.ended_at

    def dated(self, life: int, at: float) -> float:
        """The world's time `at` as the run dates it in this life."""
        return at + self.lives[life].skew

    def reopened_between(self, task_id: str, first: int, last: int) -> bool:
        """Whether the task was reopened after life `first`, up to life `last`."""
        return any(task_id in life.reopened for number, life in self.lives.items() if first < number <= last)


def is_refused_whole(exchange: Exchange) -> bool:
    """Whether a request was refused as a whole, for what it said: not for a quota, not for who asked.

    A page of HTML is somebody else's word, and says nothing of what became of the request; but who redirects it, or
    asks for a login before passing it on, has not passed it on.
    """
    if exchange.end != "answered" or not 300 <= exchange.status < 500:
        return False
    if exchange.status < 400 or exchange.status == PROXY_LOGIN:
        return True
    return exchange.status not in {THROTTLED, UNAUTHENTICATED, 403, 408, 410} and exchange.body not in {b"", b"<"}
