"""Rules on what the account says: every id once, and every outcome true by what the service showed and was asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from orchestrator.engine.model import Ending
from orchestrator.simulator.tasks import UNLISTED, VANISHES
from tests.simulation import meanings
from tests.simulation.evidence import EPSILON, Evidence, Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.engine.account import Row
    from tests.simulation.story import Exchange, Life


def accounts_close(evidence: Evidence) -> Iterator[str]:
    """Every unique id stands in every account once, in input order, with one outcome; the counts are of the rows."""
    for life in evidence.story.lives:
        if life.report is None:
            continue
        if [row.task_id for row in life.rows] != evidence.ids:
            yield f"life {life.number}: the account's ids are not those of the input"
        counts = Counter(row.outcome for row in life.rows)
        told = {outcome: number for outcome, number in life.report.outcomes.items() if number}
        if counts != told or sum(told.values()) != len(evidence.ids):
            yield f"life {life.number}: the counts say {told}, the rows {dict(counts)}"


def record_tells_the_same(evidence: Evidence) -> Iterator[str]:
    """The record, folded again, gives the account that was given."""
    last = evidence.story.last
    if last.report is not None and evidence.story.refolded != [row.outcome for row in last.rows]:
        yield "the record, folded again, tells other outcomes than the account"


def lives_end_well(evidence: Evidence) -> Iterator[str]:
    """No life ends by an error of ours, and each ends as its disturbance says."""
    for life in evidence.story.lives:
        causes = {"died": {"death", "torn"}, "cancelled": {"cancel"}, "record": {"disk"}}.get(life.end, {life.struck})
        if life.end == "error":
            yield f"life {life.number} ended by {life.error}"
        elif life.struck not in causes:
            yield f"life {life.number} {life.end} without a cause: {life.error}"
    yield from evidence.story.leaks
    yield from evidence.story.losses


def outcomes_are_true(evidence: Evidence) -> Iterator[str]:
    """Each outcome of each account is borne out by what was asked and what was shown until then."""
    for life in evidence.story.lives:
        if life.report is None:
            continue
        for row in life.rows:
            why = _Judge(evidence, life, row).contradiction()
            if why:
                status = evidence.story.service.books.status_of(row.task_id, life.ended_at)
                yield f"life {life.number}: {row.task_id} is {row.outcome}, but {why} (it is {status} by now)"


class _Judge:
    """Judges one row of one account."""

    def __init__(self, evidence: Evidence, life: Life, row: Row) -> None:
        self._scenario = evidence.story.scenario
        self._life = life
        self._row = row
        self._evidence = evidence
        begun = max((number for number in evidence.lives if row.task_id in evidence.lives[number].reopened), default=0)
        until = [ask for ask in evidence.asks[row.task_id] if ask.life <= life.number]
        self._asks = until
        self._recent = [ask for ask in until if ask.life >= begun]  # since it was opened, or opened again
        finished = evidence.story.seconds(row.finished_at) if row.finished_at is not None else life.ended_at
        self._looks = [
            look
            for look in evidence.looks[row.task_id]
            if look.exchange.life <= life.number and (look.exchange.closed_at or 0.0) <= finished + EPSILON
        ]

    def contradiction(self) -> str:
        """Why the outcome cannot be true; empty if it can."""
        done, already = meanings.WORDS[self._scenario.verb]
        rules: dict[str, Callable[[], str]] = {
            done: self._done,
            already: self._already,
            "ended": lambda: self._unless_shown(meanings.is_ended, "it was never shown at an end"),
            "not_found": self._not_found,
            "rejected": self._rejected,
            "skipped": lambda: self._unless_shown(meanings.is_alien, "it was never shown in a state to be skipped"),
            "timed_out": self._left_open,
            "unconfirmed": self._left_open,
            "not_attempted": lambda: "it was asked for" if any(map(self._certainly_counts, self._asks)) else "",
        }
        return rules[self._row.outcome]()

    def _ending(self) -> Ending | None:
        """How the run ended for this task: one that is not reopened stays as the end before left it."""
        lives, ended = self._evidence.lives, self._life
        for number in sorted((number for number in lives if number <= ended.number), reverse=True):
            if self._row.task_id in lives[number].reopened:
                break
            if lives[number].retried:
                ended = lives[number - 1]
        return ended.report.ending if ended.report is not None else None

    def _may_count(self, asks: list[Exchange]) -> bool:
        return any(self._evidence.may_count(ask, self._row.task_id) for ask in asks)

    def _certainly_counts(self, ask: Exchange) -> bool:
        """Whether it left, and whatever was or was not written down of its answer, it must count as asked for."""
        if self._evidence.was_kept(ask):
            return self._evidence.may_count(ask, self._row.task_id)
        return not ask.is_unprocessed and not self._evidence.was_refused(ask, self._row.task_id)

    def _was_intended(self) -> bool:
        return self._evidence.was_intended(self._row.task_id, self._life.number)

    def _shown(self, judge: Callable[..., bool]) -> list[Look]:
        return [look for look in self._looks if look.status and judge(self._scenario, look.status)]

    def _unless_shown(self, judge: Callable[..., bool], otherwise: str) -> str:
        return "" if self._shown(judge) else otherwise

    def _refused_looks(self) -> list[Look]:
        return [look for look in self._looks if not look.status or look.status == "DELETED"]

    def _done(self) -> str:
        if not self._may_count(self._asks) and not self._was_intended():
            return "no request for it was accepted or left unanswered"
        if self._scenario.verb == "delete":
            return self._done_by_being_gone()
        goals = len(self._shown(meanings.is_goal))
        wanted = self._scenario.options.poll.confirmations
        return "" if goals >= wanted else f"it was shown at its goal {goals} times, not {wanted}"

    def _done_by_being_gone(self) -> str:
        service = self._evidence.story.service
        if service.books.status_of(self._row.task_id, self._life.ended_at) in {None, "DELETED"}:
            return ""
        # Nobody can tell it from one that is deleted and described for ever: a lie was told, or no page shows it.
        was_lied_to = bool(self._scenario.network.canned) and bool(self._refused_looks())
        number = service._tasks.find(self._row.task_id)
        is_hidden = number is not None and bool(service._tasks.traits[number] & (VANISHES | UNLISTED))
        return "" if was_lied_to or is_hidden else "the service has it still"

    def _already(self) -> str:
        if any(
            self._evidence.may_count(ask, self._row.task_id) for ask in self._recent if self._evidence.was_kept(ask)
        ):
            return "a request for it was accepted or left unanswered"
        return self._unless_shown(meanings.is_goal, "it was never shown at its goal")

    def _not_found(self) -> str:
        refusals = self._refused_looks()
        if self._scenario.verb == "delete" and not any(look.exchange.canned for look in refusals):
            return self._done_by_being_gone()  # to be in no page of the list is proof enough
        if not refusals:
            return "no single look was told that it is not there"
        books = self._evidence.story.service.books
        for look in refusals:
            at = look.exchange.arrived_at or 0.0
            if look.exchange.canned or books.status_of(self._row.task_id, at) in {None, "DELETED"}:
                return ""
        return "the service knew it whenever it was asked"

    def _rejected(self) -> str:
        refused = any(self._evidence.was_refused(ask, self._row.task_id) for ask in self._asks)
        return "" if refused or self._refused_looks() else "nobody refused it"

    def _left_open(self) -> str:
        ending = self._ending()
        timed_out = ending in {Ending.DEADLINE, Ending.FINISHED}
        if (self._row.outcome == "timed_out") != timed_out:
            return f"the run ended as {ending}"
        seen = self._shown(meanings.is_going) or self._shown(meanings.is_goal)
        if self._may_count(self._asks) or seen or self._was_intended():
            return ""
        return "no request for it can have reached the service, and it was not seen on its way"
