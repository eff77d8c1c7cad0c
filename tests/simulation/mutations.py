"""Deliberate mistakes: each breaks one rule of the product, and the referee must catch it within so many seeds."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from orchestrator.dcs import wire
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine import watch
from orchestrator.engine.canary import Canary
from orchestrator.engine.context import Context
from orchestrator.engine.gate import Gate
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Ack, Failure, Phase, Quota
from orchestrator.engine.pace import ApiPace
from orchestrator.engine.ready import Ready
from orchestrator.engine.record import Record
from orchestrator.engine.slots import Slots
from orchestrator.engine.states import State
from orchestrator.engine.submitter import Submitter
from orchestrator.engine.survey import Survey
from tests.simulation.accidents import ABOUT_ITEMS
from tests.simulation.draws import draw
from tests.simulation.examine import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orchestrator.dcs.wire import Response
    from tests.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One mistake: what it does, and within how many seeds it must be caught."""

    name: str
    patches: tuple[tuple[Any, str, Any], ...]
    within: int = 60
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
            fitting = (scenario for seed in count() if self.fits(scenario := draw(seed)))
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


async def _no_flush(_: Context) -> None:
    """Nothing is durable before it leaves."""


def _read_by_position(response: Response, *, api: str, ids: Sequence[str], now: float) -> Ack:
    ack = _READ_RESULTS(response, api=api, ids=ids, now=now)
    accepted = len(ack.accepted)
    refused = dict(zip(ids[accepted:], ack.refused.values(), strict=False))
    return Ack(accepted=list(ids[:accepted]), refused=refused, request_id=ack.request_id)


def _read_all_accepted(response: Response, *, api: str, ids: Sequence[str], now: float) -> Ack:
    ack = _READ_RESULTS(response, api=api, ids=ids, now=now)
    return Ack(accepted=list(ids), request_id=ack.request_id)


def _unseen_are_dropped(self: Survey) -> None:
    self._ready.survey_is_over()


def _throttled_and_forgotten(self: ApiPace, now: float, started_at: float, failure: Failure) -> Quota | None:
    quota = _THROTTLED(self, now, started_at, failure)
    self.quotas.clear()
    self._block(now + 1.0)
    return quota


def _double_limit(self: ApiPace, quota: Quota) -> int:
    return 2 * _LIMIT(self, quota)


def _lost_is_sent_again(self: Submitter, failure: Failure, batch: int, items: list[int], isolation: Any) -> bool:
    spoiled = _FAILED(self, failure, batch, items, isolation)
    state = self._context.ledger.state
    again = [item for item in items if state[item] == State.AMBIGUOUS]
    if again:
        from orchestrator.engine import events

        self._context.emit(events.Resubmitted(at=self._context.clock.stamp(), items=again, reissue=False))
        self._ready.put(again)
    return spoiled


def _coarse_is_trusted(self: watch.Watch, items: Any, *, trusted: bool, **rest: Any) -> None:
    _SEND_ON(self, items, trusted=bool(items) or trusted, **rest)


def _terminating_is_the_goal(self: StopMigrationTasks, status: str) -> Phase:
    found = _PHASE(self, status)
    return Phase.GOAL if found is Phase.GOING else found


def _alien_is_actionable(self: StopMigrationTasks, status: str) -> Phase:
    found = _PHASE(self, status)
    return Phase.ACTIONABLE if found is Phase.ALIEN else found


def _no_reissue_limit(self: watch.Watch, items: Any, *, trusted: bool) -> None:
    context, options = self._context, self._context.options
    context.options = replace(options, poll=replace(options.poll, max_reissues=99))
    _REISSUE(self, items, trusted=trusted)
    context.options = options


def _confirmed_at_once(_: Ledger, __: int, after: State) -> State:
    return after


