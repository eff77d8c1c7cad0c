"""Every metric there is: name, type, unit and meaning, once. The README's table is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["gauge", "counter", "histogram", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as Prometheus knows it; every one has the label `run` beside its own `labels`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # seconds, of a histogram


RUN_LABEL: Final = "run"  # the run's name: files of several runs may be read from one directory

RUN_INFO: Final = Metric(
    name="orchestrator_run",
    kind="info",
    help="What this run is; always 1",
    labels=("run_id", "operation", "version", "shard", "job_name"),
)
TASKS: Final = Metric(
    name="orchestrator_tasks",
    kind="gauge",
    help="Tasks by what they came to; timed_out, unconfirmed and not_attempted are known only when the run has ended",
    labels=("outcome",),
)
OPEN: Final = Metric(
    name="orchestrator_tasks_open",
    kind="gauge",
    help="Tasks that have not come to an end: to_send, or waiting (sent, or being looked into)",
    labels=("state",),
)
DURATION: Final = Metric(
    name="orchestrator_task_duration_seconds",
    kind="histogram",
    help="Seconds from a task's first acceptance until it was seen at its goal (for a stop: TERMINATED)",
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600),
)
REQUESTS: Final = Metric(
    name="orchestrator_request_duration_seconds",
    kind="histogram",
    help="Seconds from sending a request until its answer was read, or it was given up. "
    "result is ok, throttled, retried or failed; status is 2xx, 4xx, 5xx or none (no answer)",
    labels=("api", "result", "status"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
IN_FLIGHT: Final = Metric(
    name="orchestrator_requests_in_flight",
    kind="gauge",
    help="Requests that are on their way or have leave to go",
    labels=("api",),
)
BATCHES: Final = Metric(
    name="orchestrator_batches",
    kind="counter",
    help="Batches by what came of them: answered, returned (not processed, sent again), lost (to be looked into), "
    "spoiled (split, because of a bad id)",
    labels=("result",),
)
QUOTA_LIMIT: Final = Metric(
    name="orchestrator_quota_limit",
    kind="gauge",
    help="Requests that the service permits within the window, as it stated itself",
    labels=("api", "policy", "window_seconds"),
)
QUOTA_WAIT: Final = Metric(
    name="orchestrator_quota_wait_seconds",
    kind="gauge",
    help="Seconds until the next request of this API may leave; 0 when one may leave now",
    labels=("api",),
)
STARTED: Final = Metric(
    name="orchestrator_run_start_timestamp_seconds",
    kind="gauge",
    help="When this attempt of the run began, in seconds since the epoch",
)
LAST_ANSWER: Final = Metric(
    name="orchestrator_last_answer_timestamp_seconds",
    kind="gauge",
    help="When the service last answered a request well, in seconds since the epoch",
)
ATTEMPT: Final = Metric(
    name="orchestrator_run_attempts",
    kind="gauge",
    help="How many times the run was taken up, the first included",
)
EXIT_CODE: Final = Metric(
    name="orchestrator_run_exit_code",
    kind="gauge",
    help="The run's exit code; absent until it has ended",
)
ENDED: Final = Metric(
    name="orchestrator_run_end_timestamp_seconds",
    kind="gauge",
    help="When the run ended, in seconds since the epoch; absent until then",
)

CATALOGUE: Final = (
    RUN_INFO,
    TASKS,
    OPEN,
    DURATION,
    REQUESTS,
    IN_FLIGHT,
    BATCHES,
    QUOTA_LIMIT,
    QUOTA_WAIT,
    STARTED,
    LAST_ANSWER,
    ATTEMPT,
    ENDED,
    EXIT_CODE,
)


def exposed_name(metric: Metric) -> str:
    """The name under which it stands in the exposition: counters and infos have a suffix."""
    return metric.name + {"counter": "_total", "info": "_info"}.get(metric.kind, "")


def reference() -> str:
    """The catalogue as a Markdown table, for the README."""
    lines = ["| metric | type | labels | means |", "|---|---|---|---|"]
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{exposed_name(metric)}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"
