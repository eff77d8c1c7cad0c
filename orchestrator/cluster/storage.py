"""Storage that outlives pods: the record's claim, and one for an id list that is too long to be carried."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from orchestrator.cluster.objects import ClaimSpec, ClaimVolume, Mount, PersistentVolumeClaim, Resources, Volume

if TYPE_CHECKING:
    from orchestrator.cluster.objects import Metadata
    from orchestrator.cluster.options import ClusterOptions

RECORD_DIR: Final = PurePosixPath("/var/lib/orchestrator")
IDS_SLACK: Final = 4  # times the list's size
_SHARED: Final = "All shards use it, from several nodes: the storage class must be able to."


def record_claim(metadata: Metadata, options: ClusterOptions) -> PersistentVolumeClaim:
    """Where record and report are kept."""
    return PersistentVolumeClaim(
        about="The run's record and report. It outlives pods and the Job: the next pod goes on from here.",
        metadata=metadata,
        spec=_spec(options, size=options.storage),
    )


def ids_claim(metadata: Metadata, options: ClusterOptions, *, size: int) -> PersistentVolumeClaim:
    """Where an id list of `size` bytes is to be put."""
    return PersistentVolumeClaim(
        about="The id list is too long for a ConfigMap: this claim is to hold it before the Job starts (see above).",
        metadata=metadata,
        spec=_spec(options, size=f"{max(1, IDS_SLACK * size >> 20)}Mi"),
    )


def record_volume(name: str) -> Volume:
    """The record's claim as a volume of the run `name`."""
    return Volume(name="record", persistent_volume_claim=ClaimVolume(claim_name=f"{name}-record"))


def record_mount() -> Mount:
    """Where it stands in the container."""
    return Mount(name="record", mount_path=str(RECORD_DIR))


def _spec(options: ClusterOptions, *, size: str) -> ClaimSpec:
    shared = options.shards is not None
    return ClaimSpec(
        why={"access_modes": _SHARED} if shared else {},
        access_modes=["ReadWriteMany" if shared else "ReadWriteOnce"],
        storage_class_name=options.storage_class,
        resources=Resources(requests={"storage": size}),
    )
