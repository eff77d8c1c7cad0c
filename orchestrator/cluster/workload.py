"""The cluster's workload objects: container, pod and Job; as `objects`, whose plainer ones they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.cluster.objects import (
    ConfigMap,
    EnvVar,
    Metadata,
    Model,
    Mount,
    PersistentVolumeClaim,
    Resources,
    ServiceAccount,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Port(Model):
    """A port by name."""

    name: str
    container_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGet(Model):
    """A page that a probe asks for."""

    path: str
    port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Model):
    """How the kubelet asks, and how often in vain."""

    http_get: HttpGet
    period_seconds: int
    timeout_seconds: int
    failure_threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities(Model):
    """Capabilities of the kernel."""

    drop: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSecurity(Model):
    """What the container may not do."""

    allow_privilege_escalation: bool
    privileged: bool
    read_only_root_filesystem: bool
    capabilities: Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Seccomp(Model):
    """Which system calls there are."""

    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSecurity(Model):
    """As whom the pod runs."""

    run_as_non_root: bool
    run_as_user: int
    run_as_group: int
    fs_group: int
    fs_group_change_policy: str
    seccomp_profile: Seccomp


@dataclass(frozen=True, slots=True, kw_only=True)
class Container(Model):
    """The one container."""

    name: str
    image: str
    args: Sequence[str]
    env: Sequence[EnvVar] | None = None
    ports: Sequence[Port] | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    termination_message_policy: str | None = None
    resources: Resources
    security_context: ContainerSecurity
    volume_mounts: Sequence[Mount]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec(Model):
    """The pod."""

    restart_policy: str
    termination_grace_period_seconds: int
    service_account_name: str
    automount_service_account_token: bool
    enable_service_links: bool
    security_context: PodSecurity
    containers: Sequence[Container]
    volumes: Sequence[Volume]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTemplate(Model):
    """The pod as the Job makes it."""

    metadata: Metadata
    spec: PodSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class OnExitCodes(Model):
    """A rule about exit codes."""

    container_name: str
    operator: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPodCondition(Model):
    """A rule about the pod's fate."""

    type: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRule(Model):
    """What a failed pod means to the Job; the first rule that fits counts."""

    action: str
    on_exit_codes: OnExitCodes | None = None
    on_pod_conditions: Sequence[OnPodCondition] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePolicy(Model):
    """The rules in order."""

    rules: Sequence[FailureRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec(Model):
    """How often and how long the pod is tried."""

    suspend: bool | None = None
    completion_mode: str | None = None
    completions: int | None = None
    parallelism: int | None = None
    backoff_limit: int | None = None
    backoff_limit_per_index: int | None = None
    active_deadline_seconds: int
    ttl_seconds_after_finished: int
    pod_replacement_policy: str
    pod_failure_policy: FailurePolicy
    template: PodTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Model):
    """The Job."""

    api_version: str = "batch/v1"
    kind: str = "Job"
    metadata: Metadata
    spec: JobSpec


Manifest: TypeAlias = ConfigMap | ServiceAccount | PersistentVolumeClaim | Job
