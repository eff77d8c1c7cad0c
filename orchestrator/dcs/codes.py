"""What an unsuccessful answer means: (API, HTTP status, code, text) in, verdict out.

Rules:

1. Codes are reused by the vendor, so a code alone says nothing: the API and the HTTP status are looked at first.
2. `APIG.`, `APIGW.` and `APIC.` are one gateway under three names; the digits are what counts.
3. Only what certainly was not processed may be sent again; whatever is in doubt is `Verdict.LOST`.
4. A refused batch whose cause may be one id is `BAD_ITEM` (the engine isolates it); alone, an id is refused for good.
5. A body that is not the service's JSON was written by something in between, which may say anything: `LOST`.
"""

from __future__ import annotations

import enum
import re
from http import HTTPStatus
from typing import Final

from orchestrator.engine.model import Verdict


class Scope(enum.Enum):
    """What was refused."""

    BATCH = "batch"  # a whole submit
    ITEM = "item"  # one id inside an answered submit
    LOOK = "look"  # a single look
    LISTING = "listing"  # a list page


SCOPES: Final = {
    "stop": Scope.BATCH,
    "restart": Scope.BATCH,
    "delete": Scope.BATCH,
    "list": Scope.LISTING,
    "show": Scope.LOOK,
}
# The action that an IAM policy must allow: https://support.huaweicloud.com/intl/en-us/api-dcs/
PERMISSIONS: Final = {
    "stop": "dcs:migrationTask:modify",
    "restart": "dcs:migrationTask:modify",
    "delete": "dcs:migrationTask:delete",
    "list": "dcs:migrationTask:list",
    "show": "dcs:migrationTask:get",
}


class Cause(enum.Enum):
    """Why an item was refused, before it is known whether it stood alone."""

    BAD_ID = "bad_id"  # malformed or unknown: the vendor does not say which
    UNKNOWN_ID = "unknown_id"
    STATE = "state"  # busy, or in a state that forbids it now
    PARAMETER = "parameter"
    UNSUPPORTED = "unsupported"
    OTHER = "other"  # a code that we do not know


# DCS.4855 is "invalid migration task id" here; on other APIs of the vendor it means something else.
_CAUSES: Final = {
    "DCS.4855": Cause.BAD_ID,
    "DCS.4133": Cause.UNKNOWN_ID,  # "Instance job is not found."
    "DCS.3022": Cause.UNKNOWN_ID,
    "IAM.0004": Cause.UNKNOWN_ID,
    "DCS.4957": Cause.STATE,  # not allowed in the task's present state
    # the instance is busy, or another job of it is running
    **{
        f"DCS.{digits}": Cause.STATE
        for digits in (4017, 4026, 4049, 4096, 4097, 4104, 4108, *range(4111, 4119), 4120, 4121, 4231, 4975)
    },
    **dict.fromkeys(("DCS.4062", "DCS.4063", "DCS.4800"), Cause.PARAMETER),
    "DCS.4027": Cause.UNSUPPORTED,
}
_VERDICTS: Final = {
    Scope.BATCH: dict.fromkeys(Cause, Verdict.BAD_ITEM) | {Cause.STATE: Verdict.BUSY},
    Scope.ITEM: {
        Cause.BAD_ID: Verdict.GONE,
        Cause.UNKNOWN_ID: Verdict.GONE,
        Cause.STATE: Verdict.BUSY,
        Cause.PARAMETER: Verdict.REJECTED,
        Cause.UNSUPPORTED: Verdict.REJECTED,
        Cause.OTHER: Verdict.BUSY,  # looked into, and tried again
    },
    Scope.LOOK: {
        Cause.BAD_ID: Verdict.GONE,
        Cause.UNKNOWN_ID: Verdict.GONE,
        Cause.STATE: Verdict.LOST,  # reading changes nothing: read again
        Cause.PARAMETER: Verdict.REJECTED,
        Cause.UNSUPPORTED: Verdict.REJECTED,
        Cause.OTHER: Verdict.REJECTED,
    },
    # Whatever is wrong with the list, single looks do without it; FORBIDDEN is how the engine comes to that.
    Scope.LISTING: dict.fromkeys(Cause, Verdict.FORBIDDEN) | {Cause.STATE: Verdict.LOST},
}
_NOT_FOUND_TEXT: Final = re.compile(
    r"not\s+(?:be\s+)?found|(?:does|do)\s+not\s+exist|doesn't\s+exist|no\s+such", re.IGNORECASE
)

