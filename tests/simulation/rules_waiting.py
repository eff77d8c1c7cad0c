"""Rules on waiting: what the service asks for is sat out, a request to end is obeyed, silence is not borne for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.engine.model import Ending
from tests.simulation.evidence import EPSILON, Evidence
from tests.simulation.story import THROTTLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.story import Exchange, Life

HEARTBEAT = 2.0  # seconds after which silence is noticed at the latest
BUSY = frozenset({"DCS.4026", "DCS.4957"})


def retry_after_is_sat_out(evidence: Evidence) -> Iterator[str]:
    """Where a refusal for a quota names a time to wait, no request of that API leaves before it is over."""
    for life in evidence.story.lives:
        mine = _of(evidence, life)
        for told in [exchange for exchange in mine if exchange.retry_after and exchange.status == THROTTLED]:
            opens = (told.closed_at or 0.0) + told.retry_after
            for exchange in mine:
                if exchange.api == told.api and exchange.sent_turn > told.closed_turn and exchange.sent_at < opens:
                    yield f"life {life.number}: {told.api} left at {exchange.sent_at:.3f}, {opens:.3f} was asked for"


def nothing_is_sent_after_a_drain(evidence: Evidence) -> Iterator[str]:
    """Once the run is told to end, nothing new leaves."""
    for life in evidence.story.lives:
        if life.struck != "drain" or life.struck_at is None:
            continue
        late = [exchange for exchange in _of(evidence, life) if exchange.sent_at > life.struck_at + EPSILON]
        if late:
            yield f"life {life.number}: {late[0].api} at {late[0].sent_at:.3f}, told to end at {life.struck_at:.3f}"


def silence_ends_the_run(evidence: Evidence) -> Iterator[str]:
    """Where for `give_up_after` the service answers nothing of any use, the run is interrupted."""
    patience = evidence.story.scenario.options.limits.give_up_after
    for life in evidence.story.lives:
        since: float | None = None
        for exchange in sorted(_of(evidence, life), key=lambda one: one.closed_turn):
            if exchange.closed_at is None:
                continue
            if exchange.end == "answered" and exchange.status < 500:
                since = None
            elif exchange.end in {"broken", "unreached"} or exchange.end == "answered":
                since = exchange.closed_at if since is None else since
        if since is not None and life.ended_at > since + patience + HEARTBEAT + evidence.story.scenario.commit_seconds:
            yield f"life {life.number}: nothing of use since {since:.3f}, and it went on until {life.ended_at:.3f}"


def refusals_are_tried_again(evidence: Evidence) -> Iterator[str]:
    """A refusal for being busy is for good only after as many tries as are allowed, or when time is up."""
    story = evidence.story
    options = [story.scenario.options, *([story.scenario.later] if story.scenario.later is not None else [])]
    attempts = min(one.retry.attempts for one in options)
    if story.last.report is None or story.last.report.ending is not Ending.FINISHED:
        return
    if any(life.retried for life in story.lives):
        return  # those that were left aside were rejected by the deadline, perhaps
    for row in story.last.rows:
        if row.outcome == "rejected" and row.error_code in BUSY and row.stop_requests < attempts:
            yield f"{row.task_id} was busy, and asked for {row.stop_requests} times where {attempts} are allowed"


def _of(evidence: Evidence, life: Life) -> list[Exchange]:
    return [exchange for exchange in evidence.story.exchanges if exchange.life == life.number]
