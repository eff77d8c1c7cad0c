"""Reports for the tests: a small one with every kind of row, and ways to vary it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchestrator.engine.account import (
    InputCounts,
    Report,
    RequestCounts,
    Row,
    RunInfo,
    Stretch,
    Timing,
    seconds_between,
)
from orchestrator.engine.model import Ending, Quota
from orchestrator.engine.series import Durations, Series
from orchestrator.report.page import write_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

WORDS = (
    "stopped",
    "already_stopped",
    "ended",
    "not_found",
    "rejected",
    "skipped",
    "timed_out",
    "unconfirmed",
    "not_attempted",
)
OVER = frozenset(WORDS[:3])
START = 1_700_000_000.0  # 2023-11-14T22:13:20Z


def make_row(task_id: str, outcome: str = "stopped", **fields: Any) -> Row:
    """A row; a stopped one has its stamps."""
    values: dict[str, Any] = {
        "status": "TERMINATED" if outcome == "stopped" else "",
        "first_status": "MIGRATING",
        "error_code": "",
        "error_message": "",
        "stop_requests": 1,
        "accepted_at": START + 1 if outcome == "stopped" else None,
        "finished_at": START + 9.25 if outcome == "stopped" else None,
        "request_id": "r-1",
    }
    values |= fields
    seconds = seconds_between(values["accepted_at"], values["finished_at"])
    return Row(task_id=task_id, outcome=outcome, seconds_to_stop=seconds, **values)


def stretches(rows: Iterable[Row], length: int = 3) -> Iterator[Stretch]:
    """The same rows, so many at a time."""
    following = iter(rows)
    while some := list(islice(following, length)):
        yield Stretch._make([getattr(row, name) for row in some] for name in Stretch._fields)


def make_report(rows: Sequence[Row] = (make_row("a"),), **fields: Any) -> Report:
    """A report whose outcomes are those of `rows`."""
    counted = Counter(row.outcome for row in rows)
    values: dict[str, Any] = {
        "info": RunInfo(
            run_id="run-1",
            name="old-migrations",
            operation="stop",
            reason="INC-1",
            endpoint="https://dcs.example.com",
            project_id="p1",
        ),
        "ending": Ending.FINISHED,
        "ending_reason": "",
        "input": InputCounts(input=len(rows), unique=len(rows)),
        "outcomes": {word: counted[word] for word in WORDS},
        "over": OVER,
        "requests": {
            "stop": RequestCounts(ok=3, throttled=2, retried=1, failed=1),
            "list": RequestCounts(ok=1),
            "show": RequestCounts(),
        },
        "quotas": {"stop": Quota(policy="user", limit=20, seconds=5.0)},
        "timing": Timing(started_at=START, finished_at=START + 100.5, elapsed_seconds=99.8764),
        "attempts": 1,
        "notes": [],
        "stretches": lambda: stretches(rows),
    }
    return Report(**{**values, **fields})


def make_series() -> Series:
    """A run of some three hours, resumed once, under a quota."""
    steps = [min(1_000_000, 9_000 * place) for place in range(1, 121)]
    return Series(
        seconds=10_800.0,
        starts=(0.0, 4_000.0),
        width=90.0,
        accepted=steps,
        done=[int(step * 0.9) for step in steps],
        unheard=3,
        durations=Durations(
            width=5.0,
            counts=[0, 4_000, 20_000, 9_000, 3_000, 500],
            beyond=12,
            spanned=7,
            median=12.0,
            p90=22.5,
            p99=29.0,
            longest=3_700.0,
        ),
        answers_width=32.0,
        answers={"stop": {"ok": [120] * 338, "throttled": [0, 3, 1]}, "list": {"ok": [4] * 338, "failed": [1]}},
        quotas=((12.0, "stop", Quota(policy="user", limit=20, seconds=5.0)),),
    )


def written(path: Path, rows: Sequence[Row], **fields: Any) -> Path:
    """The page of such a report, in a file."""
    with path.open("w", encoding="utf-8") as stream:
        write_page(make_report(rows, **fields), stream)
    return path
