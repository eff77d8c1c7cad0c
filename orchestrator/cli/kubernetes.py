"""`orchestrator kubernetes`: prints the manifests that run a job file in a cluster."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from orchestrator.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings
    from orchestrator.cluster.manifests import Order, Plan
    from orchestrator.cluster.options import ClusterOptions
    from orchestrator.job.spec import JobSpec

LEAST_VERSION: Final = "1.29"  # backoffLimitPerIndex and podReplacementPolicy are on by default from here on
LAST_WORDS: Final = "jsonpath='{.items[*].status.containerStatuses[*].state.terminated.message}'"
OF_THE_POD: Final = frozenset({"JOB_COMPLETION_INDEX", "ORCHESTRATOR_SHARD_COUNT"})


def kubernetes(settings: Settings, console: Console) -> int:
    """Print the manifests on stdout and what to mind on stderr. Raises `InputError` with all problems."""
    from orchestrator.cluster.emit import to_yaml
    from orchestrator.cluster.manifests import manifests

    order = _order(settings, console)
    plan = manifests(order)
    console.say(to_yaml(plan.objects, header=_header(order, plan)))
    for warning in _warnings(order, plan):
        console.tell(f"warning: {warning}")
    return 0


class _Looked(Mapping[str, str]):
    """An environment that remembers what of it was asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name: value for name, value in environ.items() if name not in OF_THE_POD}
        self.found: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        value = self._environ[name]
        self.found[name] = value
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def _order(settings: Settings, console: Console) -> Order:
    from orchestrator.cluster.manifests import Order
    from orchestrator.job.build import read_items
    from orchestrator.job.loader import load_job

    if settings.job is None:
        raise InputError("no job file was named; write: orchestrator kubernetes JOB.yaml")
    options = settings.cluster
    if problems := list(options.problems()):
        raise InputError(*problems)
    looked = _Looked(console.environ)
    spec = load_job(settings.job, overrides=settings.assignments, environ=looked)
    named = bool(spec.tasks.ids) or spec.tasks.file is not None
    is_stream = spec.tasks.file is not None and str(spec.tasks.file) == "-"
    tasks = len(read_items(spec).ids) if named and not is_stream else _unlisted(spec)
    return Order(
        job_file=settings.job,
        spec=spec,
        assignments=settings.assignments,
        variables=looked.found,
        tasks=tasks,
        options=options,
        environ=console.environ,
    )


def _unlisted(spec: JobSpec) -> int:
    """How many tasks a job without a list may come to."""
    return spec.limits.max_tasks


def _header(order: Order, plan: Plan) -> str:
    namespace = f" -n {order.options.namespace}" if order.options.namespace else ""
    name = plan.name
    lines = [
        f"Printed by: orchestrator kubernetes {shlex.quote(_shown(order.job_file))}{_told(order.options)}",
        f"For Kubernetes {LEAST_VERSION} and newer. Print it again rather than edit it.",
        "",
        *(f"First:   kubectl{namespace} {command}" for command in plan.create),
        f"Then:    kubectl{namespace} apply --server-side -f THIS_FILE",
        f"Watch:   kubectl{namespace} logs -f -l batch.kubernetes.io/job-name={name} --max-log-requests=50",
        f"The end: kubectl{namespace} get pods -l batch.kubernetes.io/job-name={name} -o {LAST_WORDS}",
        f"Again:   kubectl{namespace} delete job {name}, then apply once more: it resumes, or answers from the record.",
    ]
    if plan.apart is not None:
        lines += ["", *_filling(name, namespace, plan.apart, order.options)]
    return "\n".join(lines)


def _filling(name: str, namespace: str, ids: Path, options: ClusterOptions) -> list[str]:
    """How an id list that is too long to be carried comes onto its claim."""
    suffix = "".join(ids.suffixes[-2:])
    pod = {
        "volumes": [{"name": "ids", "persistentVolumeClaim": {"claimName": f"{name}-ids"}}],
        "containers": [
            {
                "name": "fill",
                "image": options.image,
                "command": ["sleep", "3600"],
                "volumeMounts": [{"name": "ids", "mountPath": "/ids"}],
            }
        ],
    }
    overrides = json.dumps({"spec": pod}, separators=(",", ":"))
    return [
        "The id list is too long for a ConfigMap. Put it onto its claim, then start the Job, which is suspended:",
        f"  kubectl{namespace} run {name}-fill --restart=Never --image={options.image} --overrides='{overrides}'",
        f"  kubectl{namespace} exec -i {name}-fill -- tee /ids/ids{suffix} < {shlex.quote(_shown(ids))} > /dev/null",
        f"  kubectl{namespace} delete pod {name}-fill",
        f"""  kubectl{namespace} patch job {name} --type=merge -p '{{"spec":{{"suspend":false}}}}'""",
        "(gzip makes such a list half as long: ids.txt.gz is read as well.)",
    ]


def _warnings(order: Order, plan: Plan) -> Iterator[str]:
    from orchestrator.cluster.options import IMAGE
    from orchestrator.dcs.regions import endpoint_of, is_loopback

    service, options = order.spec.service, order.options
    if service.simulator is not None:
        yield "service.simulator: each pod serves and stops tasks of its own making; nothing real is touched"
    elif is_loopback(endpoint_of(region=service.region, endpoint=service.endpoint)):
        yield "service.endpoint is loopback: in a pod that is the pod itself, where nobody serves"
    if options.image == IMAGE:
        yield f"image {IMAGE}: build it from the Dockerfile and name yours with --image, best by its digest"
    if options.shards is not None:
        yield "--shards: the claim must be ReadWriteMany; a storage class that cannot do that leaves it pending"
        yield "--shards: shards share one quota; more of them are faster only where the quota is not the bound"
    if plan.apart is not None:
        yield f"{plan.apart}: too long for a ConfigMap; the first lines of the manifests say how to mount it"


def _told(options: ClusterOptions) -> str:
    """The options as they were given."""
    from orchestrator.cluster.options import ClusterOptions

    plain = ClusterOptions()
    words = []
    for name in (
        "namespace",
        "image",
        "cpu",
        "memory",
        "storage",
        "storage_class",
        "shards",
        "serve",
        "token_audience",
    ):
        value = getattr(options, name)
        if value != getattr(plain, name):
            words.append(f" --{name.replace('_', '-')} {shlex.quote(str(value))}")
    return "".join(words) + (" --liveness" if options.liveness else "")


def _shown(path: Path) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in os.fspath(path))
