"""What the person who prints manifests may choose, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

from orchestrator._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IMAGE: Final = f"dcs-orchestrator:{__version__}"
STORAGE: Final = "1Gi"
MAX_SHARDS: Final = 1000
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CLASS: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_QUANTITY: Final = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_ADDRESS: Final = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):)?(?P<port>[0-9]{1,5})")
_LOOPBACK: Final = re.compile(r"127\..*|localhost|\[::1\]")
MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """The choices; None leaves one to what the job needs or to the cluster's default."""

    namespace: str | None = None
    image: str = IMAGE
    cpu: str | None = None
    memory: str | None = None
    storage: str = STORAGE
    storage_class: str | None = None
    shards: int | None = None
    serve: str | None = None
    liveness: bool = False
    token_audience: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Those of `given` that are options of this kind and were chosen."""
        chosen = {**given, "serve": given.get("pod_serve")}
        return cls(**{each.name: chosen[each.name] for each in fields(cls) if chosen.get(each.name) is not None})

    @property
    def port(self) -> int | None:
        """The port of `serve`, a checked one."""
        return int(self.serve.rpartition(":")[2]) if self.serve else None

    def problems(self) -> Iterator[str]:
        """Everything that is wrong with them, a line each."""
        if self.namespace is not None and not _LABEL.fullmatch(self.namespace):
            yield f"--namespace: {self.namespace!r} is no name of a namespace; lower-case letters, digits and - only"
        if not _IMAGE.fullmatch(self.image):
            yield f"--image: {self.image!r} is no image; write registry/name:tag, or better registry/name@sha256:…"
        for option, value in (("cpu", self.cpu), ("memory", self.memory), ("storage", self.storage)):
            if value is not None and not _QUANTITY.fullmatch(value):
                yield f"--{option}: {value!r} is no quantity; write for example 500m, 2, 512Mi or 10Gi"
        if self.storage_class is not None and not _CLASS.fullmatch(self.storage_class):
            yield f"--storage-class: {self.storage_class!r} is no name of a storage class; see kubectl get storageclass"
        if self.shards is not None and not 1 <= self.shards <= MAX_SHARDS:
            yield f"--shards: {self.shards} is out of range; it goes from 1 to {MAX_SHARDS}"
        yield from self._serving_problems()

    def _serving_problems(self) -> Iterator[str]:
        if self.serve is None:
            if self.liveness:
                yield "--liveness: means nothing without --serve; the probe asks for a page that --serve serves"
            return
        parts = _ADDRESS.fullmatch(self.serve)
        if parts is None or not 0 < int(parts["port"]) <= MAX_PORT:
            yield f"--serve: {self.serve!r} is no address; write 0.0.0.0:8080"
        elif parts["host"] is None or _LOOPBACK.fullmatch(parts["host"]):
            yield f"--serve: {self.serve!r} is seen inside the pod only, not by probes or scrapes; write 0.0.0.0:8080"
