"""The cluster's objects as far as they are used here: typed, frozen, in the order in which they are printed.

Fields are the API's in our spelling (`run_as_user` is `runAsUser`): https://kubernetes.io/docs/reference/kubernetes-api/
A field that is None is left out. `why` has a comment for a field, `about` one for the whole object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Labels: TypeAlias = Mapping[str, str]
NOTES = {"note": True}  # marks the fields that are comments, not values


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One object, or a part of one."""

    about: str = field(default="", metadata=NOTES)
    why: Mapping[str, str] = field(default_factory=dict, metadata=NOTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata(Model):
    """Name, namespace, labels, annotations."""

    name: str | None = None
    namespace: str | None = None
    labels: Labels | None = None
    annotations: Labels | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap(Model):
    """Files that are no secrets."""

    api_version: str = "v1"
    kind: str = "ConfigMap"
    metadata: Metadata
    data: Mapping[str, str] | None = None
    binary_data: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount(Model):
    """Who the pod is inside the cluster."""

    api_version: str = "v1"
    kind: str = "ServiceAccount"
    metadata: Metadata
    automount_service_account_token: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(Model):
    """What is reserved, and what is the most."""

    requests: Mapping[str, str] | None = None
    limits: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSpec(Model):
    """How much storage, for how many nodes."""

    access_modes: Sequence[str]
    storage_class_name: str | None = None
    resources: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistentVolumeClaim(Model):
    """Storage that outlives pods."""

    api_version: str = "v1"
    kind: str = "PersistentVolumeClaim"
    metadata: Metadata
    spec: ClaimSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRef(Model):
    """One key of a Secret."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef(Model):
    """A field of the pod's own object."""

    field_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFrom(Model):
    """A variable's value, kept elsewhere."""

    field_ref: FieldRef | None = None
    secret_key_ref: KeyRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar(Model):
    """One variable."""

    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount(Model):
    """Where a volume stands in the container."""

    name: str
    mount_path: str
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyToPath(Model):
    """A key of a Secret as a file."""

    key: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapVolume(Model):
    """The files of a ConfigMap."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVolume(Model):
    """The files of a Secret, renewed when it changes."""

    secret_name: str
    default_mode: int
    items: Sequence[KeyToPath] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVolume(Model):
    """The storage of a claim."""

    claim_name: str
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyDir(Model):
    """Storage that dies with the pod."""

    size_limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProjection(Model):
    """A service-account token that the kubelet renews."""

    path: str
    expiration_seconds: int
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedSource(Model):
    """One source of a projected volume."""

    service_account_token: TokenProjection


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected(Model):
    """A volume of what the kubelet makes."""

    default_mode: int
    sources: Sequence[ProjectedSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Model):
    """One volume: its name and one kind of content."""

    name: str
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    empty_dir: EmptyDir | None = None
    projected: Projected | None = None
