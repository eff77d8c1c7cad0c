"""Rules on what a run must keep to: quotas, the gate of a 401, guards, deadlines, and equality with an easier life."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from orchestrator.engine.model import Ending
from orchestrator.simulator.options import Faults
from tests.simulation import meanings
from tests.simulation.evidence import EPSILON, Evidence
from tests.simulation.story import OK, START, THROTTLED, UNAUTHENTICATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.story import Exchange, Life

GRACE = 6.5  # seconds that a request to end may take: three for what is in flight, three for the last words
FINAL_STRIKES = 2
LOCKED = "AK access failed to reach the limit"  # what a key is refused with that is locked


def known_quotas_are_kept(evidence: Evidence) -> Iterator[str]:
    """Once the service has told a quota that is ours alone, nothing more is refused for it."""
    scenario = evidence.story.scenario
    if scenario.network.canned or not scenario.pace.learn or "all" in scenario.service.quotas:
        return
    if len(evidence.ids) < len(evidence.story.service.ids):
        return  # one of several shards, which use it up for each other; all of them together are judged elsewhere
    for api, quota in scenario.service.quotas.items():
        meddled = any(verb == api for _, verb, _ in scenario.meddling)  # strangers of another kind
        if quota.strangers or meddled or quota.wording == "bare":
            continue
        for life in evidence.story.lives:
            asked = [e for e in evidence.story.exchanges if e.api == api and e.life == life.number]
            told = [e.closed_turn for e in asked if e.status == THROTTLED]
            # What a life before this one used up of the window, nobody has written down.
            blind = life.started_at + quota.seconds if life.number > 1 else 0.0
            late = [e for e in asked if e.status == THROTTLED and e.sent_turn > min(told) and e.sent_at >= blind]
            if late:
                yield f"life {life.number}: {len(late)} {api} refused for a known {quota}, at {late[0].sent_at:.3f}"


def a_401_is_no_storm(evidence: Evidence) -> Iterator[str]:
    """While nobody knows whether the credentials are good, one request at a time; after a second 401, none."""
    for life in evidence.story.lives:
        yield from _Gate(life).watch([e for e in evidence.story.exchanges if e.life == life.number])


class _Gate:
    """Follows one life's requests in their order."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._shut_at = 0  # the turn of the last 401, or the beginning
        self._is_shut = True
        self._strikes = 0
        self._alone: set[int] = set()

    def watch(self, exchanges: list[Exchange]) -> Iterator[str]:
        turns = [(e.sent_turn, True, e) for e in exchanges] + [(e.closed_turn, False, e) for e in exchanges]
        for turn, leaves, exchange in sorted(entry for entry in turns if entry[0]):
            if not leaves:
                self._closed(turn, exchange)
                continue
            if self._is_shut and self._alone:
                yield f"life {self._life.number}: not alone at {exchange.sent_at:.3f} before the key was proven"
            if self._strikes >= FINAL_STRIKES:
                yield f"life {self._life.number}: a request at {exchange.sent_at:.3f}, after two 401 in a row"
            if self._is_shut:
                self._alone.add(exchange.number)

    def _closed(self, turn: int, exchange: Exchange) -> None:
        self._alone.discard(exchange.number)
        if exchange.sent_turn < self._shut_at or exchange.end != "answered":
            return
        if exchange.status == UNAUTHENTICATED:
            self._strikes += 1
            self._shut_at, self._is_shut = turn, True
            self._alone.clear()
        elif exchange.status == OK or exchange.status in {400, 403, 404}:
            self._strikes, self._is_shut = 0, False


def runs_end_in_time(evidence: Evidence) -> Iterator[str]:
    """All lives together last no longer than the deadline, and a request to end is obeyed at once."""
    story = evidence.story
    deadline = story.scenario.options.limits.deadline
    spent = slack = 0.0
    for life in story.lives:
        if life.retried:
            spent = slack = 0.0
        lasted = life.ended_at - life.started_at
        spent += lasted
        if life.end != "ended":
            slack += life.ended_at - life.committed_at + story.scenario.commit_seconds
        if spent > deadline + slack + GRACE:
            yield f"life {life.number} ends {spent - deadline:.1f} s after the deadline of {deadline:.1f} s"
        if life.struck in {"drain", "cancel"} and life.struck_at is not None:
            took = life.ended_at - life.struck_at
            if took > GRACE + EPSILON:
                yield f"life {life.number} took {took:.1f} s to end after a {life.struck}"
    if story.last.report is not None and story.last.report.ending is Ending.DEADLINE and spent < deadline - EPSILON - 1:
        yield f"the deadline of {deadline:.1f} s was called after {spent:.1f} s"


