"""Credentials in a pod: what is mounted and which variables name it. Never a secret's value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from orchestrator.cluster.objects import (
    EnvVar,
    KeyToPath,
    Mount,
    Projected,
    ProjectedSource,
    SecretVolume,
    TokenProjection,
    Volume,
)
from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.cluster.options import ClusterOptions
    from orchestrator.job.spec import JobSpec

SECRET_DIR: Final = PurePosixPath("/var/run/secrets/orchestrator")
TOKEN_DIR: Final = PurePosixPath("/var/run/secrets/huaweicloud")
TOKEN_FILE: Final = "token"  # noqa: S105 - a file's name
TOKEN_SECONDS: Final = 3600  # the kubelet renews it after four fifths of that
READABLE: Final = 0o440  # by the pod's group
_PREFIX: Final = "HUAWEICLOUD_SDK_"
_KEYS: Final = {"ak": f"{_PREFIX}AK", "sk": f"{_PREFIX}SK", "security_token": f"{_PREFIX}SECURITY_TOKEN"}
_NOTES: Final = {
    "pod": "Give it a pod identity association: the cluster then puts variables and token into the pod by itself.",
    "metadata": "Not used: the run acts as the agency of the node that the pod happens to be on.",
}
_OIDC_NEEDED: Final = ("HUAWEICLOUD_OIDC_PROVIDER_URN", "HUAWEICLOUD_OIDC_AGENCY_URN")
_OIDC_OPTIONAL: Final = (
    "HUAWEICLOUD_OIDC_SESSION_NAME",
    "HUAWEICLOUD_OIDC_DURATION_SECONDS",
    "HUAWEICLOUD_SDK_STS_ENDPOINT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentity:
    """What a pod needs to be somebody at the service; `create` is the command that makes the Secret."""

    env: Sequence[EnvVar] = ()
    volumes: Sequence[Volume] = ()
    mounts: Sequence[Mount] = ()
    account_note: str = ""
    create: str = ""


def identity_of(spec: JobSpec, options: ClusterOptions, environ: Mapping[str, str], *, name: str) -> PodIdentity:
    """The identity that the job asks for. Raises `InputError` where this shell does not say enough."""
    source = spec.service.credentials
    if spec.service.simulator is not None or source == "none":
        return PodIdentity()
    if source == "auto":  # what this shell would take
        taken = environ.get(f"{_PREFIX}TOKEN") or environ.get(f"{_PREFIX}TOKEN_FILE")
        keyed = any(environ.get(f"{word}{end}") for word in _KEYS.values() for end in ("", "_FILE"))
        source = "token" if taken and not keyed else "env"
    match source:
        case "oidc":
            return _workload(options, environ)
        case "pod" | "metadata":
            return PodIdentity(account_note=_NOTES[source])
        case _:
            return _mounted(_files(source, environ), name)


def _files(source: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Keys of the Secret, each with the variable that names its file."""
    if source == "token":
        return {"token": f"{_PREFIX}TOKEN_FILE"}
    if source == "profile":
        return {"credentials": f"{_PREFIX}CREDENTIALS_FILE"}
    temporary = any(environ.get(f"{_PREFIX}SECURITY_TOKEN{end}") for end in ("", "_FILE"))
    keys = [key for key in _KEYS if key != "security_token" or temporary]
    return {key: f"{_KEYS[key]}_FILE" for key in keys}


def _mounted(files: Mapping[str, str], name: str) -> PodIdentity:
    """Keys of a Secret as files; `files` says which variable names which."""
    secret = f"{name}-credentials"
    volume = Volume(
        about="Files, not variables: a rotated secret reaches a running pod, and is read again at every refresh.",
        name="credentials",
        secret=SecretVolume(
            why={"default_mode": "0440"},
            secret_name=secret,
            default_mode=READABLE,
            items=[KeyToPath(key=key, path=key) for key in files],
        ),
    )
    return PodIdentity(
        env=[EnvVar(name=variable, value=str(SECRET_DIR / key)) for key, variable in files.items()],
        volumes=[volume],
        mounts=[Mount(name="credentials", mount_path=str(SECRET_DIR), read_only=True)],
        create=f"create secret generic {secret} " + " ".join(f"--from-file={key}=FILE" for key in files),
    )


def _workload(options: ClusterOptions, environ: Mapping[str, str]) -> PodIdentity:
    missing = [variable for variable in _OIDC_NEEDED if not environ.get(variable)]
    if missing:
        raise InputError(f"service.credentials: oidc: set {' and '.join(missing)} here; the manifests carry them")
    carried = [variable for variable in (*_OIDC_NEEDED, *_OIDC_OPTIONAL) if environ.get(variable)]
    token = TokenProjection(path=TOKEN_FILE, expiration_seconds=TOKEN_SECONDS, audience=options.token_audience)
    return PodIdentity(
        env=[
            *(EnvVar(name=variable, value=environ[variable]) for variable in carried),
            EnvVar(name="HUAWEICLOUD_OIDC_TOKEN_FILE", value=str(TOKEN_DIR / TOKEN_FILE)),
        ],
        volumes=[
            Volume(
                about="The one token that the credentials need; the kubelet renews it, and it is read again each time.",
                name="identity",
                projected=Projected(
                    why={"default_mode": "0440"},
                    default_mode=READABLE,
                    sources=[ProjectedSource(service_account_token=token)],
                ),
            )
        ],
        mounts=[Mount(name="identity", mount_path=str(TOKEN_DIR), read_only=True)],
        account_note="The identity provider must trust this account's tokens (and their audience).",
    )
