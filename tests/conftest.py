"""Which event loop a test runs on (virtual time for the engine, a real one elsewhere), and whose lines are counted."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from orchestrator.testing import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    LoopFactory = Callable[[], asyncio.AbstractEventLoop]

IN_VIRTUAL_TIME = ("engine", "test_testing.py")  # below tests/
# Below tests/: what goes a thousand times where the other tests have been, or runs the command in a process of its own.
UNCOUNTED = frozenset({"simulation", "stories", "cluster", "benchmarks"})

# A busy machine is no failure of ours; every property bounds its own work.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark those whose lines say nothing new: properties, and what `UNCOUNTED` names."""
    for item in items:
        here = item.path.relative_to(config.rootpath / "tests").parts[0]
        if here in UNCOUNTED or item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.uncounted)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Count no lines of an `uncounted` test: counting takes longer than the test itself.

    By hand, since `no_cover` of pytest-cov 7.1 does nothing in a worker of xdist: two collectors run there, and the one
    below goes on when the one above is stopped.
    """
    tracer = sys.gettrace()
    if item.get_closest_marker("uncounted"):
        sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Say on which loop `item` runs."""
    here = item.path.relative_to(config.rootpath / "tests").parts[0]
    return {"virtual": VirtualTimeLoop} if here in IN_VIRTUAL_TIME else {"real": asyncio.new_event_loop}
