"""The contract of exit codes as a Job's policy, and the times that follow from a job's limits (plain arithmetic)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchestrator.cluster.workload import FailurePolicy, FailureRule, OnExitCodes, OnPodCondition

if TYPE_CHECKING:
    from orchestrator.job.spec import Limits

CONTAINER: Final = "orchestrator"
FINAL_CODES: Final = (1, 2, 3, 4, 70)
INDEX_CODES: Final = (1, 4)  # of one shard's tasks; the others may well succeed
RETRY_CODE: Final = 75
DRAIN_SECONDS: Final = 10  # promised: a signal ends the run within so long, account and all
GRACE_SECONDS: Final = 3 * DRAIN_SECONDS
STARTING_SECONDS: Final = 300  # a pod waits for a node, its image and its volume
FIRST_BACKOFF: Final = 10  # seconds, doubling, of the Job controller between two pods
LAST_BACKOFF: Final = 360
FEWEST_RETRIES: Final = 3
MOST_RETRIES: Final = 10
KEEP_SECONDS: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How often and how long the cluster tries. Seconds."""

    retries: int
    deadline: int
    grace: int = GRACE_SECONDS
    keep: int = KEEP_SECONDS


def times_of(limits: Limits) -> Times:
    """The cluster's patience, such that it never ends a run that the job file would let go on.

    An attempt that finds the service away lasts `give_up_after`, and `deadline` counts running time over all attempts:
    so many attempts make sense. Waiting between them is not running time, and comes on top.
    """
    wanted = math.ceil(limits.deadline / limits.give_up_after)
    retries = max(FEWEST_RETRIES, min(wanted, MOST_RETRIES))
    waiting = sum(min(FIRST_BACKOFF * 2**n, LAST_BACKOFF) for n in range(retries))
    each = STARTING_SECONDS + GRACE_SECONDS
    return Times(retries=retries, deadline=math.ceil(limits.deadline) + waiting + (retries + 1) * each)


def failure_policy(*, sharded: bool) -> FailurePolicy:
    """What each exit code means to the Job. Needs `restartPolicy: Never`.

    https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
    """
    rules: list[FailureRule] = []
    if sharded:
        rules.append(
            _on_codes(
                "FailIndex",
                INDEX_CODES,
                "1: finished, and some tasks are not over. 4: a guard ended it. For this shard only; the others go on.",
            )
        )
        everywhere = tuple(code for code in FINAL_CODES if code not in INDEX_CODES)
        about = "2: bad job file or missing credentials. 3: the service refused the run. 70: a bug. So for all shards."
    else:
        everywhere = FINAL_CODES
        about = (
            "1: finished, and some tasks are not over. 2: bad job file or missing credentials. 3: the service refused\n"
            "the run. 4: a guard ended it. 70: a bug. Another pod would only say the same."
        )
    rules.append(_on_codes("FailJob", everywhere, about))
    rules.append(
        FailureRule(
            about="Drained, preempted, evicted: no fault of the run; its next pod resumes it.",
            action="Ignore",
            on_pod_conditions=[OnPodCondition(type="DisruptionTarget", status="True")],
        )
    )
    rules.append(_on_codes("Count", (RETRY_CODE,), "75: interrupted with work left; the next pod resumes it."))
    return FailurePolicy(rules=rules)


def _on_codes(action: str, codes: tuple[int, ...], about: str) -> FailureRule:
    return FailureRule(
        about=about, action=action, on_exit_codes=OnExitCodes(container_name=CONTAINER, operator="In", values=codes)
    )
