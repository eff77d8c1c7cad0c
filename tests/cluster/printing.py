"""Prints manifests for the tests: a job file in a directory, the command, the documents read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.cli.streams import Result, call

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "0123456789abcdef0123456789abcdef"
JOB = """\
version: 1
name: Stop_old.migrations
service:
  region: cn-north-4
  project_id: ${HUAWEICLOUD_SDK_PROJECT_ID}
tasks:
  file: ids.txt
limits:
  deadline: 1h
"""
IDS = "a276c1ffa0a54c2597fc824b917db317\nb21989ec-2889-4b8e-99db-19c073425ec2\n"
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "named": ("--namespace", "dcs", "--image", "registry.example.com/x/dcs-orchestrator@sha256:" + "a" * 64),
    "sized": ("--cpu", "2", "--memory", "1.5Gi", "--storage", "20Gi", "--storage-class", "fast.ssd"),
    "sharded": ("--shards", "4"),
    "one shard": ("--shards", "1"),
    "served": ("--serve", "0.0.0.0:9090"),
    "probed": ("--serve", "[::]:9090", "--liveness"),
    "all": ("--namespace", "a-b", "--shards", "100", "--serve", "pods:80", "--liveness", "--storage-class", "nfs"),
    "token": ("--set", "service.credentials=token"),
    "profile": ("--set", "service.credentials=profile"),
    "pod": ("--set", "service.credentials=pod"),
    "oidc": ("--set", "service.credentials=oidc"),
    "oidc audience": ("--set", "service.credentials=oidc", "--token-audience", "dcs"),
    "metadata": ("--set", "service.credentials=metadata"),
    "loopback": ("--set", "service.endpoint=http://127.0.0.1:8080", "--set", "service.credentials=none"),
    "simulator": ("--set", "service.simulator={tasks: 5}"),
}


@dataclass
class Printed:
    """What the command printed, read back."""

    result: Result
    documents: list[dict[str, Any]] = field(default_factory=list)

    def of_kind(self, kind: str, suffix: str = "") -> dict[str, Any]:
        found = [d for d in self.documents if d["kind"] == kind and d["metadata"]["name"].endswith(suffix or "")]
        return found[0]

    @property
    def job(self) -> dict[str, Any]:
        return self.of_kind("Job")

    @property
    def pod(self) -> dict[str, Any]:
        pod: dict[str, Any] = self.job["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def env(self) -> dict[str, Any]:
        return {each["name"]: each.get("value", each.get("valueFrom")) for each in self.container["env"]}


@dataclass
class Desk:
    """A directory with a job file and an id list, and a shell's variables."""

    directory: Path
    environ: dict[str, str] = field(
        default_factory=lambda: {
            "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT,
            "HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::d:oidcProvider:cce",
            "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::d:agency:stopper",
        }
    )

    def write(self, job: str = JOB, ids: str | bytes = IDS, *, name: str = "ids.txt") -> None:
        (self.directory / "job.yaml").write_text(job, encoding="utf-8")
        (self.directory / name).write_bytes(ids.encode() if isinstance(ids, str) else ids)

    def print(self, *argv: str) -> Printed:
        result = call("kubernetes", str(self.directory / "job.yaml"), *argv, environ=self.environ)
        assert result.code == 0, result.err
        return Printed(result, [document for document in yaml.safe_load_all(result.out) if document])

    def refused(self, *argv: str) -> str:
        result = call("kubernetes", str(self.directory / "job.yaml"), *argv, environ=self.environ)
        assert (result.code, result.out) == (2, "")
        return result.err
