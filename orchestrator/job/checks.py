"""What no single key can know: keys that need, forbid or contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestrator.dcs.regions import endpoint_of, is_loopback
from orchestrator.errors import InputError
from orchestrator.job.spec import STOP_STATES, JobSpec, Shard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.job.problems import Path


class Complaint(NamedTuple):
    """What is wrong with the key at `path`, given what stands at the paths `beside` it."""

    path: Path
    message: str
    beside: tuple[Path, ...] = ()


def contradictions(spec: JobSpec) -> Iterator[Complaint]:
    """Every complaint about a job whose keys are fine, each for itself."""
    yield from _service(spec)
    yield from _tasks(spec)
    yield from _numbers(spec)


def _service(spec: JobSpec) -> Iterator[Complaint]:
    service = spec.service
    if service.simulator is not None:
        yield from _simulator(service.simulator)
        return
    simulator, region, endpoint = (("service", key) for key in ("simulator", "region", "endpoint"))
    if service.project_id is None:
        yield Complaint(
            ("service", "project_id"),
            "missing; write project_id: ${HUAWEICLOUD_SDK_PROJECT_ID}, or the id itself",
            (simulator,),
        )
    if service.region is None and service.endpoint is None:
        message = "no region and no endpoint; write region: cn-north-4, or endpoint: https://…"
        yield Complaint(region, message, (simulator, endpoint))
        return
    try:
        address = endpoint_of(region=service.region, endpoint=service.endpoint)
    except InputError as error:
        key = "endpoint" if service.endpoint else "region"
        yield Complaint(("service", key), str(error).removeprefix(f"service.{key} "), (simulator, endpoint))
        return
    if service.credentials == "none" and not is_loopback(address):
        message = "none is for loopback only; use auto, env, profile, token, oidc, pod or metadata"
        yield Complaint(("service", "credentials"), message, (simulator, endpoint))


def _simulator(mapping: dict[str, object]) -> Iterator[Complaint]:
    from orchestrator.simulator.options import SimulatorOptions

    try:
        SimulatorOptions.from_mapping(mapping)
    except ValueError as error:
        yield Complaint(("service", "simulator"), str(error).removeprefix("simulator: "))


def _tasks(spec: JobSpec) -> Iterator[Complaint]:
    tasks, where = spec.tasks, ("tasks", "where")
    named = bool(tasks.ids) or tasks.file is not None
    # A simulator without a list has tasks of its own, and the job is about all of them.
    if tasks.where is None and not named and spec.service.simulator is None:
        yield Complaint(("tasks",), "no tasks; name them in tasks.ids or tasks.file, or select them with tasks.where")
    if tasks.exclude and not named and tasks.where is None:
        message = "means nothing without ids or file; name the tasks to exclude from"
        yield Complaint(("tasks", "exclude"), message, (("tasks", "ids"), ("tasks", "file")))
    if tasks.where is not None and named:
        yield Complaint(where, "cannot stand beside ids or file; keep one of them, and use tasks.exclude")
    if tasks.where is not None and not any(value is not None for _, value in tasks.where):
        yield Complaint(where, "selects everything; name at least one of its keys")
    if tasks.where is not None and tasks.where.status == []:
        yield Complaint((*where, "status"), "names no status, so that no task would do; name one, or remove it")
    if spec.operation != "stop" and sorted(tasks.stop_states) != sorted(STOP_STATES):
        yield Complaint(("tasks", "stop_states"), f"means nothing to operation: {spec.operation}; remove it")


def _numbers(spec: JobSpec) -> Iterator[Complaint]:
    if spec.poll.max_interval < spec.poll.interval:
        message = "is shorter than poll.interval; make it at least as long"
        yield Complaint(("poll", "max_interval"), message, (("poll", "interval"),))
    if spec.retry.max_backoff < spec.retry.base_backoff:
        message = "is shorter than retry.base_backoff; make it at least as long"
        yield Complaint(("retry", "max_backoff"), message, (("retry", "base_backoff"),))
    if spec.pace.burst is not None and spec.pace.requests_per_second is None:
        message = "means nothing without pace.requests_per_second; set both, or neither"
        yield Complaint(("pace", "burst"), message, (("pace", "requests_per_second"),))
    if isinstance(spec.shard, Shard) and spec.shard.index >= spec.shard.count:
        message = f"{spec.shard.index} is not below count {spec.shard.count}; the first is 0"
        yield Complaint(("shard", "index"), message)
    proxy = spec.service.proxy
    if proxy is not None and not proxy.lower().startswith(("http://", "https://")):
        # Not repeated: it may hold a password.
        yield Complaint(("service", "proxy"), "is no proxy address; write http://host:port")
