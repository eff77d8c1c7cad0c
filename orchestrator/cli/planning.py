"""Makes a plan: looks at the tasks of a job as a run would, and reckons what the run would cost."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from orchestrator.cli.findings import find
from orchestrator.dcs.inspecting import Inspecting
from orchestrator.dcs.wire import MAX_PAGE
from orchestrator.engine.forecast import Means, estimate, fitting
from orchestrator.engine.ids import PackedIds
from orchestrator.engine.inspection import Inspection
from orchestrator.engine.model import Phase
from orchestrator.engine.source import Items
from orchestrator.job.build import pace_options, run_options
from orchestrator.report.plan import Group, Groups, Plan, Times, count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.dcs.client import DcsClient
    from orchestrator.dcs.credentials import Credentials
    from orchestrator.engine import events as ev
    from orchestrator.engine.account import RequestCounts
    from orchestrator.engine.model import Quota
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.engine.options import RunOptions
    from orchestrator.engine.runner import Run
    from orchestrator.job.spec import JobSpec

MOST_LOOKED_AT = 10_000  # tasks that are looked at before a person is asked; `plan` looks at any number
PATIENCE = 30.0  # seconds that a person waits for the question


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is planned: the job, its tasks, and what an earlier attempt left."""

    spec: JobSpec
    items: Items
    endpoint: str
    project_id: str
    selection: str = ""
    record: str = "none"  # as `Plan.record`
    run: Run | None = None  # the unfinished or finished run of the record
    reopened: Sequence[int] | None = None  # items of it that are to be tried again


async def make_plan(
    subject: Subject,
    operation: BulkOperation,
    client: DcsClient,
    *,
    credentials: Credentials | None = None,
    observers: Sequence[ev.Observer] = (),
) -> Plan:
    """Look at every task that a run would look at, and send nothing.

    Raises `RunRefusedError` where the service lets nobody look, `UnreachableError` where it does not answer.
    """
    options = run_options(subject.spec)
    items = _open_items(subject)
    if subject.run is not None:
        for api, known in subject.run.history.quotas.items():
            for quota in known.values():
                client.pacing.learn(api, quota)
    inspecting = Inspecting(operation, client, items.ids)
    inspection = Inspection(inspecting, items, options=options, observers=observers)
    if items.ids:
        await inspection.run()
    groups, on_their_way = _group(subject, items, inspecting, inspection)
    pages, looks = inspection.round_cost(on_their_way)
    times = _times(
        subject,
        options,
        client.pacing.quotas(),
        count(groups.to_send),
        survey=sum(counts.sent for counts in inspection.requests.values()),
        round_cost=(pages, looks),
        latency=inspection.latency.mean,
    )
    return _plan_of(
        subject,
        groups,
        times,
        options,
        looked=inspection.requests,
        may_list=inspection.refused is None,
        credentials=credentials,
    )


async def plan_in_time(
    subject: Subject,
    operation: BulkOperation,
    client: DcsClient,
    *,
    credentials: Credentials | None = None,
    observers: Sequence[ev.Observer] = (),
) -> Plan:
    """The plan that somebody waits for: of a long list, or from a slow service, only what needs no look."""
    if len(subject.items.ids) <= MOST_LOOKED_AT:
        with anyio.move_on_after(PATIENCE):
            return await make_plan(subject, operation, client, credentials=credentials, observers=observers)
    return rough_plan(subject, client, credentials=credentials)


def rough_plan(subject: Subject, client: DcsClient, *, credentials: Credentials | None = None) -> Plan:
    """The plan without a single request: as if all tasks were there to be acted on. For lists too long to wait for."""
    options = run_options(subject.spec)
    items = _open_items(subject)
    groups = Groups(
        to_send=[Group("not looked at yet", len(items.ids))] if items.ids else [],
        over_before=subject.items.counts.unique - len(items.ids),
    )
    pages = math.ceil(len(items.ids) / MAX_PAGE)
    times = _times(
        subject, options, client.pacing.quotas(), len(items.ids), survey=pages, round_cost=(pages, 0), latency=0.0
    )
    return _plan_of(subject, groups, times, options, looked={}, may_list=True, credentials=credentials)


