"""Deliberate mistakes: each breaks one rule of the product, and the referee must catch it within so many seeds."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from orchestrator.dcs import wire
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine import canary, runner, watch
from orchestrator.engine.canary import Canary
from orchestrator.engine.context import Context
from orchestrator.engine.desk import Desk
from orchestrator.engine.gate import Gate
from orchestrator.engine.history import History
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.pace import ApiPace
from orchestrator.engine.pacing import Permit
from orchestrator.engine.poller import Poller
from orchestrator.engine.ready import Ready
from orchestrator.engine.record import Record
from orchestrator.engine.replies import Replies
from orchestrator.engine.slots import Slots
from orchestrator.engine.survey import Survey
from tests.simulation import mistakes
from tests.simulation.accidents import ABOUT_ITEMS
from tests.simulation.draws import draw
from tests.simulation.examine import examine
from tests.simulation.pieces import overtaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One mistake: what it does, and within how many seeds it must be caught."""

    name: str
    patches: tuple[tuple[Any, str, Any], ...]
    within: int = 60
    draws: Callable[[int], Scenario] = draw
    fits: Callable[[Scenario], bool] = lambda _: True  # only seeds that give it an occasion are counted

    @contextmanager
    def made(self) -> Iterator[None]:
        """Make the mistake for the block."""
        before = [(target, name, target.__dict__.get(name)) for target, name, _ in self.patches]
        try:
            for target, name, value in self.patches:
                setattr(target, name, value)
            yield
        finally:
            for target, name, value in before:
                if value is None:  # inherited
                    delattr(target, name)
                else:
                    setattr(target, name, value)

    def caught_by(self) -> tuple[int, str] | None:
        """The first seed that catches it, and how; None if none does within the bound."""
        with self.made():
            fitting = (scenario for seed in count() if self.fits(scenario := self.draws(seed)))
            for scenario in islice(fitting, self.within):
                finding = examine(scenario)[0]
                if finding.violations:
                    return scenario.seed, finding.violations[0]
        return None


def report_mutations(say: Callable[[str], None]) -> int:
    """Make every mistake in turn; returns 1 if any went unnoticed."""
    survivors = 0
    for mutation in MUTATIONS:
        began = time.monotonic()
        caught = mutation.caught_by()
        survivors += caught is None
        how = f"SURVIVED {mutation.within} seeds" if caught is None else f"seed {caught[0]}: {caught[1][:140]}"
        say(f"{mutation.name:45} {time.monotonic() - began:5.1f} s  {how}")
    say(f"{len(MUTATIONS) - survivors} of {len(MUTATIONS)} caught")
    return 1 if survivors else 0


def _has_quota(scenario: Scenario) -> bool:
    quotas = scenario.service.quotas.values()
    told = any(quota.wording == "gateway" and not quota.strangers for quota in quotas)
    return told and scenario.pace.learn and scenario.pace.requests_per_second is None and scenario.family == "gentle"


def _has_bad_batches(scenario: Scenario) -> bool:
    return scenario.network.canned == ABOUT_ITEMS and scenario.options.limits.give_up_after > 100


def _is_guarded(scenario: Scenario) -> bool:
    return scenario.bounds_failures and scenario.service.refuse_always > 0.02


def _has_no_reissues(scenario: Scenario) -> bool:
    poll = scenario.options.poll
    return (
        scenario.service.forget > 0 and poll.max_reissues == 0 and poll.reissue_after < scenario.options.limits.deadline
    )


def _is_coarse(scenario: Scenario) -> bool:
    return scenario.service.list_detail == "coarse" and scenario.verb == "stop" and scenario.family == "rough"


def _is_resumed_canary(scenario: Scenario) -> bool:
    deaths = any(disturbance.disaster in {"death", "drain"} for disturbance in scenario.disturbances)
    return deaths and 1 < scenario.options.limits.canary < scenario.service.tasks


def _tells_when(scenario: Scenario) -> bool:
    """Whether a refusal tells when to come back, and nothing else that would do."""
    quotas = scenario.service.quotas.values()
    return any(quota.retry_after and quota.wording == "bare" for quota in quotas)


def _is_cut_off(scenario: Scenario) -> bool:
    cut, limits = scenario.network.cut, scenario.options.limits
    return cut is not None and cut[1] > limits.give_up_after and sum(cut) < limits.deadline


def _is_told_to_end(scenario: Scenario) -> bool:
    return any(disturbance.disaster == "drain" for disturbance in scenario.disturbances)


def _is_interrupted_and_late(scenario: Scenario) -> bool:
    return len(scenario.disturbances) > 1 and scenario.options.limits.deadline < 120


def _is_busy(scenario: Scenario) -> bool:
    return scenario.service.refuse_once > 0 and scenario.service.refusals == "detailed"