_THROTTLED: Final = frozenset({"APIG.0308", "IAM.0012"})

NOT_OFFERED: Final = "this API is not offered at this endpoint: check region and endpoint"
_BAD_PROJECT: Final = "check service.project_id: it must be the project's ID in this very region"
_OUR_REQUEST: Final = "the request itself was refused: please report it with the request id"
_LOCKED: Final = "too many failed signatures: the service locks the key for five minutes; wait, and check AK and SK"
_ACCOUNT: Final = "the account or project is unavailable (arrears, frozen or locked): check it in the console"
_CLIENT_IP: Final = "requests from this address are not allowed: check the access control and the proxy"
_REGION: Final = "this identity may not use this region: check service.region and its grants"
_LOGIN: Final = "check the credentials: key or token, their age, and this machine's clock (15 minutes are tolerated)"
_REDIRECT: Final = "redirected, and redirects are not followed: check service.endpoint and the proxy"
_PROXY_LOGIN: Final = "the proxy asks for a login: put it into service.proxy"
_FOREIGN: Final = "not the service's own answer; a proxy or load balancer may have spoken"

# (HTTP status, code) -> remedy: nothing of this run can succeed. The status is part of it: numbers are reused.
_RUN_REFUSED: Final = {
    (401, "DCS.1004"): _BAD_PROJECT,  # project ID does not match the token
    (401, "IAM.0061"): _ACCOUNT,
    (403, "APIG.0310"): _ACCOUNT,
    (403, "APIG.0802"): _REGION,
    **{(403, f"APIG.{digits}"): _CLIENT_IP for digits in ("0401", "0402", "0404", "0405")},
    (403, "IAM.0080"): "the IAM user is disabled: have it enabled",
    (403, "IAM.0082"): "the IAM user is disabled: have it enabled",
    (403, "IAM.0081"): "the IAM user may use the console only: allow it programmatic access",
    (403, "IAM.0083"): _REGION,
    (404, "DCS.4001"): NOT_OFFERED,
    # 0101 is "API does not exist or is not published in this environment", 0102 to 0106 its missing parts
    **{(404, f"APIG.{digits}"): NOT_OFFERED for digits in ("0101", "0102", "0103", "0104", "0105", "0106")},
    **{(400, f"APIG.{digits}"): NOT_OFFERED for digits in ("0104", "0105")},
    (400, "DCS.4002"): _BAD_PROJECT,
    (400, "111400002"): _BAD_PROJECT,  # the same in the older numbering
    **{(400, code): _OUR_REQUEST for code in ("DCS.4004", "DCS.4005", "DCS.4100")},
    **{(400, f"APIG.{digits}"): _OUR_REQUEST for digits in ("0201", "0602", "0607")},
    (405, "DCS.5001"): NOT_OFFERED,
    (405, "APIG.0501"): "the gateway's quota of this application is used up: have it raised",
    (405, "APIG.0502"): "this application is frozen at the gateway: have it unfrozen",
}
# HTTP statuses of which the same is true, whatever the code.
_RUN_REFUSED_STATUSES: Final = {
    402: _ACCOUNT,
    405: NOT_OFFERED,
    **dict.fromkeys((406, 411, 413, 414, 415, 417, 431, 494), _OUR_REQUEST),
    451: _REGION,
}
_LOCKED_KEY_TEXT: Final = re.compile(r"reach\w*\s+the\s+limit", re.IGNORECASE)
_LOCKED_ACCOUNT_TEXT: Final = re.compile(r"(?:account|user)\s+(?:is|has\s+been)\s+locked", re.IGNORECASE)
_PROJECT_TEXT: Final = re.compile(r"project.{0,20}\s(?:does\s+not|doesn't|not)\s+match", re.IGNORECASE)
# Statuses that say nothing of the request: too late, too early, closed, IAM failing over.
_PASSING_STATUSES: Final = frozenset({408, 421, 425, 499})
# What a gateway in between says by itself, and means: an action so refused was certainly not processed.
_BELIEVED_STATUSES: Final = frozenset({403, 413, 414, 431, 494})
_GATEWAY_CODE: Final = re.compile(r"(?:APIG|APIGW|APIC)\.(\d{4})")

