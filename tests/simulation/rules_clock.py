"""Rules on stamps and durations: whatever the machine's clock does, they follow the time that passes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from orchestrator.engine.events import RequestEnded
from tests.simulation.evidence import EPSILON, Evidence
from tests.simulation.rules_limits import GRACE
from tests.simulation.story import START

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.story import Life, Story

ROUNDING = 1e-3  # seconds; the account tells milliseconds


def stamps_do_not_go_back(evidence: Evidence) -> Iterator[str]:
    """No attempt begins before the last stamp that it can know of, and no event is dated outside of its attempt."""
    story, latest = evidence.story, 0.0
    for life in story.lives:
        begins = story.epoch + life.started_at + life.skew
        if life.events and begins < latest - EPSILON:
            yield f"life {life.number} begins {latest - begins:.3f} s before the last stamp of those before it"
        for event in life.events:
            if not begins - EPSILON <= event.at <= story.epoch + life.ended_at + life.skew + EPSILON:
                yield f"life {life.number} says {event.at - begins:+.3f} s from its start of a {type(event).__name__}"
        latest = max(latest, last_stamps(story, life)[0])


def stamps_are_the_clocks(evidence: Evidence) -> Iterator[str]:
    """An attempt is dated by the machine's clock as it stood at its start, or goes on from the last stamp there is."""
    story, surely, perhaps = evidence.story, 0.0, 0.0
    for life in story.lives:
        clock = sum(jump for at, jump in story.scenario.wall if life.started_at >= START + at)
        begins = story.epoch + life.started_at + life.skew
        goes_on = life.skew > clock and surely - EPSILON <= begins <= perhaps + EPSILON
        if life.events and abs(life.skew - clock) > EPSILON and not goes_on:
            yield f"life {life.number} is dated {life.skew:+.3f} s, the machine's clock stood at {clock:+.3f} s"
        last = last_stamps(story, life)
        surely, perhaps = max(surely, last[0]), max(perhaps, last[1])


def elapsed_is_the_time_spent_running(evidence: Evidence) -> Iterator[str]:
    """Neither pauses nor jumps of the clock are in it; an attempt that died is in it until its last durable word."""
    story = evidence.story
    report = story.last.report
    if report is None or not story.last.events:
        return
    counted = story.lives[max((k for k, life in enumerate(story.lives) if life.retried), default=0) :]
    most = sum(life.ended_at - life.started_at for life in counted)
    least = most - sum(_unwritten(story, life) for life in counted) - GRACE
    elapsed = report.timing.elapsed_seconds
    if not least - ROUNDING <= elapsed <= most + ROUNDING:
        yield f"{elapsed:.3f} s are told, the run ran {most:.3f} s, of which at least {least:.3f} s were written down"
    if report.timing.finished_at < report.timing.started_at:
        yield "the account ends before it begins"


def rows_are_in_order(evidence: Evidence) -> Iterator[str]:
    """A task is accepted before it is over, and both lie within the account's time."""
    report = evidence.story.last.report
    if report is None:
        return
    first, last = report.timing.started_at, report.timing.finished_at
    for row in evidence.story.last.rows:
        known = [at for at in (row.accepted_at, row.finished_at) if at is not None]
        for before, after in itertools.pairwise([first, *known, last]):
            if after < before - EPSILON and not any(life.retried for life in evidence.story.lives):
                yield f"{row.task_id}: {row.accepted_at} and {row.finished_at} in an account of {first} to {last}"
                break


def _unwritten(story: Story, life: Life) -> float:
    """How much of a life nobody can know of later."""
    if life.end == "ended":
        return 0.0
    return life.ended_at - life.committed_at + story.scenario.commit_seconds + 1.0  # a second between two heartbeats


def last_stamps(story: Story, life: Life) -> tuple[float, float]:
    """The last stamp of a life that is surely in the record, and the last that may be."""
    stamps = [event.at for event in life.events]
    written = life.committed_at - story.scenario.commit_seconds - EPSILON
    known = stamps
    if life.end != "ended":
        kept = [event.at for event in life.events if not isinstance(event, RequestEnded)]  # of these only tallies are
        known = [at for at in kept if at < story.epoch + life.skew + written]
    return max(known, default=0.0), max(stamps, default=0.0)
