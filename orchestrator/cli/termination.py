"""The last word of a pod: one small JSON object, written where the cluster looks for it, however the command ends.

https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

from __future__ import annotations

import json
import os
import stat
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator.report.harmless import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.engine.account import Report

VARIABLE: Final = "ORCHESTRATOR_TERMINATION_LOG"
DEFAULT: Final = Path("/dev/termination-log")
CLUSTER_VARIABLE: Final = "KUBERNETES_SERVICE_HOST"  # set in every pod, with or without service links
MAX_BYTES: Final = 4096  # the cluster cuts off what is longer, and half an object is none
MAX_NAMED: Final = 10  # tasks that are not over
MAX_PROBLEMS: Final = 10
MAX_TEXT: Final = 500  # letters of any one text
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OUTCOMES: Final = {75: "interrupted"}


def place(environ: Mapping[str, str], *, default: Path = DEFAULT) -> Path | None:
    """Where the last word goes: the file that the variable names, in a cluster its usual one, else nowhere."""
    named = environ.get(VARIABLE, "").strip()
    if named:
        return Path(named)
    # Outside of a cluster a file of this name is somebody else's.
    return default if environ.get(CLUSTER_VARIABLE) and os.access(default, os.W_OK) else None


def of_report(report: Report, directory: Path) -> dict[str, Any]:
    """What to say of a run that has its account."""
    word: dict[str, Any] = {
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "name": report.info.name,
        "run_id": report.info.run_id,
        "unique": report.input.unique,
        "not_over": report.not_over,
        "outcomes": {outcome: number for outcome, number in report.outcomes.items() if number},
        "output": str(directory.absolute()),
    }
    if report.shard is not None:
        word["shard"] = {"index": report.shard.index, "count": report.shard.count}
    if report.ending_reason:
        word["reason"] = one_line(report.ending_reason, MAX_TEXT)
    if report.not_over:
        left = islice(report.rows_not_over(), MAX_NAMED)
        word["first"] = [_named(row.task_id, row.outcome, row.error_code) for row in left]
    return word


def of_problems(problems: Sequence[str], *, hint: str, exit_code: int) -> dict[str, Any]:
    """What to say of a command that ended before it had an account."""
    word: dict[str, Any] = {
        "outcome": _OUTCOMES.get(exit_code, "aborted"),
        "exit_code": exit_code,
        "problems": [one_line(problem, MAX_TEXT) for problem in problems[:MAX_PROBLEMS]],
    }
    if hint:
        word["hint"] = hint
    return word


def leave(environ: Mapping[str, str], word: Mapping[str, Any]) -> str:
    """Write the last word, if anybody wants it; returns what hindered, for nothing of this may fail a run."""
    path = place(environ)
    if path is None:
        return ""
    try:
        descriptor = os.open(path, _FLAGS, 0o644)
        try:
            # Written in place: the cluster has mounted this very file.
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return f"{path}: not a regular file; the termination message was not written"
            os.write(descriptor, fitted(word))
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"{path}: {error.strerror}; the termination message was not written"
    return ""


def fitted(word: Mapping[str, Any]) -> bytes:
    """`word` as JSON of at most `MAX_BYTES`: names and problems give way first, from their ends, then long texts."""
    kept: dict[str, Any] = {key: list(value) if isinstance(value, list) else value for key, value in word.items()}
    while len(text := json.dumps(kept, ensure_ascii=False).encode("utf-8", "backslashreplace")) > MAX_BYTES:
        lists: list[list[Any]] = [value for value in kept.values() if isinstance(value, list) and value]
        if lists:
            max(lists, key=len).pop()
            continue
        longest = max((key for key, value in kept.items() if isinstance(value, str)), key=lambda key: len(kept[key]))
        kept[longest] = kept[longest][: len(kept[longest]) // 2] + "…"
    return text


def _named(task_id: str, outcome: str, code: str) -> dict[str, str]:
    return {"task_id": task_id, "outcome": outcome, **({"code": one_line(code, 64)} if code else {})}
