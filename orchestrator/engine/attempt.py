"""One attempt at a run: survey, submitter and poller side by side in one task group, until nobody is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from orchestrator.engine.agenda import Agenda
from orchestrator.engine.guards import span
from orchestrator.engine.poller import Poller
from orchestrator.engine.ready import Ready
from orchestrator.engine.rollcall import RollCall
from orchestrator.engine.submitter import Submitter
from orchestrator.engine.survey import Survey
from orchestrator.engine.watch import Watch
from orchestrator.errors import UnreachableError

if TYPE_CHECKING:
    from orchestrator.engine.context import Context
    from orchestrator.engine.curve import Curve
    from orchestrator.engine.places import Places

DRAIN_SECONDS = 3.0  # what is in flight may still be answered for so long after a request to end
HEARTBEAT = 1.0  # seconds between writings of what is not urgent


async def see_through(context: Context, *, places: Places, curve: Curve, drain: anyio.Event) -> None:
    """Return when every item is final, or when `drain` was set and what was in flight came back or had its grace.

    Raises what ends a run early, in a group.
    """
    ready, agenda = Ready(context.ledger), Agenda(places, curve, context.options.poll)
    watch = Watch(context, places=places, curve=curve, agenda=agenda, ready=ready)
    survey = Survey(context, watch=watch, places=places, agenda=agenda, ready=ready)
    submitter = Submitter(context, ready=ready, agenda=agenda)
    poller = Poller(context, watch=watch, agenda=agenda, places=places, curve=curve)
    roll_call = RollCall(context, watch=watch)
    if context.operation.gone_is_goal and context.operation.max_page:
        watch.roll_call = roll_call
    if not context.ledger.open or drain.is_set():  # told to end while the beginning was written
        return
    async with anyio.create_task_group() as tasks:
        for loop in (survey, submitter, poller, roll_call):
            tasks.start_soon(loop.run, name=type(loop).__name__.lower())
        tasks.start_soon(_keep_watch, context, name="heartbeat")
        tasks.start_soon(_wait_for_drain, context, drain, tasks.cancel_scope, name="drain")
        await context.over.wait()
        tasks.cancel_scope.cancel()


async def _keep_watch(context: Context) -> None:
    """Write down now and then what is not urgent, and see whether the service still answers."""
    give_up_after = context.options.limits.give_up_after
    while True:
        await anyio.sleep(HEARTBEAT)
        if (tally := context.desk.tally()) is not None:
            context.emit(tally)
        await context.flush()
        failing_since = context.desk.failing_since
        if failing_since is not None and context.clock.stamp() - failing_since >= give_up_after:
            raise UnreachableError(
                f"no good answer from the service for {span(give_up_after)} (limits.give_up_after): "
                "check the network and the endpoint; the same command resumes"
            )


async def _wait_for_drain(context: Context, drain: anyio.Event, scope: anyio.CancelScope) -> None:
    await drain.wait()
    context.desk.close()
    with anyio.move_on_after(DRAIN_SECONDS):
        while context.desk.slots.in_use:
            await context.desk.slots.idle.wait()
    scope.cancel()
