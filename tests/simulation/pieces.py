"""Set pieces: disasters that chance may not bring about for long, each made up to meet one row of the tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.engine.options import LimitOptions, PollOptions, RetryOptions, RunOptions, SubmitOptions
from orchestrator.simulator.options import Faults, Quota, SimulatorOptions, Spread
from tests.simulation.accidents import EVERYTHING, Canned
from tests.simulation.covered import answer_row
from tests.simulation.scenario import Disturbance, Network, Scenario

ALL = LimitOptions(max_failures=1.0, deadline=600.0)
SINGLES = RunOptions(submit=SubmitOptions(batch_size=1), limits=ALL)


def _piece(seed: int, options: RunOptions, service: dict[str, Any], **scenario: Any) -> Scenario:
    usual = {"tasks": 20, "seed": seed, "states": {"MIGRATING": 1}}
    part = SimulatorOptions(**{**usual, **service})
    return Scenario(**{"seed": seed, "family": "rough", "options": options, "service": part, **scenario})


def _deaths(*times: float) -> tuple[Disturbance, ...]:
    return tuple(Disturbance(disaster="death", point="time", at=at, downtime=1.0) for at in times)


def _answered(canned: Canned) -> Scenario:
    """A run that is given one answer, again and again."""
    network = Network(canned=(canned,), canned_rate=0.3)
    service = {"states": {"MIGRATING": 3, "TERMINATED": 1}, "unlisted": 0.5}
    return _piece(1, SINGLES, service, family="hostile", network=network)


def overtaken(seed: int) -> Scenario:
    """Somebody else stops the tasks whose batches do not get through."""
    options = replace(
        SINGLES, submit=SubmitOptions(batch_size=3, workers=4), poll=PollOptions(interval=0.5, reissue_after=20.0)
    )
    return _piece(
        seed,
        options,
        {"tasks": 100, "forget": 0.3, "stop_seconds": Spread(median=2.0), "latency": Spread(median=0.05)},
        network=Network(faults=("connect_timeout",), rate=0.3),
        meddling=((3.0, "stop", 2), (6.0, "stop", 3), (25.0, "stop", 1)),
    )


_TRANSITIONS: dict[str, Scenario] = {
    # Forgotten, they wait to be asked for again until the quota allows it, and come to an end by themselves.
    "seen claimed: READY ended": _piece(
        1,
        RunOptions(submit=SubmitOptions(batch_size=5), poll=PollOptions(reissue_after=20.0), limits=ALL),
        {
            "tasks": 40,
            "forget": 0.5,
            "stop_seconds": Spread(median=200.0),
            "ends_by_itself": 1.0,
            "event_seconds": Spread(median=60.0, sigma=0.5),
            "quotas": {"stop": Quota(limit=4, seconds=60.0)},
        },
    ),
    # The same while the second request for them does not get through.
    "seen claimed: SENDING ended": _piece(
        7,
        replace(SINGLES, poll=PollOptions(reissue_after=20.0, interval=0.5)),
        {"forget": 1.0, "ends_by_itself": 1.0, "event_seconds": Spread(median=60.0, sigma=0.5)},
        network=Network(faults=("connect_timeout",), rate=0.3),
    ),
    # Down, started by somebody, and stopped by somebody else, between two looks.
    "seen unclaimed: CONFIRMING going": _piece(
        1,
        RunOptions(poll=PollOptions(interval=10.0, confirmations=2), limits=ALL),
        {"states": {"TERMINATED": 1}, "restart_seconds": Spread(median=1.0), "stop_seconds": Spread(median=30.0)},
        meddling=((0.5, "restart", 1), (1.5, "stop", 1)),
    ),
    # A page that shows them overtakes the single look that is told of their deletion, while the quota makes them wait.
    "vanish: READY": _piece(
        2,
        replace(SINGLES, poll=PollOptions(first_after=0.5, interval=0.5)),
        {
            "tasks": 1200,
            "states": {"MIGRATING": 5, "TERMINATING": 1},
            "stop_seconds": Spread(median=30.0),
            "faults": Faults(rate=0.8, kinds=("error_500",), apis=("stop",), after_effect=0.0),
            "vanishes": 1.0,
            "event_seconds": Spread(median=30.0, sigma=0.5),
            "quotas": {"stop": Quota(limit=10, seconds=20.0)},
        },
        network=Network(up=Spread(median=2.0, sigma=1.0)),
        page_size=10,
        disturbances=_deaths(30.0, 30.0, 30.0, 30.0),
    ),
    # Requests hang until the deadline, and the finished run is reopened for others.
    "leave: SENDING": _piece(
        1,
        RunOptions(
            submit=SubmitOptions(batch_size=3),
            retry=RetryOptions(attempts=1),
            limits=replace(ALL, deadline=100.0),
        ),
        {"faults": Faults(rate=0.5, kinds=("hang",), apis=("stop",), seconds=2000.0)},
        retry=True,
        retry_words=("rejected",),
    ),
    # A finished run is reopened for some, and then for the others.
    "reopen: LEFT": _piece(
        1,
        RunOptions(limits=replace(ALL, deadline=30.0)),
        {"stop_seconds": Spread(median=50.0, sigma=1.0), "ends_in_error": 0.3},
        retry=True,
        retry_words=("ended",),
        retry_all=True,
    ),
    # Once lost and once refused, they are taken up again by somebody who allows fewer attempts.
    "give up: AMBIGUOUS": _piece(
        1,
        SINGLES,
        {
            "refuse_once": 1.0,
            "faults": Faults(rate=0.5, kinds=("reset_before",), apis=("stop",), after_effect=0.0),
            "quotas": {"stop": Quota(limit=1, seconds=1.0)},
        },
        later=replace(SINGLES, retry=RetryOptions(attempts=1)),
        disturbances=_deaths(30.0),
    ),
}

# (row, scenario); every answer of the table is given alone.
PIECES: tuple[tuple[str, Scenario], ...] = (
    *_TRANSITIONS.items(),
    *((answer_row(canned), _answered(canned)) for canned in EVERYTHING),
)
