"""Who is asking: verifies SDK-HMAC-SHA256 signatures and tokens, by the vendor's signing guide.

The signature is computed here once more, on purpose: a stand-in that shared the client's code would agree with
its mistakes. Guide: https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm-005.html
"""

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from urllib.parse import quote, unquote

from orchestrator.simulator.answers import Incoming, Problem
from orchestrator.simulator.options import Secrets, SimulatorOptions

SKEW_SECONDS = 900  # 15 minutes both ways, says the guide
FAILURES_ALLOWED = 5  # more than five in a row lock the key
_ALGORITHM = "SDK-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256 Access=(?P<ak>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_INCORRECT = {
    "0301": "Incorrect IAM authentication information: ",
    "0303": "Incorrect app authentication information: ",
    "0307": "",
}


def signature(request: Incoming, headers: Mapping[str, str], signed: list[str], sk: str) -> str:
    """Compute the signature that a request ought to carry; `headers` have lower-case names."""
    segments = [quote(segment, safe="~") for segment in unquote(request.path).split("/")]
    uri = "/".join(segments)
    query = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in request.query)
    body_hash = headers.get("x-sdk-content-sha256") or hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join(
        (
            request.method.upper(),
            uri if uri.endswith("/") else uri + "/",
            "&".join(f"{name}={value}" for name, value in query),
            "".join(f"{name}:{headers[name].strip()}\n" for name in signed),
            ";".join(signed),
            body_hash,
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{headers['x-sdk-date']}\n{digest}"
    return hmac.new(sk.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


class _RefusedError(Exception):
    """The credentials are no good; says how the gateway puts it."""

    def __init__(self, message: str, number: str = "0301") -> None:
        super().__init__(message)
        self.message = message
        self.number = number


class Doorkeeper:
    """Lets the right ones in, and locks the key after too many failures."""

    def __init__(self, options: SimulatorOptions) -> None:
        self._options = options
        self._secrets = options.secrets
        self._rotated = False
        self._failures = 0
        self._locked_until = float("-inf")

    def rotate(self, secrets: Secrets) -> None:
        """Accept these credentials from now on, and no others."""
        self._secrets, self._rotated = secrets, True

    def refuse(self, request: Incoming, now: float, elapsed: float, wall: float) -> Problem | None:
        """Give the refusal, or None if the request is authentic.

        Args:
            request: What came in.
            now: The transport's clock.
            elapsed: Seconds since the first request.
            wall: The service's own clock, seconds since 1970.

        """
        if self._options.auth == "none":
            return None
        try:
            if now < self._locked_until:
                raise _RefusedError("AK access failed to reach the limit,forbidden")  # noqa: TRY301  one way out
            self._verify(request, elapsed, wall)
        except _RefusedError as refused:
            self._count_failure(now)
            code = f"{self._options.gateway}.{refused.number}"
            return Problem(401, code, _INCORRECT[refused.number] + refused.message, by_gateway=True)
        self._failures = 0
        return None

    def _count_failure(self, now: float) -> None:
        self._failures += 1
        if self._failures > FAILURES_ALLOWED and now >= self._locked_until:
            self._locked_until = now + self._options.lock_seconds
            self._failures = 0

    def _verify(self, request: Incoming, elapsed: float, wall: float) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        secrets = self._secrets
        expires = self._options.expire_after
        is_expired = expires is not None and elapsed >= expires and not self._rotated
        if is_expired and self._options.renewed is not None:
            secrets, is_expired = self._options.renewed, False
        if self._options.auth == "token":
            self._verify_token(headers, secrets, is_expired=is_expired)
        else:
            self._verify_signature(request, headers, secrets, wall, is_expired=is_expired)

    @staticmethod
    def _verify_token(headers: Mapping[str, str], secrets: Secrets, *, is_expired: bool) -> None:
        token = headers.get("x-auth-token")
        if token is None:
            raise _RefusedError("x-auth-token not found")
        if is_expired:
            raise _RefusedError("The token must be updated.", "0307")
        if not hmac.compare_digest(token.encode(), secrets.token.encode()):
            raise _RefusedError("decrypt token fail")

    @staticmethod
    def _verify_signature(
        request: Incoming, headers: Mapping[str, str], secrets: Secrets, wall: float, *, is_expired: bool
    ) -> None:
        parts = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if parts is None:
            raise _RefusedError("no usable Authorization header of SDK-HMAC-SHA256")
        signed = parts["signed"].split(";")
        missing = [name for name in signed if name not in headers]
        if missing or "x-sdk-date" not in signed:
            raise _RefusedError("signed headers are missing: " + ", ".join(missing or ["x-sdk-date"]))
        _verify_date(headers["x-sdk-date"], wall)
        if is_expired or parts["ak"] != secrets.ak:
            raise _RefusedError("AK does not exist or has expired")
        if secrets.security_token and headers.get("x-security-token") != secrets.security_token:
            raise _RefusedError("security token is missing or wrong")
        if not hmac.compare_digest(signature(request, headers, signed, secrets.sk), parts["signature"]):
            raise _RefusedError("verify aksk signature fail")


def _verify_date(stamp: str, wall: float) -> None:
    try:
        signed_at = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise _RefusedError("X-Sdk-Date is not like 20260102T030405Z") from None
    if abs(wall - signed_at) > SKEW_SECONDS:
        server = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall))
        raise _RefusedError(f"signature expired, signature time:{stamp},server time:{server}", "0303")
