"""Answers that somebody gives in the service's stead: one of every class of the error table, and of every shape."""

from __future__ import annotations

import json
from dataclasses import dataclass

from orchestrator.simulator.answers import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """One answer. `after` says whether the request may have had its effect all the same."""

    status: int
    code: str = ""
    message: str = ""
    shape: str = "v2"  # v2 | v1 | camel | keystone | html | empty
    after: bool = False
    apis: tuple[str, ...] = ("stop", "restart", "delete", "list", "show")

    def reply(self) -> Reply:
        """Write it out."""
        kind = "text/html" if self.shape == "html" else "application/json"
        headers = {"X-Request-Id": f"canned-{self.status}-{self.code or self.shape}", "Content-Type": kind}
        return Reply(status=self.status, headers=headers, body=self._body())

    def _body(self) -> bytes:
        match self.shape:
            case "empty":
                return b""
            case "html":
                return f"<html><head><title>{self.message}</title></head></html>".encode()
            case "v1":
                value: object = {"error": {"code": self.code, "message": self.message}}
            case "camel":
                value = {"errorCode": self.code, "errorMsg": self.message}
            case "keystone":
                value = {"error": {"message": self.message, "code": self.status, "title": "Forbidden"}}
            case _:
                value = {"error_code": self.code, "error_msg": self.message, "error_ext_msg": None}
        return json.dumps(value).encode()


# Pass by themselves; some of them perhaps after the effect.
PASSING = (
    Canned(status=500, code="DCS.5000", message="Internal service error.", after=True),
    Canned(status=500, code="DCS.5006", message="Failed to submit the job.", shape="v1"),
    Canned(status=500, code="APIG.0601", message="Internal error"),
    Canned(status=502, code="APIGW.0202", message="Backend unavailable", after=True),
    Canned(status=502, message="502 Bad Gateway", shape="html", after=True),
    Canned(status=503, code="APIG.0613", message="IAM is currently unavailable"),
    Canned(status=504, code="APIGW.0203", message="Backend timeout.", after=True),
    Canned(status=504, shape="empty", after=True),
    Canned(status=408, shape="empty", after=True),
    Canned(status=410, code="IAM.0020", message="Failed to obtain token in global region, please use regional region."),
    Canned(status=200, shape="html", message="Please log in to the network", after=True),
    Canned(status=200, shape="empty", after=True),
    Canned(status=404, shape="html", message="404 Not Found"),
    Canned(status=403, shape="html", message="403 Forbidden", apis=("list", "show")),
)
THROTTLED = (
    Canned(
        status=429,
        code="APIGW.0308",
        message="The throttling threshold has been reached: policy ip over ratelimit,limit:5,time:5 second",
    ),
    Canned(status=429, code="IAM.0012", message="The request is too frequent. Threshold: 20 times per 10 seconds"),
    Canned(status=429, shape="empty"),
    Canned(status=429, shape="html", message="Too Many Requests"),
)
STUMBLES_AT_LOGIN = (
    Canned(status=401, code="APIGW.0301", message="Incorrect IAM authentication information: decrypt token fail"),
    Canned(status=401, code="DCS.1002", message="The token has expired."),
)
# One of these and the run is over.
FATAL = (
    Canned(status=401, code="DCS.1004", message="The project ID does not match the token."),
    Canned(status=401, code="APIGW.0301", message="AK access failed to reach the limit,forbidden"),
    Canned(status=401, code="IAM.0061", message="The account is locked."),
    Canned(status=403, code="APIGW.0310", message="The project is unavailable."),
    Canned(status=403, code="APIG.0401", message="Client IP is not allowed"),
    Canned(status=403, code="IAM.0080", message="The user is disabled."),
    Canned(status=404, code="APIG.0101", message="The API does not exist or has not been published"),
    Canned(status=404, code="DCS.4001", message="The requested URL does not exist."),
    Canned(status=400, code="DCS.4002", message="The project ID format is invalid."),
    Canned(status=405, code="DCS.5001", message="The method is not allowed."),
    Canned(status=402, message="arrears", shape="v2"),
    Canned(status=302, shape="empty"),
    Canned(status=407, shape="html", message="Proxy Authentication Required"),
)
FORBIDDEN = (
    Canned(status=403, code="DCS.2003", message="Policy does not allow the operation to be performed."),
    Canned(status=403, code="PAP5.0001", message="access denied: identity policy"),
    Canned(status=403, shape="keystone", message="You are not authorized to perform the requested action."),
)
# About the content of the request.
ABOUT_ITEMS = (
    Canned(status=400, code="DCS.4855", message="invalid migration task id in the request.", apis=("stop", "restart")),
    Canned(status=400, code="DCS.4957", message="not allowed in the current state", apis=("stop", "restart", "delete")),
    Canned(status=400, code="DCS.4026", message="The instance is busy.", shape="v1", apis=("stop", "show", "list")),
    Canned(status=400, code="DCS.4062", message="Invalid parameter in the request.", apis=("stop", "restart")),
)
# What a list that cannot be had is answered with; single looks do without it.
LIST_REFUSED = (
    Canned(status=400, code="DCS.4062", message="Invalid limit parameter in the request.", apis=("list",)),
    Canned(status=403, code="DCS.2003", message="Policy does not allow the operation.", apis=("list",)),
)
# What a look that is refused says of the task, if it is believed.
LOOK_REFUSED = (
    Canned(status=400, code="DCS.4027", message="The operation is not supported.", apis=("show",)),
    Canned(status=400, code="DCS.4800", message="Invalid parameter.", apis=("show",)),
    Canned(status=404, code="DCS.3022", message="DCS instance does not exist.", apis=("show",)),
    Canned(status=404, code="IAM.0004", message="Could not find the resource.", apis=("show",)),
)
EVERYTHING = (
    *PASSING,
    *THROTTLED,
    *STUMBLES_AT_LOGIN,
    *FATAL,
    *FORBIDDEN,
    *ABOUT_ITEMS,
    *LIST_REFUSED,
    *LOOK_REFUSED,
)
