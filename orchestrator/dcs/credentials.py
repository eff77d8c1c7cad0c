"""Credentials and where they come from: environment, token, profile, and mounted files that rotate.

Nothing is read until `fetch` (or `read`) is called, and everything is read again at every call.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias, runtime_checkable

import anyio.to_thread

from orchestrator.errors import CredentialsError

MAX_FILE: Final = 65_536  # bytes of a mounted secret or a profile
_SECRETS: Final = ("ak", "sk", "security_token", "token")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Either an access key (`ak`, `sk`, for temporary ones also `security_token`), or an IAM `token`.

    `project_id` is what stood beside them, if anything. `expires_at` (seconds since the epoch) makes the client
    fetch anew in time. Neither `repr` nor `str` shows any of the secrets. Raises `CredentialsError`.
    """

    ak: str = ""
    sk: str = ""
    security_token: str = ""
    token: str = ""
    project_id: str = ""
    expires_at: float | None = None

    def __post_init__(self) -> None:
        if bool(self.token) == bool(self.ak or self.sk) or bool(self.ak) != bool(self.sk):
            raise CredentialsError("credentials are either an access key (AK and SK, both) or a token, not both")
        for name in _SECRETS:
            text: str = getattr(self, name)
            if not (text.isascii() and text.isprintable()) or " " in text:
                # They become header values; a stray line break would forge another header.
                raise CredentialsError(f"the {name} has blanks, line breaks or characters that are not ASCII in it")

    def __repr__(self) -> str:
        kind = "token" if self.token else "temporary access key" if self.security_token else "access key"
        return f"<Credentials: {kind}>"


@runtime_checkable
class CredentialsProvider(Protocol):
    """Where credentials come from; asked again when they expire, or when the service no longer takes them."""

    async def fetch(self) -> Credentials:
        """The credentials as they are now. Raises `CredentialsError`."""


class AbsentCredentialsError(CredentialsError):
    """There are none where this provider looks (as opposed to: there are some, and they are broken)."""


Environ: TypeAlias = Mapping[str, str]
Offload: TypeAlias = Callable[[Callable[[], Credentials]], Awaitable[Credentials]]


class ReadCredentials:
    """A provider that reads variables and files: `read` does so at once, `fetch` off the event loop."""

    def __init__(self, name: str, read: Callable[[], Credentials], *, offload: Offload) -> None:
        self._name = name
        self._read = read
        self._offload = offload

    def read(self) -> Credentials:
        """The credentials as they are now, read in this thread. Raises `CredentialsError`."""
        return self._read()

    async def fetch(self) -> Credentials:
        """The credentials as they are now. Raises `CredentialsError`."""
        return await self._offload(self._read)

    def __repr__(self) -> str:
        return f"<CredentialsProvider: {self._name}>"


