"""One of the vendor's credential providers, asked in a process of its own that lives for one question.

Why a process: the SDK writes a file into the home directory when it is imported, takes proxies from the process's
environment only (even for addresses on this very machine), reads UTC stamps as local time, waits for minutes where
nothing can interrupt it, and keeps some fifty megabytes. In a child with a small environment of our making none of
this reaches the run, or the program that embeds us. Each provider is asked by itself: the SDK's own chain gives up at
the first address that does not answer, before it comes to the pod's identity.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio

from orchestrator.dcs.credentials import AbsentCredentialsError, Credentials
from orchestrator.dcs.redaction import presentable
from orchestrator.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.dcs.credentials import Environ

SDK: Final = "huaweicloudsdkcore"
EXTRA: Final = "pip install 'dcs-orchestrator[huawei]'"
CHILD: Final = Path(__file__).with_name("ask.py")
METADATA_ENDPOINT: Final = "http://169.254.169.254"
ASK_SECONDS: Final = 20.0  # the longest of the vendor's own time-outs add up to 18
FRESH_SECONDS: Final = 600.0  # credentials that were read to see that they are there serve the first request, too
_ALWAYS: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_PROXIES: Final = tuple(f"{name}_proxy" for name in ("http", "https", "all", "no"))
_NEVER_BY_PROXY: Final = "localhost,127.0.0.0/8,::1,169.254.0.0/16"
_IN_CLUSTER: Final = (".svc", ".cluster.local", ".local", ".internal")


class CredentialsUnreachableError(CredentialsError):
    """Whoever gives the credentials did not answer: they may well be there later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One of the vendor's providers: the variables that it reads, and what to do when it gives nothing."""

    name: str
    needs: tuple[tuple[str, ...], ...]  # of each group one
    reads: tuple[str, ...] = ()
    proxied: bool = False
    remedy: str


POD: Final = Source(
    name="pod",
    needs=(("HC_CONTAINER_CREDENTIALS_FULL_URI",), ("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",)),
    remedy="check the pod's service account, its pod identity association and the cluster's agent",
)
OIDC: Final = Source(
    name="oidc",
    needs=(
        ("HUAWEICLOUD_OIDC_PROVIDER_URN",),
        ("HUAWEICLOUD_OIDC_AGENCY_URN",),
        ("HUAWEICLOUD_OIDC_TOKEN_FILE", "HUAWEICLOUD_OIDC_ID_TOKEN"),
    ),
    reads=(
        "HUAWEICLOUD_OIDC_SESSION_NAME",
        "HUAWEICLOUD_OIDC_DURATION_SECONDS",
        "HUAWEICLOUD_OIDC_POLICY",
        "HUAWEICLOUD_OIDC_POLICY_IDS",
        "HUAWEICLOUD_SDK_STS_ENDPOINT",
    ),
    proxied=True,
    remedy="check the provider's and the agency's URN, the token's audience, and HUAWEICLOUD_SDK_STS_ENDPOINT",
)
METADATA: Final = Source(
    name="metadata",
    needs=(),
    remedy="this must run on an ECS that has an agency, and pods must be allowed to reach its metadata",
)


