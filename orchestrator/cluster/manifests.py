"""A checked job made into the cluster's objects: ConfigMap, ServiceAccount, claims, Job."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from orchestrator.cluster.emit import silent
from orchestrator.cluster.identity import PodIdentity, identity_of
from orchestrator.cluster.objects import (
    ClaimVolume,
    ConfigMap,
    ConfigMapVolume,
    EnvVar,
    FieldRef,
    KeyRef,
    Metadata,
    Mount,
    ServiceAccount,
    ValueFrom,
    Volume,
)
from orchestrator.cluster.payload import IDS_DIR, JOB_DIR, JOB_FILE, gather
from orchestrator.cluster.pod import container, pod_spec, resources_of
from orchestrator.cluster.policy import failure_policy, times_of
from orchestrator.cluster.storage import RECORD_DIR, ids_claim, record_claim, record_mount, record_volume
from orchestrator.cluster.workload import Job, JobSpec, PodTemplate
from orchestrator.errors import InputError
from orchestrator.job.spec import Shard
from orchestrator.job.variables import has_password

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orchestrator.cluster.options import ClusterOptions
    from orchestrator.cluster.payload import Payload
    from orchestrator.cluster.policy import Times
    from orchestrator.cluster.workload import Manifest, PodSpec
    from orchestrator.job.spec import JobSpec as RunSpec

OUTPUT: Final = RECORD_DIR / "out"
MERGED: Final = RECORD_DIR / "merged"
MAX_NAME: Final = 52  # a shard's pod is named after the Job and its index, within 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run: the job file, checked, with what this shell said of it."""

    job_file: Path
    spec: RunSpec
    assignments: Sequence[str]  # `--set`s of the person who prints
    variables: Mapping[str, str]  # that the job file asked for
    tasks: int  # unique ids, as far as they are known
    options: ClusterOptions
    environ: Mapping[str, str]  # says which credentials there are, never which value they have


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The objects, and what the person who applies them should know and do first."""

    name: str
    objects: Sequence[Manifest]
    apart: Path | None
    create: Sequence[str]  # `kubectl` commands, without the word


def manifests(order: Order) -> Plan:
    """Everything that the cluster needs. Raises `InputError`."""
    return _Builder(order).plan()


def object_name(name: str) -> str:
    """A run's name as the cluster spells names."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:MAX_NAME].strip("-") or "orchestrator"