def _missing_is_gone(self: watch.Watch, item: int, lane: Any) -> Any:
    if self._context.ledger.state[item] == State.MISSING:
        from orchestrator.engine import events
        from orchestrator.engine.model import Verdict

        failure = Failure(verdict=Verdict.GONE, message="no page shows it")
        self._context.emit(events.Gone(at=self._context.clock.stamp(), item=item, failure=failure))
        return _nothing()
    return _SINGLE(self, item, lane)


async def _nothing() -> None:
    """Nothing to do."""


def _loses_one_when_spoiled(self: Ready, items: Sequence[int]) -> None:
    _SPOILED(self, items[1:])


def _twice_the_slots(self: Slots, count: int) -> None:
    _SLOTS(self, 2 * count)


def _free_from_the_start(self: Gate) -> tuple[int, bool]:
    return self.generation, False


def _returned_is_lost(self: Submitter, batch: int, items: list[int], failure: Failure) -> None:
    from orchestrator.engine import events

    self._context.emit(events.BatchLost(at=self._context.clock.stamp(), batch=batch, items=items, failure=failure))


def _never_written(self: Record, event: Any) -> None:
    if type(event).__name__ != "BatchAnswered":
        _APPEND(self, event)


_READ_RESULTS = wire.read_results
_THROTTLED = ApiPace.throttled
_LIMIT = ApiPace._limit
_FAILED = Submitter._failed
_SEND_ON = watch.Watch._send_on
_PHASE = StopMigrationTasks.phase
_REISSUE = watch.Watch.reissue_overdue
_SINGLE = watch.Watch.single
_SPOILED = Ready.spoiled
_SLOTS = Slots.__init__
_APPEND = Record.append


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


MUTATIONS = (
    Mutation(name="skip the intent", patches=((Context, "flush", _no_flush),)),
    Mutation(name="match answers by position", patches=((wire, "read_results", _read_by_position),)),
    Mutation(name="ignore refusals of single items", patches=((wire, "read_results", _read_all_accepted),)),
    Mutation(name="drop whom no page shows", patches=((Survey, "_hand_over", _unseen_are_dropped),)),
    Mutation(
        name="forget a quota that was told",
        patches=((ApiPace, "throttled", _throttled_and_forgotten),),
        fits=_has_quota,
    ),
    Mutation(name="allow twice the quota", patches=((ApiPace, "_limit", _double_limit),), fits=_has_quota),
    Mutation(name="resend blindly after a lost answer", patches=((Submitter, "_failed", _lost_is_sent_again),)),
    Mutation(name="trust a coarse list", patches=((watch.Watch, "_send_on", _coarse_is_trusted),), fits=_is_coarse),
    Mutation(name="count TERMINATING as stopped", patches=((StopMigrationTasks, "phase", _terminating_is_the_goal),)),
    Mutation(name="stop what is in no stop state", patches=((StopMigrationTasks, "phase", _alien_is_actionable),)),
    Mutation(
        name="reissue without bound",
        patches=((watch.Watch, "reissue_overdue", _no_reissue_limit),),
        fits=_has_no_reissues,
    ),
    Mutation(name="forget the confirmations", patches=((Ledger, "_confirm", _confirmed_at_once),)),
    Mutation(name="take missing from a page for gone", patches=((watch.Watch, "single", _missing_is_gone),)),
    Mutation(
        name="lose an item on isolation", patches=((Ready, "spoiled", _loses_one_when_spoiled),), fits=_has_bad_batches
    ),
    Mutation(name="exceed the workers", patches=((Slots, "__init__", _twice_the_slots),)),
    Mutation(name="ignore the gate of a 401", patches=((Gate, "enter", _free_from_the_start),)),
    Mutation(name="never write answers down", patches=((Record, "append", _never_written),)),
    Mutation(name="take what was throttled for lost", patches=((Submitter, "_return", _returned_is_lost),)),
    Mutation(name="let everybody go with the canary", patches=((Canary, "room", lambda _: math.inf),)),
    Mutation(name="let all fail at once", patches=((Context, "room", lambda _: 50),), fits=_is_guarded),
)