def endings_have_reasons(evidence: Evidence) -> Iterator[str]:
    """A run is interrupted, refused or aborted only when something was there to do so."""
    for life in evidence.story.lives:
        if life.report is None:
            continue
        ending, reason = life.report.ending, life.report.ending_reason
        mine = [e for e in evidence.story.exchanges if e.life == life.number]
        if ending is Ending.REFUSED and not any(300 <= e.status < 500 for e in mine):
            yield f"life {life.number} was refused by nobody: {reason}"
        if ending is Ending.INTERRUPTED and life.struck != "drain" and "give_up_after" not in reason:
            yield f"life {life.number} was interrupted by nobody: {reason}"
        if ending is Ending.ABORTED and evidence.story.scenario.family != "guarded":
            yield f"life {life.number} was aborted by a guard that was off: {reason}"
        is_whole = not any(other.retried for other in evidence.story.lives)
        if (
            is_whole
            and ending is Ending.FINISHED
            and any(row.outcome in {"timed_out", "not_attempted"} for row in life.rows)
        ):
            yield f"life {life.number} finished with tasks left"


def guards_hold(evidence: Evidence) -> Iterator[str]:
    """What a guard promises not to exceed is not exceeded."""
    story, limits = evidence.story, evidence.story.scenario.options.limits
    unique = len(evidence.ids)
    if unique > limits.max_tasks and story.exchanges:
        yield f"{len(story.exchanges)} requests for {unique} tasks where {limits.max_tasks} are the most"
    if story.scenario.bounds_failures and story.last.report is not None:
        counted = isinstance(limits.max_failures, int)
        most = limits.max_failures if counted else math.floor(limits.max_failures * unique)
        bound = most + 1 if counted else max(most + 1, limits.failure_sample)
        # An item still open whose last answer was a refusal is rejected in the account, and no failure yet.
        # Who is not there is found out without sending, while batches are in flight: only what was sent can be bounded.
        words = {"rejected"} if story.verb == "delete" else {"rejected", "not_found"}
        failed = sum(
            row.outcome in words and row.finished_at is not None and row.stop_requests > 0 for row in story.last.rows
        )
        if failed > bound:
            yield f"{failed} failures where {limits.max_failures} are the most"
    if limits.canary:
        yield from _canary_overshot(evidence, limits.canary)


def _canary_overshot(evidence: Evidence, canary: int) -> Iterator[str]:
    """Until the canary was seen at its goal, no more tasks are out than the canary has."""
    story = evidence.story
    wanted = story.scenario.options.poll.confirmations
    ever: set[str] = set()
    for ask in story.sends():
        back = {i for i in ever if _came_back(evidence, i, ask) or _ended(evidence, i, ask)}
        goals = sum(_times_at_goal(evidence, task_id, ask) >= wanted for task_id in ever)
        if goals >= canary:
            return
        ever |= set(ask.ids)
        out = len(ever - back | set(ask.ids))
        if out > canary:
            yield f"{out} tasks are out at {ask.sent_at:.3f}, {goals} at their goal; the canary is {canary}"
            return


def _times_at_goal(evidence: Evidence, task_id: str, now: Exchange) -> float:
    story = evidence.story
    if story.verb == "delete":
        return math.inf if story.service.books.status_of(task_id, now.sent_at) in {None, "DELETED"} else 0
    before = [look for look in evidence.looks[task_id] if look.exchange.closed_turn < now.sent_turn]
    return sum(meanings.is_goal(story.scenario, look.status) for look in before)


def _ended(evidence: Evidence, task_id: str, now: Exchange) -> bool:
    """Whether it came to another end by itself: somebody else goes in its place."""
    return any(
        look.exchange.closed_turn < now.sent_turn
        and (not look.status or meanings.is_ended(evidence.story.scenario, look.status))
        for look in evidence.looks[task_id]
    )


def _came_back(evidence: Evidence, task_id: str, now: Exchange) -> bool:
    """Whether nobody has looked at a request for it, or all were refused and it was then seen where none is wanted.

    Who may have been asked for keeps the place until the goal is seen, even to be asked for again.
    """
    scenario = evidence.story.scenario
    asks = [ask for ask in evidence.asks[task_id] if ask.sent_turn < now.sent_turn]
    if not all(ask.is_unprocessed or evidence.was_refused(ask, task_id) for ask in asks):
        return False
    return all(ask.is_unprocessed for ask in asks) or any(
        asks[-1].closed_turn < look.exchange.closed_turn < now.sent_turn
        and (meanings.is_alien(scenario, look.status) or meanings.is_goal(scenario, look.status))
        for look in evidence.looks[task_id]
    )