class VendorCredentials:
    """A provider that asks one of the vendor's. Made without asking, and without the SDK.

    `environ` defaults to the process's environment. Neither its `repr` nor an error shows a secret.
    """

    def __init__(self, source: Source, environ: Environ | None = None, *, endpoint: str = "") -> None:
        self._source = source
        self._environ = environ
        self._endpoint = endpoint
        self._at_hand: Credentials | None = None

    def read(self) -> Credentials:
        """Ask now, in this thread. Raises `CredentialsError`."""
        environ = self._checked()
        try:
            done = subprocess.run(  # noqa: S603 - nothing in it is anybody's input
                _command(),
                input=self._question(),
                env=self._environment(environ),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may show what it should not
                timeout=ASK_SECONDS,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise self._silent() from None
        self._at_hand = self._understood(done.stdout)
        return self._at_hand

    async def fetch(self) -> Credentials:
        """Ask without holding up the event loop; cancelling ends the child. Raises `CredentialsError`."""
        at_hand, self._at_hand = self._at_hand, None
        if at_hand is not None and (at_hand.expires_at or 0.0) > time.time() + FRESH_SECONDS:
            return at_hand
        environ = self._checked()
        told = None
        with _to_read(self._question()) as question, anyio.move_on_after(ASK_SECONDS):
            process = await anyio.open_process(
                _command(),
                stdin=question,
                env=self._environment(environ),
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is for us, not for it
            )
            async with process:
                told = b"".join([part async for part in process.stdout]) if process.stdout else b""
        if told is None:
            raise self._silent()
        return self._understood(told)

    def __repr__(self) -> str:
        return f"<CredentialsProvider: {self._source.name}>"

    def _checked(self) -> Environ:
        """The environment, if it names what is to be asked. Raises `CredentialsError`."""
        name = self._source.name
        environ = os.environ if self._environ is None else self._environ
        missing = [group for group in self._source.needs if not any(environ.get(word) for word in group)]
        told = ", ".join(" or ".join(group) for group in missing)
        if missing and len(missing) == len(self._source.needs):
            raise AbsentCredentialsError(f"{name}: {told}: not set")
        if missing:
            raise CredentialsError(f"{name}: {told} must be set as well")
        for variable in ("HC_CONTAINER_CREDENTIALS_FULL_URI", "HUAWEICLOUD_SDK_STS_ENDPOINT"):
            if variable in (*self._source.reads, *sum(self._source.needs, ())) and environ.get(variable):
                _require_private(variable, environ[variable])
        if importlib.util.find_spec(SDK) is None:
            raise CredentialsError(f"{name}: these credentials are asked of the vendor's SDK, not there: {EXTRA}")
        if not sys.executable:
            raise CredentialsError(f"{name}: there is no Python to ask with (sys.executable is empty)")
        return environ

    def _question(self) -> bytes:
        return json.dumps({"source": self._source.name, "endpoint": self._endpoint}).encode()

    def _environment(self, environ: Environ) -> dict[str, str]:
        """What the child may know: no home to write to, no proxy for what is near, UTC."""
        source = self._source
        names = [*_ALWAYS, *source.reads, *sum(source.needs, ())]
        if source.proxied:
            names += [spelling for name in _PROXIES for spelling in (name, name.upper())]
        chosen = {name: environ[name] for name in names if environ.get(name)}
        if source.proxied:
            direct = ",".join(filter(None, (environ.get("no_proxy") or environ.get("NO_PROXY"), _NEVER_BY_PROXY)))
            chosen |= {"no_proxy": direct, "NO_PROXY": direct}
        return chosen | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "TZ": "UTC",
        }

    def _silent(self) -> CredentialsUnreachableError:
        return CredentialsUnreachableError(
            f"{self._source.name}: no answer within {ASK_SECONDS:.0f} s; {self._source.remedy}"
        )

    def _understood(self, text: bytes) -> Credentials:
        """The child's answer. Raises `CredentialsError`."""
        name, remedy = self._source.name, self._source.remedy
        try:
            answer: dict[str, Any] = json.loads(text)
            failure = answer.get("failure")
            if failure is None:
                return Credentials(
                    ak=answer["ak"],
                    sk=answer["sk"],
                    security_token=answer["security_token"],
                    expires_at=answer["expires_at"],
                )
        except (ValueError, KeyError, TypeError, AttributeError):
            # The text may be half a secret; it is not shown.
            raise CredentialsError(f"{name}: the vendor's SDK ended without an answer; {remedy}") from None
        told = presentable(str(failure), limit=300)
        if answer.get("retryable"):
            raise CredentialsUnreachableError(f"{name}: {told}; {remedy}")
        raise CredentialsError(f"{name}: {told}; {remedy}")


def _command() -> list[str]:
    return [sys.executable, "-P", str(CHILD)]  # -P: the file's neighbours are not to be taken for anybody's modules


@contextmanager
def _to_read(text: bytes) -> Iterator[IO[bytes]]:
    """A pipe with these few bytes in it, written already: a child that dies before it reads breaks nothing of ours."""
    reading, writing = os.pipe()
    with open(reading, "rb") as stream:  # noqa: PTH123 - a descriptor
        with open(writing, "wb") as end:  # noqa: PTH123 - a descriptor
            end.write(text)
        yield stream


def _require_private(variable: str, address: str) -> None:
    """Refuse to send a token in the clear to anywhere but this machine, this link, this cluster or this network."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and host and _is_near(host):
        return
    raise CredentialsError(f"{variable} must be an https:// address, or http:// to this machine or its own network")


def _is_near(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(_IN_CLUSTER)
