"""Whether more shards can be faster: not where the quota is the bound (pure arithmetic)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrator.engine.model import Quota

ONE_PROCESS: Final = 10_000.0  # tasks a second that one process sends and follows; measured some 30,000


def shard_advice(*, quota: Quota | None, ceiling: float | None, batch_size: int) -> str:
    """What more shards would bring, in a sentence or two.

    Args:
        quota: The tightest quota known of the API that sends (`stop`); None where nothing is known yet.
        ceiling: `pace.requests_per_second`; None where there is none.
        batch_size: Tasks a request.

    """
    rates = []
    if quota is not None:
        told = f"the quota ({quota.limit:,} requests in {_span(quota.seconds)})"
        rates.append((quota.limit / quota.seconds * batch_size, told))
    if ceiling is not None:
        rates.append((ceiling * batch_size, f"your ceiling (pace.requests_per_second: {ceiling:g})"))
    if not rates:
        return (
            "No quota is known yet. Quotas count the requests of an identity, and shards share one: more of them are "
            f"faster only if the service takes more than about {ONE_PROCESS:,.0f} tasks a second from it."
        )
    rate, bound = min(rates)
    if rate < ONE_PROCESS:
        return (
            f"More shards would not be faster: {bound} is the bound. It lets through {_a_minute(rate)} tasks a minute, "
            "whoever sends them; shards share it."
        )
    return (
        f"More shards may be faster: {bound} lets through {_a_minute(rate)} tasks a minute, and one process sends and "
        f"follows about {_a_minute(ONE_PROCESS)}."
    )


def _a_minute(rate: float) -> str:
    return f"{rate * 60:,.0f}" if rate * 60 >= 1 else f"{rate * 60:.2g}"


def _span(seconds: float) -> str:
    return f"{seconds:g} s"