def _is_too_long(scenario: Scenario) -> bool:
    return scenario.options.limits.max_tasks < scenario.service.tasks


MUTATIONS = (
    Mutation(name="skip the intent", patches=((Context, "flush", mistakes.no_flush),)),
    Mutation(name="match answers by position", patches=((wire, "read_results", mistakes.read_by_position),)),
    Mutation(name="ignore refusals of single items", patches=((wire, "read_results", mistakes.read_all_accepted),)),
    Mutation(name="drop whom no page shows", patches=((Survey, "_hand_over", mistakes.unseen_are_dropped),)),
    Mutation(
        name="forget a quota that was told",
        patches=((ApiPace, "heed", mistakes.heeded_and_forgotten),),
        fits=_has_quota,
    ),
    Mutation(name="allow twice the quota", patches=((ApiPace, "_limit", mistakes.double_limit),), fits=_has_quota),
    Mutation(name="resend blindly after a lost answer", patches=((Replies, "failed", mistakes.lost_is_sent_again),)),
    Mutation(
        name="trust a coarse list", patches=((watch.Watch, "_send_on", mistakes.coarse_is_trusted),), fits=_is_coarse
    ),
    Mutation(
        name="count TERMINATING as stopped", patches=((StopMigrationTasks, "phase", mistakes.terminating_is_the_goal),)
    ),
    Mutation(
        name="stop what is in no stop state", patches=((StopMigrationTasks, "phase", mistakes.alien_is_actionable),)
    ),
    Mutation(
        name="reissue without bound",
        patches=((watch.Watch, "reissue_overdue", mistakes.no_reissue_limit),),
        fits=_has_no_reissues,
    ),
    Mutation(name="forget the confirmations", patches=((Ledger, "_confirm", mistakes.confirmed_at_once),)),
    Mutation(name="take missing from a page for gone", patches=((watch.Watch, "single", mistakes.missing_is_gone),)),
    Mutation(
        name="lose an item on isolation",
        patches=((Ready, "spoiled", mistakes.loses_one_when_spoiled),),
        fits=_has_bad_batches,
        within=200,
    ),
    Mutation(name="exceed the workers", patches=((Slots, "__init__", mistakes.twice_the_slots),)),
    Mutation(name="ignore the gate of a 401", patches=((Gate, "enter", mistakes.free_from_the_start),)),
    Mutation(name="never write answers down", patches=((Record, "append", mistakes.never_written),)),
    Mutation(name="take what was throttled for lost", patches=((Replies, "returned", mistakes.returned_is_lost),)),
    Mutation(name="let everybody go with the canary", patches=((Canary, "room", lambda _: math.inf),)),
    Mutation(
        name="forget on resume who of the canary is out",
        patches=((canary, "_is_out", lambda *_: False),),
        fits=_is_resumed_canary,
    ),
    Mutation(
        name="let somebody go in place of a canary",
        patches=((Canary, "_keeps_place", lambda self, item: self._ledger.state[item] in mistakes.CANARY_OUT),),
        fits=lambda scenario: 0 < scenario.options.limits.canary < scenario.service.tasks,
        within=200,
    ),
    Mutation(name="ignore a time to wait", patches=((ApiPace, "heed", mistakes.impatient),), fits=_tells_when),
    Mutation(
        name="take missing from its own page for gone",
        patches=((Poller, "_follow_up", mistakes.missing_from_its_page_is_gone),),
    ),
    Mutation(name="reissue at once", patches=((watch.Watch, "reissue_overdue", mistakes.reissue_at_once),)),
    Mutation(
        name="take the first refusal for the last word",
        patches=((Replies, "answered", mistakes.first_refusal_is_the_last_word),),
        fits=_is_busy,
    ),
    Mutation(
        name="wait for ever for an answer", patches=((Desk, "note_answer", mistakes.never_silent),), fits=_is_cut_off
    ),
    Mutation(name="go on after a request to end", patches=((Desk, "close", lambda _: None),), fits=_is_told_to_end),
    Mutation(
        name="never lose patience with a 401",
        patches=((Gate, "is_final", False),),
        fits=lambda scenario: scenario.credentials == "stale",
    ),
    Mutation(
        name="a new deadline for each attempt",
        patches=((History, "elapsed", 0.0),),
        fits=_is_interrupted_and_late,
    ),
    Mutation(name="take any number of tasks", patches=((runner, "too_many", lambda *_: None),), fits=_is_too_long),
    Mutation(
        name="go when it is ready, whether its moment has come or not",
        patches=((Permit, "due", mistakes.goes_when_ready),),
        fits=_has_quota,
        within=200,
    ),
    Mutation(
        name="send who was seen down meanwhile",
        patches=((Replies, "overtaken", lambda *_: []),),
        draws=overtaken,
    ),
    Mutation(name="let all fail at once", patches=((Context, "room", lambda _: 50),), fits=_is_guarded),
)
