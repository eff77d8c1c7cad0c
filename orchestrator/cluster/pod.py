"""The pod: its container, volumes and restrictions, each deviation from the cluster's defaults with its reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from orchestrator.cluster.objects import EmptyDir, Mount, Resources, Volume
from orchestrator.cluster.policy import CONTAINER, DRAIN_SECONDS, GRACE_SECONDS
from orchestrator.cluster.workload import (
    Capabilities,
    Container,
    ContainerSecurity,
    HttpGet,
    PodSecurity,
    PodSpec,
    Port,
    Probe,
    Seccomp,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cluster.objects import EnvVar
    from orchestrator.cluster.options import ClusterOptions

USER: Final = 10001  # the image's; any other number will do as well
TMP_LIMIT: Final = "64Mi"
CPU_REQUEST: Final = "250m"
CPU_LIMIT: Final = "1"  # one event loop: more would lie idle
BASE_MEBIBYTES: Final = 192
BYTES_A_TASK: Final = 400  # measured 205; twice that, for list pages and the report
STEP_MEBIBYTES: Final = 64
PORT_NAME: Final = "metrics"


def resources_of(options: ClusterOptions, tasks: int) -> Resources:
    """What the pod gets: as told, else what `tasks` tasks take."""
    memory = options.memory or _memory_for(tasks)
    return Resources(
        why={"limits": "Memory is reserved whole: a run that is killed for it resumes, and is killed again."},
        requests={"cpu": options.cpu or CPU_REQUEST, "memory": memory},
        limits={"cpu": options.cpu or CPU_LIMIT, "memory": memory},
    )


def pod_spec(
    *,
    account: str,
    container: Container,
    volumes: Sequence[Volume],
) -> PodSpec:
    """A pod that runs `container` once, with as few rights as can be."""
    return PodSpec(
        why={
            "restart_policy": "The Job makes a new pod where one makes sense; the policy above needs Never.",
            "termination_grace_period_seconds": (
                f"A signal ends the run within {DRAIN_SECONDS} s, account and all; three times that for slow storage."
            ),
            "automount_service_account_token": "The run does not talk to the cluster.",
            "enable_service_links": (
                "A Service named orchestrator would otherwise put ORCHESTRATOR_… variables here, which are options."
            ),
        },
        restart_policy="Never",
        termination_grace_period_seconds=GRACE_SECONDS,
        service_account_name=account,
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=PodSecurity(
            why={"fs_group": "The record's volume belongs to this group."},
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=Seccomp(type="RuntimeDefault"),
        ),
        containers=[container],
        volumes=[*volumes, Volume(name="tmp", empty_dir=EmptyDir(size_limit=TMP_LIMIT))],
    )


def container(
    *,
    args: Sequence[str],
    env: Sequence[EnvVar],
    mounts: Sequence[Mount],
    options: ClusterOptions,
    resources: Resources,
) -> Container:
    """The one container; all that the program is told are arguments, but for names of files and the job's variables."""
    return Container(
        why={
            "termination_message_policy": "The run leaves its last word itself; where it cannot, its last lines serve.",
            "liveness_probe": "Asked for. Generous: writing a large account is not death.",
        },
        name=CONTAINER,
        image=options.image,
        args=args,
        env=env or None,
        ports=None if options.port is None else [Port(name=PORT_NAME, container_port=options.port)],
        readiness_probe=_probe("/readyz", 3) if options.serve else None,
        liveness_probe=_probe("/healthz", 30) if options.liveness else None,
        termination_message_policy="FallbackToLogsOnError",
        resources=resources,
        security_context=ContainerSecurity(
            allow_privilege_escalation=False,
            privileged=False,
            read_only_root_filesystem=True,
            capabilities=Capabilities(drop=["ALL"]),
        ),
        volume_mounts=[*mounts, Mount(name="tmp", mount_path="/tmp")],  # noqa: S108 - of its own, in memory of nobody
    )


def _memory_for(tasks: int) -> str:
    needed = BASE_MEBIBYTES + tasks * BYTES_A_TASK / 2**20
    return f"{max(4, math.ceil(needed / STEP_MEBIBYTES)) * STEP_MEBIBYTES}Mi"


def _probe(path: str, failures: int) -> Probe:
    return Probe(
        http_get=HttpGet(path=path, port=PORT_NAME), period_seconds=10, timeout_seconds=5, failure_threshold=failures
    )
