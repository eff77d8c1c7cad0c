"""What deserves a second look before a run: plain judgements over a plan's numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from orchestrator.dcs.details import FULL
from orchestrator.dcs.states import EXCHANGING, FULLMIGRATING, canonical
from orchestrator.engine.guards import FailureGuard, span, too_many
from orchestrator.report.plan import Finding, count
from orchestrator.report.stamps import duration, stamp
from orchestrator.report.verdict import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orchestrator.dcs.credentials import Credentials
    from orchestrator.engine.options import RunOptions
    from orchestrator.job.spec import JobSpec
    from orchestrator.report.plan import Group, Groups, Times

SHORTEST_TEMPORARY: Final = 900.0  # seconds: temporary credentials live 15 minutes at least, 24 hours at most
TOKEN_LIFE: Final = 86_400.0
AUTO: Final = "auto"
RECORDS: Final = {
    "other": "the output directory holds the record of another run: a run is refused (exit 2)",
    "held": "another process holds the output directory: a run is refused (exit 75)",
    "unusable": "the record in the output directory cannot be read: a run is refused (exit 2)",
}


def find(
    spec: JobSpec,
    groups: Groups,
    times: Times,
    options: RunOptions,
    *,
    unique: int,
    record: str,
    may_list: bool,
    credentials: Credentials | None,
    now: float,
) -> list[Finding]:
    """Everything worth saying, in the order of a reader's interest."""
    return [
        *_record(record),
        *_guards(groups, options, unique),
        *_deadline(groups, times, options),
        *_migrations(spec, groups),
        *_missing(groups),
        *_permission(times, may_list=may_list),
        *_credentials(credentials, times, now),
        *_shards(spec, times),
    ]


def _record(record: str) -> Iterator[Finding]:
    if record in RECORDS:
        yield Finding(f"plan.record_{record}", RECORDS[record], blocks=True)


def _guards(groups: Groups, options: RunOptions, unique: int) -> Iterator[Finding]:
    limits = options.limits
    if (why := too_many(unique, limits.max_tasks)) is not None:
        yield Finding("plan.max_tasks", f"a run ends before it begins (exit 4): {why}", blocks=True)
    guard = FailureGuard.of(limits.max_failures, unique=unique, sample=limits.failure_sample)
    failed = len(groups.not_found)
    if guard is not None and guard.is_tripped(failed=failed, judged=unique):
        text = (
            f"{tasks(failed)} not there: more than limits.max_failures allows ({guard.wording}), so that a run is "
            "ended by it (exit 4); check the list, the region and the project"
        )
        yield Finding("plan.max_failures", text, blocks=True)
    if limits.canary and limits.canary < count(groups.to_send):
        text = f"the first {tasks(limits.canary)} go alone and must be seen at their end first (limits.canary)"
        yield Finding("plan.canary", text)


def _deadline(groups: Groups, times: Times, options: RunOptions) -> Iterator[Finding]:
    left, submit = times.deadline, times.submit
    if submit.requests == 0 or submit.high <= left:
        return
    sending = count(groups.to_send)
    fit = min(sending, int(times.requests_in_time or 0) * options.submit.batch_size)
    need = f"sending takes {duration(submit.low)}"
    if submit.is_range:
        need += f" to {duration(submit.high)}"
    if submit.low > left:
        text = (
            f"limits.deadline cannot be met: {need}, and {span(left)} are left of it; raise it to more than "
            f"{span(submit.low)}, or split the list"
        )
        yield Finding("plan.deadline", text, blocks=True)
    else:
        text = (
            f"limits.deadline may be too short: {need}, and {span(left)} are left of it; at the slower assumption "
            f"{fit:,} of {tasks(sending)} are sent in time"
        )
        yield Finding("plan.deadline", text)


def _migrations(spec: JobSpec, groups: Groups) -> Iterator[Finding]:
    if spec.operation == "stop":
        full = _tasks(groups.to_send, lambda g: g.method == FULL or canonical(g.status) == FULLMIGRATING)
        if full:
            text = (
                f"{full:,} of these {_are(full)} full migrations: stopped midway, the target is left half filled, "
                "while a full migration ends by itself"
            )
            yield Finding("plan.full_migration", text)
        auto = _tasks(groups.to_send, lambda g: g.resume_mode == AUTO)
        if auto:
            text = f"{auto:,} of these resume by themselves (resume_mode: auto): they may come back; verify later"
            yield Finding("plan.resume_auto", text)
    if spec.operation == "delete" and groups.to_send:
        yield Finding("plan.delete", f"{tasks(count(groups.to_send))} are deleted: nothing brings them back")
    everywhere = (*groups.to_send, *groups.skipped)
    switching = _tasks(everywhere, lambda g: canonical(g.status) == EXCHANGING)
    if switching:
        text = f"{tasks(switching)}: an IP switch is in progress; a run does not touch them"
        yield Finding("plan.ip_switch", text)


def _missing(groups: Groups) -> Iterator[Finding]:
    if groups.not_found:
        yield Finding(
            "plan.not_found",
            f"{tasks(len(groups.not_found))} not there: check the ids, the region and the project",
        )
    if groups.unread:
        first = next(iter(groups.unread.items()))
        text = f"{tasks(len(groups.unread))} could not be seen; the first: {first[0]}: {first[1]}"
        yield Finding("plan.unread", text)


def _permission(times: Times, *, may_list: bool) -> Iterator[Finding]:
    if not may_list:
        text = (
            f"this identity may not list tasks (dcs:migrationTask:list): every look at everything costs "
            f"{times.poll_looks:,} requests instead of a few pages"
        )
        yield Finding("plan.no_list", text)


def _credentials(credentials: Credentials | None, times: Times, now: float) -> Iterator[Finding]:
    if credentials is None:
        return
    need = max(times.submit.high, 1.0)
    renewal = "they are read again when they expire or are refused: let their source renew them"
    if credentials.expires_at is not None:
        left = credentials.expires_at - now
        if left < need:
            yield Finding(
                "plan.credentials",
                f"the credentials expire in {duration(left)} (at {stamp(credentials.expires_at)}), and sending takes "
                f"up to {duration(need)}; {renewal}",
            )
    elif credentials.security_token and need > SHORTEST_TEMPORARY:
        yield Finding(
            "plan.credentials",
            f"the access key is temporary (15 minutes to 24 hours, which cannot be seen from here), and sending takes "
            f"up to {duration(need)}; {renewal}",
        )
    elif credentials.token and need > TOKEN_LIFE:
        yield Finding(
            "plan.credentials", f"a token lives 24 hours, and sending takes up to {duration(need)}; {renewal}"
        )


def _shards(spec: JobSpec, times: Times) -> Iterator[Finding]:
    if spec.share and spec.tasks.where is not None and spec.tasks.where.status is not None:
        text = (
            "each shard selects when it starts, and by then other shards may have changed statuses: the shards do not "
            "agree on the whole input; select by name, instance or time instead, or give all shards one list"
        )
        yield Finding("plan.shards_select", text)
    if times.share > 1 and times.submit.bound in {"quota", "ceiling"}:
        alone = math.ceil(times.submit.requests * times.share)
        text = (
            f"{times.share} shards share one {times.submit.bound}, and it is what bounds them: more shards are not "
            f"faster (all of them together send about {alone:,} requests)"
        )
        yield Finding("plan.shards", text)


def _tasks(groups: Iterable[Group], holds: Callable[[Group], bool]) -> int:
    return sum(group.tasks for group in groups if holds(group))


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