def requests_add_up(evidence: Evidence) -> Iterator[str]:
    """The account counts the requests that left: all of them where no process died."""
    story = evidence.story
    if story.last.report is None:
        return
    left = Counter(exchange.api for exchange in story.exchanges)
    # A request that is ended while its credentials are fetched is counted, and never left.
    untold = sum(life.struck != "" for life in story.lives) * story.scenario.options.submit.workers
    undisturbed = not any(life.struck for life in story.lives)
    for api, counts in story.last.report.requests.items():
        if counts.sent > left[api] + untold or (undisturbed and counts.sent != left[api]):
            yield f"the account tells of {counts.sent} {api} requests, {left[api]} left"


def the_end_is_seen(evidence: Evidence) -> Iterator[str]:
    """Where looks are free to go, a task that reached its goal long before the deadline is not timed out."""
    story = evidence.story
    scenario, life = story.scenario, story.last
    spoiled = scenario.network.cut or scenario.network.faults or scenario.network.canned or scenario.service.deny
    limited = scenario.service.quotas or scenario.pace.requests_per_second
    troubled = set(scenario.service.faults.apis) & {"list", "show"} and scenario.service.faults != Faults()
    if spoiled or limited or troubled or life.report is None or life.report.ending is not Ending.DEADLINE:
        return
    slack = max(300.0, 5 * scenario.options.poll.max_interval)
    for row in life.rows:
        steps = story.service.books.history(row.task_id, life.ended_at)
        if row.outcome != "timed_out" or not steps or not meanings.is_goal(scenario, steps[-1][1]):
            continue
        if max(steps[-1][0], life.started_at) < life.ended_at - slack:
            yield f"{row.task_id} is {steps[-1][1]} since {steps[-1][0]:.3f}, unseen until {life.ended_at:.3f}"


def gentle_runs_finish(evidence: Evidence) -> Iterator[str]:
    """Where the service does nothing unseemly the run finishes, and the account is what the service holds."""
    story = evidence.story
    report = story.last.report
    if story.scenario.family != "gentle" or report is None:
        return
    if report.ending is not Ending.FINISHED:
        if not _the_clock_was_set_again(evidence) and not _the_key_was_locked(evidence, report.ending_reason):
            yield f"a gentle run came to {report.ending}: {report.ending_reason}"
        return
    done, already = meanings.WORDS[story.verb]
    for row in story.last.rows:
        truth = story.service.books.status_of(row.task_id, story.last.ended_at)
        if truth is None or truth == "DELETED":
            fits = row.outcome in {"not_found", done}
        elif meanings.is_goal(story.scenario, truth):
            fits = row.outcome in {done, already}
        elif meanings.is_ended(story.scenario, truth):
            fits = row.outcome == "ended"
        else:
            fits = row.outcome in {"rejected", "skipped"}
        if not fits:
            yield f"{row.task_id} is {truth}, the account says {row.outcome}"


def _the_clock_was_set_again(evidence: Evidence) -> bool:
    """Whether it was set between a 401 and the one request that may follow: a second 401 ends the run, as it must."""
    first, second = ([None, None] + [e for e in evidence.story.exchanges if e.status == UNAUTHENTICATED])[-2:]
    if first is None or second is None or first.closed_at is None:
        return False
    return any(first.sent_at < START + at <= second.sent_at for at, _ in evidence.story.scenario.wall)


def _the_key_was_locked(evidence: Evidence, reason: str) -> bool:
    """Whether more than five were under way, of all who use the key, when the clock was set: it is locked for all."""
    return bool(evidence.story.scenario.wall) and LOCKED in reason


def resumed_equals_undisturbed(evidence: Evidence) -> Iterator[str]:
    """Where chance plays no part, a run that was disturbed comes to the same outcomes as one that was not."""
    other = evidence.story.undisturbed
    if other is None or other.last.report is None or evidence.story.last.report is None:
        return
    words = set(meanings.WORDS[evidence.story.verb])
    for mine, theirs in zip(evidence.story.last.rows, other.last.rows, strict=True):
        if mine.outcome != theirs.outcome and not {mine.outcome, theirs.outcome} <= words:
            yield f"{mine.task_id} is {mine.outcome}, and {theirs.outcome} where nothing disturbs"