class StaticCredentials:
    """A provider of the same credentials always."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def read(self) -> Credentials:
        """The credentials."""
        return self._credentials

    async def fetch(self) -> Credentials:
        """The credentials."""
        return self._credentials

    def __repr__(self) -> str:
        return f"<CredentialsProvider: static, {self._credentials!r}>"


def static(
    *, ak: str = "", sk: str = "", security_token: str = "", token: str = "", project_id: str = ""
) -> StaticCredentials:
    """A provider of just these. Raises `CredentialsError` if they are not a whole set."""
    return StaticCredentials(
        Credentials(ak=ak, sk=sk, security_token=security_token, token=token, project_id=project_id)
    )


def from_env(environ: Environ | None = None, *, offload: Offload = anyio.to_thread.run_sync) -> ReadCredentials:
    """An access key from `HUAWEICLOUD_SDK_AK`, `_SK`, `_SECURITY_TOKEN` (or `CLOUD_SDK_AK`, `_SK`).

    Each may carry the suffix `_FILE` and name a file instead. `environ` defaults to the process's environment.
    """
    return ReadCredentials("env", lambda: _read_env(_or_process(environ)), offload=offload)


def from_token(environ: Environ | None = None, *, offload: Offload = anyio.to_thread.run_sync) -> ReadCredentials:
    """An IAM token from `HUAWEICLOUD_SDK_TOKEN`, or from the file that `HUAWEICLOUD_SDK_TOKEN_FILE` names."""
    return ReadCredentials("token", lambda: _read_token(_or_process(environ)), offload=offload)


def from_profile(
    path: str | os.PathLike[str] | None = None,
    environ: Environ | None = None,
    *,
    offload: Offload = anyio.to_thread.run_sync,
) -> ReadCredentials:
    """An access key from the vendor's credentials file, section `[basic]` or `[basiccredentials]`.

    The file is `path`, else what `HUAWEICLOUD_SDK_CREDENTIALS_FILE` names, else `~/.huaweicloud/credentials`.
    """
    return ReadCredentials("profile", lambda: _read_profile(path, _or_process(environ)), offload=offload)


def auto(environ: Environ | None = None, *, offload: Offload = anyio.to_thread.run_sync) -> ReadCredentials:
    """The first of environment, token and profile that has any; one that has broken ones is not passed over."""

    def read() -> Credentials:
        variables = _or_process(environ)
        absent: list[str] = []
        for source in (_read_env, _read_token, lambda env: _read_profile(None, env)):
            try:
                return source(variables)
            except AbsentCredentialsError as error:
                absent.extend(error.problems)
        raise AbsentCredentialsError("no credentials found; looked at:", *(f"  {line}" for line in absent))

    return ReadCredentials("auto", read, offload=offload)


def _or_process(environ: Environ | None) -> Environ:
    return os.environ if environ is None else environ


def _read_env(environ: Environ) -> Credentials:
    for family in ("HUAWEICLOUD_SDK", "CLOUD_SDK"):
        ak, sk = _variable(environ, f"{family}_AK"), _variable(environ, f"{family}_SK")
        if bool(ak) != bool(sk):
            there, missing = (f"{family}_AK", f"{family}_SK") if ak else (f"{family}_SK", f"{family}_AK")
            raise CredentialsError(f"{there} is set, but neither {missing} nor {missing}_FILE: both are needed")
        if ak:
            return Credentials(
                ak=ak,
                sk=sk,
                security_token=_variable(environ, "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
                project_id=_variable(environ, "HUAWEICLOUD_SDK_PROJECT_ID"),
            )
    raise AbsentCredentialsError(
        "env: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (or CLOUD_SDK_AK and CLOUD_SDK_SK) are not set, "
        "nor with the suffix _FILE"
    )


def _read_token(environ: Environ) -> Credentials:
    token = _variable(environ, "HUAWEICLOUD_SDK_TOKEN")
    if not token:
        raise AbsentCredentialsError("token: neither HUAWEICLOUD_SDK_TOKEN nor HUAWEICLOUD_SDK_TOKEN_FILE is set")
    return Credentials(token=token, project_id=_variable(environ, "HUAWEICLOUD_SDK_PROJECT_ID"))


def _read_profile(path: str | os.PathLike[str] | None, environ: Environ) -> Credentials:
    chosen = path or environ.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE")
    where = Path(chosen) if chosen else Path(environ.get("HOME") or Path.home(), ".huaweicloud", "credentials")
    if not chosen and not where.exists():
        raise AbsentCredentialsError(f"profile: HUAWEICLOUD_SDK_CREDENTIALS_FILE is not set, and there is no {where}")
    # No interpolation: a % in a secret is a %.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_file(where, "the credentials file"))
    except configparser.Error:
        # The parser's own message would repeat lines of the file.
        raise CredentialsError(f"{where} is not an INI file with a section [basic]") from None
    section = next((name for name in ("basic", "basiccredentials") if parser.has_section(name)), None)
    if section is None:
        raise CredentialsError(f"{where} has neither a section [basic] nor [basiccredentials]")
    values = {key: value.strip() for key, value in parser.items(section)}
    if not values.get("ak") or not values.get("sk"):
        raise CredentialsError(f"{where}: section [{section}] needs both ak and sk")
    return Credentials(
        ak=values["ak"],
        sk=values["sk"],
        security_token=values.get("security_token", ""),
        project_id=_variable(environ, "HUAWEICLOUD_SDK_PROJECT_ID") or values.get("project_id", ""),
    )


def _variable(environ: Environ, name: str) -> str:
    """The value of `name`, or the content of the file that `name`_FILE names; empty if neither is set."""
    value, path = environ.get(name, "").strip(), environ.get(f"{name}_FILE", "").strip()
    if value and path:
        raise CredentialsError(f"both {name} and {name}_FILE are set: unset one, so that it is plain which counts")
    if not path:
        return value
    content = _file(Path(path), f"{name}_FILE").strip()
    if not content:
        raise CredentialsError(f"{name}_FILE names {path}, which is empty")
    return content


def _file(path: Path, what: str) -> str:
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CredentialsError(f"{what}: {path} cannot be read: {reason}") from error
    if len(content) > MAX_FILE:
        raise CredentialsError(f"{what}: {path} is larger than {MAX_FILE} bytes; it cannot be a secret")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Its message would quote bytes of the file.
        raise CredentialsError(f"{what}: {path} is not UTF-8 text") from None
