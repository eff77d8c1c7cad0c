"""The product itself: its real command line, with record and account."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# It signs its requests, as it has to elsewhere; the simulated service lets everybody in.
ENVIRONMENT = {
    "HUAWEICLOUD_SDK_AK": "SIMULATORACCESSKEY00",
    "HUAWEICLOUD_SDK_SK": "simulator-secret-key",
}


def command(*, endpoint: str, project: str, ids: Path, work: Path, interval: float, workers: int) -> list[str]:
    """Write the job file, and give the command that runs it."""
    job = work / "job.yaml"
    job.write_text(
        "version: 1\n"
        "operation: stop\n"
        f"service: {{endpoint: '{endpoint}', project_id: {project}, credentials: env}}\n"
        f"tasks: {{file: {json.dumps(str(ids))}}}\n"
        f"submit: {{workers: {workers}}}\n"
        f"poll: {{first_after: {interval:g}, interval: {interval:g}}}\n"
        "limits: {max_tasks: 10000000}\n"
        f"output: {{dir: {json.dumps(str(work / 'out'))}}}\n"
    )
    return [sys.executable, "-m", "orchestrator", "run", str(job), "--yes", "--progress", "none"]


def outcomes(work: Path) -> Mapping[str, int]:
    """How many tasks came to what, in the words of the service, by the account that was written."""
    summary = json.loads((work / "out" / "summary.json").read_text())
    counts: dict[str, int] = summary["counts"]["outcomes"]
    found = {word: count for word, count in counts.items() if count}
    stopped = found.pop("stopped", 0)
    return {"TERMINATED": stopped, **found} if stopped else found


def record_bytes(work: Path) -> int:
    """The size of the run's record."""
    return (work / "out" / "run.db").stat().st_size
