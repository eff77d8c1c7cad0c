"""The child that asks the vendor's SDK once: the question on stdin, the answer on stdout, one JSON object each.

Nothing else of ours is imported here, and the SDK only inside: `vendor` runs this file by its path, in an environment
that it made. What goes wrong is an answer, too; secrets that were sent are cut out of its text.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUTS: Final = (5, 10)  # seconds to connect and to answer; the SDK's own are 60 and 120
RETRYABLE_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504})
_SENT: Final = ("HUAWEICLOUD_OIDC_ID_TOKEN",)
_SENT_FILES: Final = ("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HUAWEICLOUD_OIDC_TOKEN_FILE")


def answer(question: dict[str, str]) -> dict[str, Any]:
    """What the provider that `question` names gives, or the failure in words."""
    try:
        found = _SOURCES[question["source"]](question["endpoint"])
    except ImportError as error:
        text = f"the installed huaweicloudsdkcore does not fit ({error}): pip install -U 'dcs-orchestrator[huawei]'"
        return {"failure": text, "retryable": False}
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the answer
        return {"failure": _without_secrets(_told(error)), "retryable": _is_retryable(error)}
    return {
        "ak": found.ak,
        "sk": found.sk,
        "security_token": found.security_token or "",
        "expires_at": found._expire_at,  # noqa: SLF001 - the SDK keeps it to itself; TZ is UTC, so it is an epoch
    }


def main() -> None:
    """Answer the one question."""
    time.tzset()
    logging.disable()
    print(json.dumps(answer(json.load(sys.stdin))))  # noqa: T201 - this is what it is for


def _pod(_: str) -> Any:
    from huaweicloudsdkcore.auth.provider import PodIdentityCredentialProvider

    return PodIdentityCredentialProvider.get_basic().get_credentials()


def _metadata(endpoint: str) -> Any:
    from huaweicloudsdkcore.auth.internal import MetadataAccessor
    from huaweicloudsdkcore.auth.provider import MetadataCredentialProvider

    MetadataAccessor._METADATA_ENDPOINT = endpoint  # noqa: SLF001 - it offers no other way
    return MetadataCredentialProvider.get_basic().get_credentials()


def _oidc(_: str) -> Any:
    from huaweicloudsdkcore.auth.provider import OidcStsCredentialProvider
    from huaweicloudsdkcore.exceptions.exception_handler import DefaultExceptionHandler
    from huaweicloudsdkcore.http.http_client import HttpClient
    from huaweicloudsdkcore.http.http_config import HttpConfig

    credentials = OidcStsCredentialProvider.get_basic().get_credentials()
    client = HttpClient(HttpConfig(timeout=TIMEOUTS), None, DefaultExceptionHandler(), logging.getLogger(__name__))
    try:
        credentials.process_sts(client)
    finally:
        client.executor.shutdown(wait=False)
        client.close()
    return credentials


_SOURCES: Final[dict[str, Callable[[str], Any]]] = {"pod": _pod, "oidc": _oidc, "metadata": _metadata}


def _told(error: Exception) -> str:
    status, code = getattr(error, "status_code", None), getattr(error, "error_code", None)
    text = getattr(error, "error_msg", None) or str(error)
    head = " ".join(str(part) for part in (f"HTTP {status}" if status else "", code or "") if part)
    return f"{head}: {text}" if head else f"{type(error).__name__}: {text}"


def _is_retryable(error: Exception) -> bool:
    """Whether nobody answered, or somebody answered that it is not a good time."""
    import requests
    from huaweicloudsdkcore.exceptions.exceptions import ConnectionException

    for told in (error, error.__context__):  # the SDK says some things once more in its own words
        status = getattr(told, "status_code", None) or getattr(getattr(told, "response", None), "status_code", None)
        if status is not None:
            return status in RETRYABLE_STATUS
    return isinstance(error, (ConnectionException, requests.ConnectionError, requests.Timeout))


def _without_secrets(text: str) -> str:
    sent = [os.environ.get(name, "") for name in _SENT]
    for name in _SENT_FILES:
        try:
            with open(os.environ.get(name, ""), encoding="utf-8") as file:  # noqa: PTH123 - a name, or nothing
                sent.append(file.read().strip())
        except (OSError, ValueError):
            continue
    for secret in filter(None, sent):
        text = text.replace(secret, "[removed]")
    return text


if __name__ == "__main__":
    main()
