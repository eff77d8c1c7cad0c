"""Rules on what may be sent: whom, when, how many at once, and never again without a reason."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from orchestrator.engine.model import Ending
from tests.simulation import meanings
from tests.simulation.evidence import EPSILON, Evidence, Look, is_refused_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.story import Exchange


FORGOTTEN = 100.0  # seconds without a request for anybody, though somebody waits to be sent


def batches_are_lawful(evidence: Evidence) -> Iterator[str]:
    """A batch has 1 to `batch_size` ids, each once, each of the input."""
    wanted, size = set(evidence.ids), evidence.story.scenario.batch_size
    for ask in evidence.story.sends():
        if not 1 <= len(ask.ids) <= size:
            yield f"a batch of {len(ask.ids)} ids where {size} are allowed"
        if len(set(ask.ids)) != len(ask.ids):
            yield f"a batch names an id twice: {ask.ids}"
        if not set(ask.ids) <= wanted:
            yield f"a batch names strangers: {sorted(set(ask.ids) - wanted)}"


def nobody_is_sent_unseen(evidence: Evidence) -> Iterator[str]:
    """Before a task is asked for it was shown in an actionable state, and nothing else was shown since."""
    story = evidence.story
    for task_id, asks in evidence.asks.items():
        looks = evidence.looks[task_id]
        for ask in asks:
            before = [look for look in looks if 0 < look.exchange.closed_turn < ask.sent_turn]
            if not any(look.status and meanings.is_actionable(story.scenario, look.status) for look in before):
                yield f"{task_id} was sent at {ask.sent_at:.3f} without having been seen in a state for it"
            elif before[-1].status and meanings.is_goal(story.scenario, before[-1].status):
                yield f"{task_id} was sent at {ask.sent_at:.3f}, seen at its goal just before"


def over_is_over(evidence: Evidence) -> Iterator[str]:
    """Nothing is sent for a task after it was accounted for, unless it was reopened."""
    story = evidence.story
    for row in story.last.rows:
        open_outcomes = {"timed_out", "unconfirmed", "not_attempted"}
        if row.finished_at is None or row.outcome in open_outcomes:
            continue
        finished = story.seconds(row.finished_at)
        late = [ask for ask in evidence.asks[row.task_id] if ask.sent_at > finished + EPSILON]
        if late:
            yield f"{row.task_id} was {row.outcome} at {finished:.3f} and sent again at {late[0].sent_at:.3f}"


def nobody_is_forgotten(evidence: Evidence) -> Iterator[str]:
    """A task that could be sent is, as long as nothing hinders: it is not left to the deadline."""
    story = evidence.story
    life, limits = story.last, story.scenario.options.limits
    if life.report is None or life.report.ending is not Ending.DEADLINE:
        return
    if limits.canary or story.scenario.bounds_failures:  # these hold back
        return
    mine = [exchange for exchange in story.exchanges if exchange.life == life.number]
    idle_since = max(
        [life.started_at, *(exchange.closed_at or life.ended_at for exchange in mine if exchange.api == story.verb)]
    )
    if life.ended_at - idle_since < FORGOTTEN:
        return
    for row in life.rows:
        looks = [look for look in evidence.looks[row.task_id] if look.exchange.life == life.number]
        seen = [look for look in looks if (look.exchange.closed_at or 0.0) < idle_since]
        if row.outcome == "not_attempted" and seen and meanings.is_actionable(story.scenario, seen[-1].status):
            yield f"{row.task_id} could be sent, and nothing was since {idle_since:.3f}"


def workers_are_bounded(evidence: Evidence) -> Iterator[str]:
    """Never more requests in flight than `submit.workers`."""
    bound = evidence.story.scenario.options.submit.workers
    for life in evidence.story.lives:
        if life.workers_seen > bound:
            yield f"life {life.number} had {life.workers_seen} requests in flight, {bound} are allowed"


def repeats_have_reasons(evidence: Evidence) -> Iterator[str]:
    """A task is asked for again only by the reissue rule, or after a look that found it where it stood."""
    most = evidence.story.scenario.options.poll.max_reissues
    for task_id, asks in evidence.asks.items():
        reissues = 0
        for first, again in itertools.pairwise(asks):
            accepted = evidence.was_accepted(first, task_id) and evidence.was_kept(first)
            reissues += accepted
            if evidence.reopened_between(task_id, first.life, again.life):
                reissues = 0
            else:
                yield from _unreasonable(evidence, task_id, first, again, accepted=accepted)
        if reissues > most:
            yield f"{task_id} was asked for again {reissues} times after it was accepted, {most} are allowed"


def _unreasonable(
    evidence: Evidence, task_id: str, first: Exchange, again: Exchange, *, accepted: bool
) -> Iterator[str]:
    scenario = evidence.story.scenario
    if first.life == again.life and first.closed_turn == 0:
        yield f"{task_id} was sent at {again.sent_at:.3f} while a request for it was in flight"
    elif accepted:
        # By the run's own stamps: a clock set forward between two lives cannot be told from a pause.
        waited = evidence.dated(again.life, again.sent_at) - evidence.dated(first.life, first.closed_at or 0.0)
        if waited < scenario.options.poll.reissue_after - EPSILON:
            yield f"{task_id} was sent again {waited:.3f} s after it was accepted"
    elif not first.is_unprocessed and not is_refused_whole(first):
        since = evidence.known_at(first)
        looks = [
            look
            for look in evidence.looks[task_id]
            if since - EPSILON <= (look.exchange.arrived_at or 0.0) and look.exchange.closed_turn < again.sent_turn
        ]
        if not _found_where_it_stood(evidence, looks, refused=evidence.was_refused(first, task_id)):
            yield f"{task_id} was sent again at {again.sent_at:.3f}, without a look since {since:.3f} ({first.end})"


def _found_where_it_stood(evidence: Evidence, looks: list[Look], *, refused: bool) -> bool:
    """Whether one of these shows the task in a state to be asked for, as far as that can be relied on.

    One that was refused, and then seen at its goal, begins anew like any other: what a list says will do.
    """
    scenario, begins_anew = evidence.story.scenario, False
    for look in looks:
        if not look.status:
            continue
        trusted = begins_anew or _is_trusted(evidence, look.exchange)
        if trusted and meanings.is_actionable(scenario, look.status):
            return True
        begins_anew = begins_anew or (refused and meanings.is_goal(scenario, look.status))
    return False


def _is_trusted(evidence: Evidence, look: Exchange) -> bool:
    """Whether what a look shows in progress is in progress: a coarse list says so of a task on its way down, too."""
    coarse = evidence.story.scenario.service.list_detail == "coarse" and evidence.story.verb == "stop"
    return look.api == "show" or not coarse


def stops_are_counted(evidence: Evidence) -> Iterator[str]:
    """The account's number of requests for a task is not below what the service considered, nor above what left."""
    story = evidence.story
    if story.last.report is None or story.scenario.meddling:
        return  # strangers ask, too
    books, verb, deaths = story.service.books, story.verb, sum(life.end != "ended" for life in story.lives)
    for row in story.last.rows:
        considered = sum(asked.verb == verb for asked in books.requests_for(row.task_id))
        left = len(evidence.asks[row.task_id])
        if not min(considered, 255) <= row.stop_requests <= left + deaths:
            yield f"{row.task_id}: {row.stop_requests} requests told, {considered} considered, {left} sent"