Judgement = tuple[Verdict, str]  # and a remedy for people, perhaps empty


def canonical(code: str) -> str:
    """`code` as the tables spell it: no blanks, capitals, and one name for the gateway."""
    word = "".join(code.split()).upper()
    match = _GATEWAY_CODE.fullmatch(word)
    return f"APIG.{match[1]}" if match else word


def judge(api: str, status: int, code: str, text: str, *, foreign: bool = False) -> Judgement:
    """What an unsuccessful answer of `api` (`stop`, `restart`, `delete`, `list`, `show`) means, and the remedy.

    `foreign` says that the body is not the service's JSON.
    """
    code = canonical(code)
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in _THROTTLED:
        return Verdict.THROTTLED, ""
    if status == HTTPStatus.UNAUTHORIZED:
        return _judge_login(code, text)
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return Verdict.RUN_REFUSED, _PROXY_LOGIN
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Verdict.RUN_REFUSED, _REDIRECT
    believed = SCOPES[api] is Scope.BATCH and status in _BELIEVED_STATUSES
    if _is_passing(status, code) or (foreign and not believed):
        return Verdict.LOST, _FOREIGN if foreign else ""
    return _judge_request(api, status, code, text)


def judge_item(code: str, text: str) -> Verdict:
    """What the refusal of one item inside a successful answer means."""
    cause = _CAUSES.get(canonical(code), Cause.OTHER)
    if cause is Cause.OTHER and _NOT_FOUND_TEXT.search(text):
        cause = Cause.UNKNOWN_ID
    return _VERDICTS[Scope.ITEM][cause]


def _judge_login(code: str, text: str) -> Judgement:
    """A 401: read the credentials again once, unless that is known not to help."""
    if _LOCKED_KEY_TEXT.search(text):
        return Verdict.RUN_REFUSED, _LOCKED
    if remedy := _RUN_REFUSED.get((401, code)):
        return Verdict.RUN_REFUSED, remedy
    if _PROJECT_TEXT.search(text):
        return Verdict.RUN_REFUSED, _BAD_PROJECT
    if _LOCKED_ACCOUNT_TEXT.search(text):
        return Verdict.RUN_REFUSED, _ACCOUNT
    return Verdict.UNAUTHENTICATED, _LOGIN


def _is_passing(status: int, code: str) -> bool:
    """Whether the answer says nothing of the request. A "success" that cannot be read is one of these."""
    return (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status < HTTPStatus.MULTIPLE_CHOICES
        or status in _PASSING_STATUSES
        or (status, code) == (HTTPStatus.GONE, "IAM.0020")
    )


def _judge_request(api: str, status: int, code: str, text: str) -> Judgement:
    """A 4xx that is about this request: about the run, about the permission, or about some item."""
    if remedy := _RUN_REFUSED.get((status, code)) or _RUN_REFUSED_STATUSES.get(status):
        return Verdict.RUN_REFUSED, remedy
    if status == HTTPStatus.FORBIDDEN:
        return Verdict.FORBIDDEN, f"this identity lacks the permission {PERMISSIONS[api]}: have it granted"
    return _judge_refusal(SCOPES[api], status, code, text), ""


def _judge_refusal(scope: Scope, status: int, code: str, text: str) -> Verdict:
    """A 4xx about the content of the request: some item, or its state."""
    cause = _CAUSES.get(code, Cause.OTHER)
    missing = status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE} or _NOT_FOUND_TEXT.search(text)
    if cause is Cause.OTHER and missing:
        cause = Cause.UNKNOWN_ID
    return _VERDICTS[scope][cause]