def _plan_of(
    subject: Subject,
    groups: Groups,
    times: Times,
    options: RunOptions,
    *,
    looked: Mapping[str, RequestCounts],
    may_list: bool,
    credentials: Credentials | None,
) -> Plan:
    """Put it all together, with what deserves a second look."""
    spec, counts = subject.spec, subject.items.counts
    findings = find(
        spec,
        groups,
        times,
        options,
        unique=counts.unique,
        record=subject.record,
        may_list=may_list,
        credentials=credentials,
        now=time.time(),
    )
    return Plan(
        name=spec.name or "",
        operation=spec.operation,
        endpoint=subject.endpoint,
        project_id=subject.project_id,
        output=str(spec.output.dir),
        selection=subject.selection,
        input=counts,
        shard=subject.items.shard,
        record=subject.record,
        groups=groups,
        times=times,
        looked=looked,
        findings=findings,
    )


def _open_items(subject: Subject) -> Items:
    """The tasks that a run would look at: all, or those that the record has no end for."""
    items, run = subject.items, subject.run
    if run is None:
        return items
    left = run.ledger.open_items() if subject.reopened is None else subject.reopened
    ids = PackedIds() if subject.record == "finished" else PackedIds(items.ids.texts(left))
    return Items(ids=ids, counts=items.counts, stated=items.stated, shard=items.shard)


def _group(subject: Subject, items: Items, inspecting: Inspecting, inspection: Inspection) -> tuple[Groups, list[int]]:
    """The tasks by what a run would make of them, and those that it would look at again."""
    claimed = _claimed(subject)
    parts: dict[str, Counter[Group]] = {}
    not_found: list[str] = []
    unread: dict[str, str] = {}
    on_their_way: list[int] = []
    for item, item_id in enumerate(items.ids):
        sight = inspection.sight(item)
        if sight.is_gone:
            not_found.append(item_id)
        elif sight.phase is None:
            unread[item_id] = sight.failure.text if sight.failure is not None else ""
        else:
            part = _PARTS[sight.phase]
            if part == "to_send" and item_id in claimed:
                part = "sent_before"
            if part in {"to_send", "sent_before", "going"}:
                on_their_way.append(item)
            parts.setdefault(part, Counter())[Group(sight.status, 0, *inspecting.kind_of(item))] += 1
    counted = {
        part: [group._replace(tasks=number) for group, number in groups.most_common()] for part, groups in parts.items()
    }
    before = subject.items.counts.unique - len(items.ids)
    groups = Groups(**counted, not_found=not_found, unread=unread, over_before=before)
    return groups, on_their_way


def _claimed(subject: Subject) -> frozenset[str]:
    """The ids that an earlier attempt of this run sent, or may have sent."""
    run = subject.run
    if run is None:
        return frozenset()
    ids = subject.items.ids
    return frozenset(ids[item] for item in run.ledger.open_items() if run.ledger.claimed[item])


def _times(
    subject: Subject,
    options: RunOptions,
    quotas: Mapping[str, Sequence[Quota]],
    sending: int,
    *,
    survey: int,
    round_cost: tuple[int, int],
    latency: float,
) -> Times:
    spec, (pages, looks) = subject.spec, round_cost
    pace = pace_options(spec)
    share = spec.share[1] if spec.share else 1

    def means(api: str) -> Means:
        return Means(
            workers=options.submit.workers,
            latency=latency,
            quotas=tuple(quotas.get(api, ())),
            ceiling=pace.requests_per_second,
            burst=pace.burst or 1,
            share=share,
        )

    batches = math.ceil(sending / options.submit.batch_size)
    spent = subject.run.history.elapsed if subject.run is not None else 0.0
    left = max(0.0, options.limits.deadline - spent)
    in_time = fitting(left, means(spec.operation), cautious=True)
    round_api = "list" if pages else "show"
    return Times(
        submit=estimate(batches, means(spec.operation)),
        survey=estimate(survey, means("list" if pages else "show")),
        poll_round=estimate(pages + looks, means(round_api)),
        poll_pages=pages,
        poll_looks=looks,
        deadline=left,
        requests_in_time=None if in_time == math.inf else in_time,
        quotas={api: list(known) for api, known in quotas.items() if known},
        ceiling=pace.requests_per_second,
        share=share,
    )


_PARTS = {
    Phase.ACTIONABLE: "to_send",
    Phase.GOING: "going",
    Phase.GOAL: "already",
    Phase.ENDED: "ended",
    Phase.ALIEN: "skipped",
}
