"""The grammar of what has to do with clusters: `kubernetes`, `merge`, and what a pod is told of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

MERGE: Final = """\
Examples:
  orchestrator merge out/ --output merged/
      join out/shard-0, out/shard-1, … into one account of the whole input
  orchestrator merge pod-a/shard-0 pod-b/shard-1 --output merged/
      the same, from directories in several places

The table has the shards' rows one shard after the other, each in the order of its input.
Exit codes: 0 every task is over; 1 some are not, or a shard is unfinished; 2 shards are missing or of
another run, nothing was written; 75 a shard is still running.
"""

KUBERNETES: Final = """\
Examples:
  orchestrator kubernetes job.yaml --namespace dcs --image registry.example.com/dcs-orchestrator:1.0 > job-k8s.yaml
      ConfigMap, ServiceAccount, claim and Job for this very job file; the first lines say how to apply them
  orchestrator kubernetes job.yaml --shards 4 --storage-class nfs
      an Indexed Job of four pods that share ids and quota, and a Job that joins their accounts
  orchestrator kubernetes job.yaml --serve 0.0.0.0:8080 --set service.credentials=pod
      with metrics and a readiness probe, as the pod's own identity

Nothing is sent anywhere, and no secret is printed. Exit codes: 0; 2 usage or job file.
"""


def add_pod_options(parser: argparse.ArgumentParser) -> None:
    """What a cluster tells a run."""
    parser.add_argument(
        "--job-name",
        metavar="NAME",
        help="what the cluster calls this run: the field job of its log lines [ORCHESTRATOR_JOB_NAME]",
    )


def add_merge_options(parser: argparse.ArgumentParser) -> None:
    """What is joined, and where the joined account goes."""
    parser.add_argument("directories", nargs="+", metavar="DIR", help="a shard's directory, or one that holds several")
    parser.add_argument(
        "--output", metavar="DIR", help="where the joined account goes; no directory of a run [ORCHESTRATOR_OUTPUT]"
    )


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """What the person who prints manifests may choose."""
    texts = (
        ("--namespace", "NAME", "the namespace of all objects (default: kubectl's current one)"),
        ("--image", "IMAGE", "the image, best by its digest (default: this version's own name, from no registry)"),
        ("--cpu", "QUANTITY", "CPU of a pod, reserved and at most (default: 250m reserved, 1 at most)"),
        ("--memory", "QUANTITY", "memory of a pod, reserved and at most (default: what the list takes)"),
        ("--storage", "QUANTITY", "size of the record's claim (default: 1Gi)"),
        ("--storage-class", "NAME", "its storage class (default: the cluster's)"),
        ("--token-audience", "NAME", "with credentials oidc: the audience of the token (default: the cluster's)"),
    )
    for option, metavar, purpose in texts:
        parser.add_argument(option, metavar=metavar, help=purpose)
    parser.add_argument("--shards", type=int, metavar="N", help="so many pods at once, each with its share of the ids")
    parser.add_argument(
        "--serve", dest="pod_serve", metavar="ADDRESS", help="serve /metrics and a readiness probe; say 0.0.0.0:8080"
    )
    parser.add_argument("--liveness", action="store_true", help="with --serve: a liveness probe as well")
