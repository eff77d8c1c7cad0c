"""The accounts of all shards of one run, joined into one that closes over the whole input (pure judgement)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.engine.account import InputCounts, Report, RequestCounts, Timing
from orchestrator.engine.model import FINISHED, Ending
from orchestrator.errors import AccountError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.engine.account import Stretch
    from orchestrator.engine.model import Quota

# The worst first: what one shard came to, the whole came to.
WORST = (Ending.REFUSED, Ending.ABORTED, Ending.INTERRUPTED, Ending.DEADLINE, Ending.FINISHED)
MAX_NOTES = 50
MAX_LISTED = 20  # shards named one by one
FIELDS = ("input", "unique", "duplicates", "malformed", "excluded")
RESULTS = ("ok", "throttled", "retried", "failed")


def complaints(reports: Mapping[str, Report]) -> list[str]:
    """Why these are not all shards of one run; `reports` by the place that each is from. Empty: they are."""
    found: list[str] = []
    first_place, first = next(iter(reports.items()))
    taken: dict[int, str] = {}
    for place, report in reports.items():
        shard = report.shard
        if shard is None:
            found.append(f"{place}: the record of a whole run, not of a shard; its account is whole already")
            continue
        if differing := _differences(report, first):
            found.append(f"{place}: of another run than {first_place}: {', '.join(differing)}")
        elif (other := taken.setdefault(shard.index, place)) != place:
            found.append(f"{place}: shard {shard.index} once more, {other} is that already; leave one of them out")
    if not found and first.shard is not None and (missing := sorted(set(range(first.shard.count)) - set(taken))):
        names = ", ".join(map(str, missing[:MAX_LISTED])) + (", …" if len(missing) > MAX_LISTED else "")
        what = "shard" if len(missing) == 1 else f"{len(missing)} shards"
        found.append(f"missing: {what} {names} of {first.shard.count}, counted from 0; name their directories as well")
    return found


def unfinished(reports: Mapping[str, Report]) -> list[str]:
    """The places whose run has not come to its end, each with the reason, if it gave one."""
    return [
        f"{place}: shard {report.shard.index if report.shard else '?'} is {report.ending.value}"
        + (f" ({report.ending_reason})" if report.ending_reason else "")
        for place, report in reports.items()
        if report.ending not in FINISHED
    ]


def join(reports: Sequence[Report]) -> Report:
    """One account of the whole, rows shard by shard, each in its input order. Raises `AccountError`.

    Time spent is that of the longest shard, since they ran side by side; so are attempts.
    """
    ordered = sorted(reports, key=lambda report: report.shard.index if report.shard else 0)
    first = ordered[0]
    outcomes = {word: sum(report.outcomes[word] for report in ordered) for word in first.outcomes}
    counted = {name: sum(getattr(report.input, name) for report in ordered) for name in FIELDS}
    whole = first.shard.input if first.shard is not None else counted["unique"]
    if counted["unique"] != whole:
        raise AccountError(
            f"the shards have {counted['unique']} unique ids, and each says that there are {whole} in the whole; "
            "this is a bug of ours, the records are kept: please report it with them"
        )
    started = [report.timing.started_at for report in ordered if report.timing.started_at]
    joined = replace(
        first,
        info=replace(first.info, run_id=_joint_id(ordered)),
        ending=min((report.ending for report in ordered), key=WORST.index),
        ending_reason=_reasons(ordered),
        input=InputCounts(**counted),
        outcomes=outcomes,
        requests=_requests(ordered),
        quotas=_quotas(ordered),
        timing=Timing(
            started_at=min(started, default=0.0),
            finished_at=max(report.timing.finished_at for report in ordered),
            elapsed_seconds=max(report.timing.elapsed_seconds for report in ordered),
        ),
        attempts=max(report.attempts for report in ordered),
        notes=tuple(dict.fromkeys(note for report in ordered for note in report.notes))[:MAX_NOTES],
        stretches=lambda: _stretches(ordered),
        shard=None,
        series=lambda: None,  # each shard's own page has its pictures
    )
    joined.check()
    return joined


def _differences(report: Report, first: Report) -> list[str]:
    here, there = report.shard, first.shard
    found = [
        name
        for key, name in (("operation", "operation"), ("project_id", "project"))
        if getattr(report.info, key) != getattr(first.info, key)
    ]
    if _endpoint(report) != _endpoint(first):
        found.append("endpoint")
    if here is not None and there is not None:
        if here.count != there.count:
            found.append(f"one of {here.count} shards, not of {there.count}")
        if here.input != there.input or (here.digest and there.digest and here.digest != there.digest):
            found.append("its input is another set of ids")
    return found


def _endpoint(report: Report) -> str:
    """The service's address; embedded simulators are alike, whichever port they had."""
    service = report.job.get("service") or {}
    return "simulator" if service.get("simulator") is not None else report.info.endpoint


def _stretches(reports: Sequence[Report]) -> Iterator[Stretch]:
    for report in reports:
        yield from report.stretches()


def _joint_id(reports: Sequence[Report]) -> str:
    """The same for the same runs."""
    return hashlib.blake2b("\n".join(report.info.run_id for report in reports).encode(), digest_size=16).hexdigest()


def _reasons(reports: Sequence[Report]) -> str:
    told = [
        f"shard {report.shard.index if report.shard else '?'}: {report.ending_reason}"
        for report in reports
        if report.ending_reason
    ]
    more = [f"and {len(told) - MAX_LISTED} more"] if len(told) > MAX_LISTED else []
    return "; ".join([*told[:MAX_LISTED], *more])


def _requests(reports: Sequence[Report]) -> dict[str, RequestCounts]:
    apis = sorted({api for report in reports for api in report.requests})
    none = RequestCounts()
    return {
        api: RequestCounts(
            **{name: sum(getattr(report.requests.get(api, none), name) for report in reports) for name in RESULTS}
        )
        for api in apis
    }


def _quotas(reports: Sequence[Report]) -> dict[str, Quota]:
    """Of each API the tightest that any shard learned: they share it."""
    found: dict[str, Quota] = {}
    for report in reports:
        for api, quota in report.quotas.items():
            known = found.get(api)
            if known is None or quota.limit / quota.seconds < known.limit / known.seconds:
                found[api] = quota
    return found
