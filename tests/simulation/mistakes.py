"""The mistakes themselves: what stands in for the product's own methods while a mutation is played."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.dcs import wire
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.engine import events, watch
from orchestrator.engine.desk import Desk
from orchestrator.engine.model import Ack, Failure, Phase, Verdict
from orchestrator.engine.pace import ApiPace
from orchestrator.engine.poller import Poller
from orchestrator.engine.ready import Ready
from orchestrator.engine.record import Record
from orchestrator.engine.replies import Replies
from orchestrator.engine.slots import Slots
from orchestrator.engine.states import OPEN, PENDING, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.dcs.wire import Response
    from orchestrator.engine.context import Context
    from orchestrator.engine.gate import Gate
    from orchestrator.engine.ledger import Ledger
    from orchestrator.engine.model import Quota
    from orchestrator.engine.pacing import Permit
    from orchestrator.engine.plan import PageLook
    from orchestrator.engine.survey import Survey

CANARY_OUT = {*OPEN, State.DONE} - {State.READY}


async def no_flush(_: Context) -> None:
    """Nothing is durable before it leaves."""


def read_by_position(response: Response, *, api: str, ids: Sequence[str], now: float) -> Ack:
    ack = _READ_RESULTS(response, api=api, ids=ids, now=now)
    accepted = len(ack.accepted)
    refused = dict(zip(ids[accepted:], ack.refused.values(), strict=False))
    return Ack(accepted=list(ids[:accepted]), refused=refused, request_id=ack.request_id)


def read_all_accepted(response: Response, *, api: str, ids: Sequence[str], now: float) -> Ack:
    ack = _READ_RESULTS(response, api=api, ids=ids, now=now)
    return Ack(accepted=list(ids), request_id=ack.request_id)


def unseen_are_dropped(self: Survey) -> None:
    self._ready.survey_is_over()


def heeded_and_forgotten(self: ApiPace, failure: Failure, now: float, *, is_new: bool) -> Quota | None:
    quota = _HEED(self, failure, now, is_new=is_new)
    self.quotas.clear()
    self._block(now + 1.0)
    return quota


def double_limit(self: ApiPace, quota: Quota) -> int:
    return 2 * _LIMIT(self, quota)


def lost_is_sent_again(self: Replies, failure: Failure, batch: int, items: list[int], **rest: Any) -> bool:
    spoiled = _FAILED(self, failure, batch, items, **rest)
    state = self._context.ledger.state
    again = [item for item in items if state[item] == State.AMBIGUOUS]
    if again:
        self._context.emit(events.Resubmitted(at=self._context.clock.stamp(), items=again, reissue=False))
        self._ready.put(again)
    return spoiled


def coarse_is_trusted(self: watch.Watch, items: Any, *, trusted: bool, **rest: Any) -> None:
    _SEND_ON(self, items, trusted=bool(items) or trusted, **rest)


def terminating_is_the_goal(self: StopMigrationTasks, status: str) -> Phase:
    found = _PHASE(self, status)
    return Phase.GOAL if found is Phase.GOING else found


def alien_is_actionable(self: StopMigrationTasks, status: str) -> Phase:
    found = _PHASE(self, status)
    return Phase.ACTIONABLE if found is Phase.ALIEN else found


def no_reissue_limit(self: watch.Watch, items: Any, *, trusted: bool) -> None:
    context, options = self._context, self._context.options
    context.options = replace(options, poll=replace(options.poll, max_reissues=99))
    _REISSUE(self, items, trusted=trusted)
    context.options = options


def confirmed_at_once(_: Ledger, __: int, after: State) -> State:
    return after


def missing_is_gone(self: watch.Watch, item: int, lane: Any) -> Any:
    if self._context.ledger.state[item] == State.MISSING:
        failure = Failure(verdict=Verdict.GONE, message="no page shows it")
        self._context.emit(events.Gone(at=self._context.clock.stamp(), item=item, failure=failure))
        return nothing()
    return _SINGLE(self, item, lane)


async def nothing() -> None:
    """Nothing to do."""


def loses_one_when_spoiled(self: Ready, items: Sequence[int]) -> None:
    _SPOILED(self, items[1:])


def twice_the_slots(self: Slots, count: int) -> None:
    _SLOTS(self, 2 * count)


def free_from_the_start(self: Gate) -> tuple[int, bool]:
    return self.generation, False


def returned_is_lost(self: Replies, batch: int, items: list[int], failure: Failure) -> None:

    self._context.emit(events.BatchLost(at=self._context.clock.stamp(), batch=batch, items=items, failure=failure))


def never_written(self: Record, event: Any) -> None:
    if type(event).__name__ != "BatchAnswered":
        _APPEND(self, event)


def impatient(self: ApiPace, failure: Failure, now: float, *, is_new: bool) -> Quota | None:
    return _HEED(self, replace(failure, retry_after=None), now, is_new=is_new)


def missing_from_its_page_is_gone(self: Poller, look: PageLook, found: set[int]) -> None:

    context = self._context
    failure = Failure(verdict=Verdict.GONE, message="its page does not show it")
    for item in look.items:
        if item not in found and context.ledger.state[item] in PENDING:
            context.emit(events.Gone(at=context.clock.stamp(), item=item, failure=failure))
    _FOLLOW_UP(self, look, found)


async def goes_when_ready(self: Permit) -> bool:
    self.start()
    return True


def reissue_at_once(self: watch.Watch, items: Any, *, trusted: bool) -> None:
    context, options = self._context, self._context.options
    context.options = replace(options, poll=replace(options.poll, reissue_after=0.01))
    _REISSUE(self, items, trusted=trusted)
    context.options = options


def first_refusal_is_the_last_word(self: Replies, ack: Ack, batch: int, items: list[int], ids: list[str]) -> None:
    refused = {key: replace(failure, verdict=Verdict.REJECTED) for key, failure in ack.refused.items()}
    _ANSWERED(self, Ack(accepted=ack.accepted, refused=refused, request_id=ack.request_id), batch, items, ids)


def never_silent(self: Desk, failure: Failure | None) -> None:
    _NOTE_ANSWER(self, failure)
    self.failing_since = None


_READ_RESULTS = wire.read_results
_HEED = ApiPace.heed
_LIMIT = ApiPace._limit
_FAILED = Replies.failed
_SEND_ON = watch.Watch._send_on
_PHASE = StopMigrationTasks.phase
_REISSUE = watch.Watch.reissue_overdue
_SINGLE = watch.Watch.single
_SPOILED = Ready.spoiled
_SLOTS = Slots.__init__
_APPEND = Record.append
_FOLLOW_UP = Poller._follow_up
_ANSWERED = Replies.answered
_NOTE_ANSWER = Desk.note_answer
