"""A quota in words, for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.engine.model import Quota


def describe_quota(quota: Quota) -> str:
    """`20 in 5 s, counted per user`."""
    whom = f", counted per {quota.policy}" if quota.policy else ""
    return f"{quota.limit:,} in {quota.seconds:g} s{whom}"
