"""`orchestrator verify`: are the tasks of a recorded run still as reported? Reads only, there and here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.cli.looking import log_sink
from orchestrator.cli.recorded import Recorded, read_recorded
from orchestrator.cli.resources import client_of, operation_of, provider_of
from orchestrator.engine.ids import PackedIds
from orchestrator.engine.inspection import Inspection, Sight
from orchestrator.engine.model import Ending
from orchestrator.engine.source import Items
from orchestrator.engine.verification import Claim, claim_of, holds
from orchestrator.errors import InputError
from orchestrator.job.again import job_again
from orchestrator.job.build import run_options
from orchestrator.report.harmless import one_line
from orchestrator.report.verdict import tasks

if TYPE_CHECKING:
    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.job.spec import JobSpec

AS_REPORTED, DIFFERENT, UNCLEAR = 0, 1, 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What verifying came to. The texts are finished lines."""

    checked: int
    unclaimed: int  # of these the report says nothing
    different: list[str]
    unseen: list[str]


def verify(settings: Settings, console: Console) -> int:
    """Look at every task of the run and name each that is not as reported.

    Raises `InputError` where there is nothing to verify, `DirectoryBusyError` while a run holds the directory, and
    what `Inspection.run` raises.
    """
    if settings.directory is None:
        raise TypeError("the parser lets no verification through without a directory")
    recorded = read_recorded(settings.directory)
    require_service(recorded)
    spec = spec_of(recorded, settings, operation=recorded.info.operation, name=recorded.info.name)
    findings = asyncio.run(_verify(recorded, spec, settings, console))
    for line in (*findings.different, *findings.unseen):
        console.say(line + "\n")
    console.say(describe(findings))
    if findings.different:
        return DIFFERENT
    return UNCLEAR if findings.unseen else AS_REPORTED


def require_service(recorded: Recorded) -> None:
    """Raise `InputError` for a run whose service is no more."""
    if recorded.is_simulated:
        raise InputError(
            f"{recorded.directory} is of a run on the embedded simulator (service.simulator), which ended with that "
            "run: there is nobody to ask. Practise with `orchestrator simulate`, which goes on"
        )


def spec_of(recorded: Recorded, settings: Settings, *, operation: str, name: str) -> JobSpec:
    """The recorded job, to be carried on about its own tasks."""
    info = recorded.info
    return job_again(
        recorded.job,
        operation=operation,
        endpoint=info.endpoint,
        project_id=info.project_id,
        name=name,
        overrides=settings.assignments,
    )


def describe(findings: Findings) -> str:
    """The answer in a sentence, with a line break at its end."""
    if findings.different:
        verb = "is" if len(findings.different) == 1 else "are"
        text = f"{len(findings.different):,} of {tasks(findings.checked)} {verb} not as reported."
    elif findings.unseen:
        text = f"{len(findings.unseen):,} of {tasks(findings.checked)} could not be seen; all others are as reported."
    elif findings.checked == 1:
        text = "The one task is still as reported."
    else:
        text = f"All {tasks(findings.checked)} are still as reported."
    if findings.unclaimed:
        text += f" Of {tasks(findings.unclaimed)} more the report says nothing: no run has seen them."
    return text + "\n"


async def _verify(recorded: Recorded, spec: JobSpec, settings: Settings, console: Console) -> Findings:
    ledger, ending = recorded.run.ledger, recorded.run.history.ending or Ending.INTERRUPTED
    gone_is_goal = spec.operation == "delete"
    claims = {
        item: claim
        for item in range(ledger.count)
        if (claim := claim_of(ledger, item, ending, gone_is_goal=gone_is_goal)) is not None
    }
    order = list(claims)
    items = _only(recorded.items, order)
    provider = provider_of(spec, console.environ)
    endpoint = recorded.info.endpoint
    async with client_of(spec, endpoint=endpoint, provider=provider, environ=console.environ) as client:
        operation = operation_of(spec, client)
        for api, known in recorded.run.history.quotas.items():
            for quota in known.values():
                client.pacing.learn(api, quota)
        inspection = Inspection(operation, items, options=run_options(spec), observers=[log_sink(settings, console)])
        if order:
            await inspection.run()
        sights = {place: inspection.sight(place) for place in range(len(order))}
        # The list is coarse, and a page shows what was: only a single look makes a difference certain.
        doubtful = [
            place for place, sight in sights.items() if not sight.is_fine and not _agrees(claims[order[place]], sight)
        ]
        sights |= await inspection.look_again(doubtful)
    different, unseen = [], []
    for place, item in enumerate(order):
        claim, sight = claims[item], sights[place]
        if _is_unseen(sight):
            unseen.append(f"{items.ids[place]}  could not be seen: {_reason(sight)}")
        elif not holds(claim, sight):
            different.append(f"{items.ids[place]}  {_outcome(recorded, item)}  {_then_and_now(claim, sight)}")
    return Findings(checked=len(order), unclaimed=ledger.count - len(order), different=different, unseen=unseen)


def _agrees(claim: Claim, sight: Sight) -> bool:
    return not _is_unseen(sight) and holds(claim, sight)


def _is_unseen(sight: Sight) -> bool:
    return sight.phase is None and not sight.is_gone


def _reason(sight: Sight) -> str:
    return one_line(sight.failure.text) if sight.failure is not None else "no look at it succeeded"


def _then_and_now(claim: Claim, sight: Sight) -> str:
    then = "not there" if claim.is_gone else claim.status
    now = "not there" if sight.is_gone else sight.status
    return one_line(f"reported {then}, now {now}")


def _outcome(recorded: Recorded, item: int) -> str:
    return next(row.outcome for row in recorded.run.rows([item]))


def _only(items: Items, kept: list[int]) -> Items:
    """These items, in their order."""
    return Items(ids=PackedIds(items.ids.texts(kept)), counts=items.counts, stated=items.stated)
