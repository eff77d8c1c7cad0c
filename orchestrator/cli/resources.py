"""What a run needs of this machine, made from a checked job: credentials, client, operation, proxy, simulator."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # documented with getproxies

from orchestrator.dcs import credentials, providers
from orchestrator.dcs.client import DcsClient
from orchestrator.dcs.operations.delete import DeleteMigrationTasks
from orchestrator.dcs.operations.restart import RestartMigrationTasks
from orchestrator.dcs.operations.stop import StopMigrationTasks
from orchestrator.dcs.regions import endpoint_of, is_loopback
from orchestrator.errors import UnreachableError
from orchestrator.job.build import pace_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import TypeAlias

    from orchestrator.dcs.credentials import CredentialsProvider
    from orchestrator.engine.operation import BulkOperation
    from orchestrator.job.spec import JobSpec

    ReadableProvider: TypeAlias = credentials.ReadCredentials | providers.Auto | providers.VendorCredentials

SIMULATED_PROJECT = "0123456789abcdef0123456789abcdef"
PROVIDERS: Mapping[str, Callable[[Mapping[str, str]], ReadableProvider]] = {
    "auto": providers.auto,
    "env": credentials.from_env,
    "token": credentials.from_token,
    "profile": lambda environ: credentials.from_profile(environ=environ),
    "metadata": providers.metadata,
    "oidc": providers.oidc,
    "pod": providers.pod,
}


def provider_of(spec: JobSpec, environ: Mapping[str, str], *, check: bool = True) -> CredentialsProvider | None:
    """The credentials that the job asks for; with `check` read once, to see that they are there.

    Raises `CredentialsError`; `UnreachableError` where who gives them does not answer, but may do so later.
    """
    source = spec.service.credentials
    if source == "none" or spec.service.simulator is not None:
        return None
    provider = PROVIDERS[source](environ)
    try:
        if check:
            provider.read()
    except credentials.AbsentCredentialsError:
        if source == "auto" and is_loopback(endpoint_of(region=spec.service.region, endpoint=spec.service.endpoint)):
            return None  # something on this machine that may well not ask for any
        raise
    except providers.CredentialsUnreachableError as error:
        raise UnreachableError(str(error)) from error
    return provider


def client_of(
    spec: JobSpec, *, endpoint: str, provider: CredentialsProvider | None, environ: Mapping[str, str]
) -> DcsClient:
    """The client for the job's project. Raises `InputError`."""
    service = spec.service
    return DcsClient(
        project_id=service.project_id or SIMULATED_PROJECT,
        endpoint=endpoint,
        credentials=provider,
        pace=pace_options(spec),
        share=spec.share[1] if spec.share else 1,
        connect_timeout=service.connect_timeout,
        read_timeout=service.read_timeout,
        ca_file=str(service.ca_file) if service.ca_file is not None else None,
        proxy=service.proxy or proxy_for(endpoint, environ),
    )


def operation_of(spec: JobSpec, client: DcsClient) -> BulkOperation:
    """The operation that the job names."""
    match spec.operation:
        case "stop":
            return StopMigrationTasks(client, stop_states=frozenset(spec.tasks.stop_states))
        case "restart":
            return RestartMigrationTasks(client)
        case "delete":
            return DeleteMigrationTasks(client)
        case _:
            assert_never(spec.operation)


def proxy_for(endpoint: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the usual variables name for `endpoint`, resolved once; None: go straight."""
    parts = urlsplit(endpoint)
    known = {
        name.lower()[: -len("_proxy")]: value for name, value in environ.items() if name.lower().endswith("_proxy")
    }
    # Lower case wins where both are there; HTTP_PROXY in capitals may come from a request header (https://httpoxy.org).
    known |= {name[: -len("_proxy")]: value for name, value in environ.items() if name.endswith("_proxy")}
    if proxy_bypass_environment(parts.netloc, known):
        return None
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@contextlib.asynccontextmanager
async def service_of(spec: JobSpec, ids: Sequence[str] | None) -> AsyncIterator[tuple[str, Sequence[str]]]:
    """The endpoint, and the ids that the embedded simulator has where the job names none. Serves it for the block."""
    if spec.service.simulator is None:
        yield endpoint_of(region=spec.service.region, endpoint=spec.service.endpoint), ids or ()
        return
    from orchestrator.simulator.options import SimulatorOptions
    from orchestrator.simulator.server import SimulatorServer

    options = SimulatorOptions.from_mapping(spec.service.simulator)
    # An empty share of a list stays empty: only where the job names no ids at all has the simulator its own.
    async with SimulatorServer(options, ids) as server:
        yield server.url, server.service.ids if ids is None else ids