class _Builder:
    """Puts the objects of one order together."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._options = order.options
        self._name = object_name(order.spec.name or order.job_file.stem)
        self._payload: Payload = gather(order.job_file, order.spec)
        self._identity: PodIdentity = identity_of(order.spec, order.options, order.environ, name=self._name)
        self._times: Times = times_of(order.spec.limits)
        self._shards = order.options.shards
        if isinstance(order.spec.shard, Shard) and self._shards is not None:
            raise InputError("shard: the job file names one share; remove it, and let --shards number the pods")

    def plan(self) -> Plan:
        record = record_claim(self._metadata("-record"), self._options)
        objects: list[Manifest] = [self._config_map(), self._account(), record]
        if self._payload.apart is not None:
            objects.append(ids_claim(self._metadata("-ids"), self._options, size=self._payload.apart_bytes))
        objects.append(self._job())
        if self._shards is not None:
            objects.append(self._merge_job())
        secret = self._secret_variables()
        create = [self._identity.create] if self._identity.create else []
        if secret:
            told = " ".join(f"--from-file={name}=FILE" for name in secret)
            create.append(f"create secret generic {self._name}-environment {told}")
        return Plan(name=self._name, objects=objects, apart=self._payload.apart, create=create)

    def _metadata(self, suffix: str = "", annotations: Mapping[str, str] | None = None) -> Metadata:
        labels = {"app.kubernetes.io/name": "orchestrator", "app.kubernetes.io/instance": self._name}
        return Metadata(
            name=self._name + suffix, namespace=self._options.namespace, labels=labels, annotations=annotations
        )

    def _config_map(self) -> ConfigMap:
        return ConfigMap(
            about="The job file as it is, and what it names.",
            metadata=self._metadata("-job"),
            data=self._payload.texts,
            binary_data=self._payload.binaries or None,
        )

    def _account(self) -> ServiceAccount:
        about = "An account of its own, with no rights in the cluster."
        return ServiceAccount(
            about=f"{about} {self._identity.account_note}".strip(),
            metadata=self._metadata(),
            automount_service_account_token=False,
        )

    def _job(self) -> Job:
        return Job(
            about="A finished Job that is created again is an instant no-op: it answers from the record.",
            metadata=self._metadata(),
            spec=self._job_spec(
                self._template(self._pod()), shards=self._shards, suspend=self._payload.apart is not None
            ),
        )

    def _merge_job(self) -> Job:
        merge = container(
            args=["merge", str(OUTPUT), "--output", str(MERGED)],
            env=[],
            mounts=[record_mount()],
            options=self._without_serving(),
            resources=resources_of(self._options, self._order.tasks),
        )
        pod = pod_spec(account=self._name, container=merge, volumes=[record_volume(self._name)])
        spec = self._job_spec(self._template(pod, serving=False), shards=None, suspend=True)
        namespace = f" -n {self._options.namespace}" if self._options.namespace else ""
        return Job(
            about="Joins the shards' accounts into one. Restricted like the Job above; start it when that has ended:\n"
            f"""kubectl{namespace} patch job {self._name}-merge --type=merge -p '{{"spec":{{"suspend":false}}}}'""",
            metadata=self._metadata("-merge"),
            spec=silent(spec),
        )

    def _job_spec(self, template: PodTemplate, *, shards: int | None, suspend: bool) -> JobSpec:
        times = self._times
        sharded = shards is not None
        retries = f"75 is tried again so often{' in each shard' if sharded else ''}; disruptions do not count."
        return JobSpec(
            why={
                "suspend": "Start it when all is ready.",
                "backoff_limit": retries,
                "backoff_limit_per_index": retries,
                "active_deadline_seconds": (
                    "The job file's deadline counts running time; on top of it come the waits between pods and their\n"
                    "starts. The run ends by itself before this does it."
                ),
                "ttl_seconds_after_finished": "A week to look at it; the record stays on its claim.",
                "pod_replacement_policy": (
                    "A new pod only when the old one has ended: never two at once. On a lost node the old one has not\n"
                    "ended until the node is back, or is deleted; run.lock in the record's directory guards besides."
                ),
            },
            suspend=suspend or None,
            completion_mode="Indexed" if sharded else None,
            completions=shards,
            parallelism=shards,
            backoff_limit=None if sharded else times.retries,
            backoff_limit_per_index=times.retries if sharded else None,
            active_deadline_seconds=times.deadline,
            ttl_seconds_after_finished=times.keep,
            pod_replacement_policy="Failed",
            pod_failure_policy=failure_policy(sharded=sharded),
            template=template,
        )

    def _template(self, pod: PodSpec, *, serving: bool = True) -> PodTemplate:
        port = self._options.port if serving else None
        annotations = None
        if port is not None:
            annotations = {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(port),
                "prometheus.io/path": "/metrics",
            }
        metadata = self._metadata(annotations=annotations)
        return PodTemplate(metadata=Metadata(labels=metadata.labels, annotations=annotations), spec=pod)

    def _pod(self) -> PodSpec:
        identity = self._identity
        volumes = [Volume(name="job", config_map=ConfigMapVolume(name=f"{self._name}-job")), record_volume(self._name)]
        mounts = [Mount(name="job", mount_path=str(JOB_DIR), read_only=True), record_mount()]
        if self._payload.apart is not None:
            claim = ClaimVolume(claim_name=f"{self._name}-ids", read_only=True)
            volumes.append(Volume(name="ids", persistent_volume_claim=claim))
            mounts.append(Mount(name="ids", mount_path=str(IDS_DIR), read_only=True))
        run = container(
            args=self._arguments(),
            env=self._environment(),
            mounts=[*mounts, *identity.mounts],
            options=self._options,
            resources=resources_of(self._options, self._order.tasks),
        )
        return pod_spec(account=self._name, container=run, volumes=[*volumes, *identity.volumes])

    def _arguments(self) -> list[str]:
        assignments = [*self._order.assignments, *self._payload.assignments]
        if self._shards is not None:
            assignments.append("shard=auto")
        return [
            "run",
            str(JOB_DIR / JOB_FILE),
            "--yes",
            f"--output={OUTPUT}",
            "--progress=none",
            "--log-format=json",
            "--job-name=$(JOB_NAME)",
            *([f"--serve={self._options.serve}"] if self._options.serve else []),
            *(f"--set={_literal(assignment)}" for assignment in assignments),
        ]

    def _environment(self) -> list[EnvVar]:
        label = FieldRef(field_path="metadata.labels['batch.kubernetes.io/job-name']")
        env = [
            EnvVar(
                about="The Job's name, for the argument below: right also for a copy of this Job under another name.",
                name="JOB_NAME",
                value_from=ValueFrom(field_ref=label),
            )
        ]
        if self._shards is not None:
            env.append(EnvVar(name="ORCHESTRATOR_SHARD_COUNT", value=str(self._shards)))
        secret = self._secret_variables()
        for name, value in sorted(self._order.variables.items()):
            if name in secret:
                kept = KeyRef(name=f"{self._name}-environment", key=name)
                env.append(EnvVar(name=name, value_from=ValueFrom(secret_key_ref=kept)))
            else:
                env.append(EnvVar(name=name, value=_literal(value)))
        return [*env, *self._identity.env]

    def _secret_variables(self) -> list[str]:
        """Variables of the job file whose value must not be printed: an address with a password in it."""
        return sorted(name for name, value in self._order.variables.items() if has_password(value))

    def _without_serving(self) -> ClusterOptions:
        return replace(self._options, serve=None, liveness=False)


def _literal(text: str) -> str:
    """`text` such that the kubelet replaces nothing in it."""
    return text.replace("$(", "$$(")
