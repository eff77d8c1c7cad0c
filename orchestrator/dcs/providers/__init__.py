"""Identities that a cloud gives to its machines and pods: `pod`, `oidc`, `metadata`, asked of the vendor's SDK.

They need the extra `huawei`; nothing of it is imported here, nor in this process at all (see `vendor`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.dcs import credentials
from orchestrator.dcs.credentials import AbsentCredentialsError
from orchestrator.dcs.providers.vendor import (
    METADATA,
    METADATA_ENDPOINT,
    OIDC,
    POD,
    CredentialsUnreachableError,
    VendorCredentials,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.dcs.credentials import Credentials, Environ, ReadCredentials

__all__ = ["Auto", "CredentialsUnreachableError", "VendorCredentials", "auto", "metadata", "oidc", "pod"]


def pod(environ: Environ | None = None) -> VendorCredentials:
    """The identity that CCE gives to a pod's service account.

    Reads `HC_CONTAINER_CREDENTIALS_FULL_URI` and `HC_CONTAINER_AUTHORIZATION_TOKEN_FILE`, which the cluster sets:
    https://support.huaweicloud.com/intl/en-us/usermanual-cce/cce_10_1110.html
    """
    return VendorCredentials(POD, environ)


def oidc(environ: Environ | None = None) -> VendorCredentials:
    """An agency taken on with an OpenID Connect token, such as a projected service-account token.

    Reads `HUAWEICLOUD_OIDC_PROVIDER_URN`, `_AGENCY_URN`, `_TOKEN_FILE` (or `_ID_TOKEN`), and if set
    `HUAWEICLOUD_SDK_STS_ENDPOINT`.
    """
    return VendorCredentials(OIDC, environ)


def metadata(environ: Environ | None = None, *, endpoint: str = METADATA_ENDPOINT) -> VendorCredentials:
    """The agency of the ECS that this runs on, told by the metadata service at `endpoint`."""
    return VendorCredentials(METADATA, environ, endpoint=endpoint)


def auto(environ: Environ | None = None) -> Auto:
    """The first of environment, token, profile, `oidc` and `pod` that is there; a broken one is not passed over.

    `metadata` is not among them. To look for it off the cloud takes a time-out, and on it, a pod would silently act as
    the node that it happens to run on: whoever wants that asks for it by name.
    """
    return Auto(credentials.auto(environ), (oidc(environ), pod(environ)))


class Auto:
    """A provider that asks one after the other, each time anew."""

    def __init__(self, local: ReadCredentials, vendors: Sequence[VendorCredentials]) -> None:
        self._providers: tuple[ReadCredentials | VendorCredentials, ...] = (local, *vendors)

    def read(self) -> Credentials:
        """The first credentials that there are, read in this thread. Raises `CredentialsError`."""
        absent: list[str] = []
        for provider in self._providers:
            try:
                return provider.read()
            except AbsentCredentialsError as error:
                absent.extend(error.problems)
        raise _nowhere(absent)

    async def fetch(self) -> Credentials:
        """The first credentials that there are. Raises `CredentialsError`."""
        absent: list[str] = []
        for provider in self._providers:
            try:
                return await provider.fetch()
            except AbsentCredentialsError as error:
                absent.extend(error.problems)
        raise _nowhere(absent)

    def __repr__(self) -> str:
        return "<CredentialsProvider: auto>"


def _nowhere(absent: Sequence[str]) -> AbsentCredentialsError:
    asked = "  metadata: asked only by name, service.credentials: metadata"
    head, *looked_at = absent  # the first line is the local sources' own heading
    return AbsentCredentialsError(head, *(line if line.startswith("  ") else f"  {line}" for line in looked_at), asked)
