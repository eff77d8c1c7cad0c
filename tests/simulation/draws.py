"""Draws a scenario from a seed: what is usual often, what is rare now and then, and everything in some combination."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.engine.options import (
    LimitOptions,
    PaceOptions,
    PollOptions,
    RetryOptions,
    RunOptions,
    SubmitOptions,
)
from orchestrator.simulator.options import Churn, Quota, Secrets, SimulatorOptions, Spread
from tests.simulation.dice import Dice
from tests.simulation.scenario import STOP_STATES, Disturbance, Network, Scenario
from tests.simulation.troubles import spoiled
from tests.simulation.upheavals import upheaved

if TYPE_CHECKING:
    from tests.simulation.scenario import Credentials, Disaster, Family, Point, Verb

FAMILIES: tuple[Family, ...] = ("gentle", "gentle", "rough", "rough", "rough", "guarded", "hostile")
CREDENTIALS: tuple[Credentials, ...] = ("none", "none", "good", "good", "token")
VERBS: tuple[Verb, ...] = (*("stop",) * 8, "restart", "delete")
RETRIED = ("stopped", "already_stopped", "ended", "not_found", "rejected", "skipped", "timed_out")
MIXES: tuple[dict[str, float], ...] = (
    {"MIGRATING": 1},
    {"MIGRATING": 60, "INCRMIGEATING": 10, "FULLMIGRATING": 5, "TERMINATED": 20, "SUCCESS": 3, "FAILED": 2},
    {"INCRMIGEATING": 5, "INCRMIGRATING": 5, "MIGRATING": 5, "TERMINATING": 3, "TERMINATED": 2},
    {
        "MIGRATING": 20,
        "RUNNING": 2,
        "CREATING": 2,
        "TERMINATED": 4,
        "TERMINATING": 3,
        "ERROR": 2,
        "RELEASED": 1,
        "MIGRATION_SUCCESS": 1,
        "MIGRATION_FAILED": 1,
        "PAUSED_BY_MOON": 2,
        "SUCCESS": 2,
        "FAILED": 2,
    },
)
RESTART_MIX: dict[str, float] = {
    "TERMINATED": 12,
    "INCRMIGEATING": 2,
    "SUCCESS": 2,
    "FAILED": 1,
    "RUNNING": 1,
    "ODD": 1,
}
DELETE_MIX: dict[str, float] = {"TERMINATED": 8, "SUCCESS": 4, "FAILED": 3, "RELEASED": 1, "MIGRATING": 2, "ODD": 1}
RENEWED = Secrets(ak="SIMULATORACCESSKEY01", sk="simulator-renewed-key-000000000000000000")


def draw(seed: int) -> Scenario:
    """What this seed means."""
    dice = Dice(f"scenario/{seed}")
    family = dice.pick(*FAMILIES)
    verb = dice.pick(*VERBS)
    size = round(dice.scale(1, 40) if dice.one_in(2) else dice.scale(10, 250))
    credentials: Credentials = dice.pick(*CREDENTIALS)
    service = _service(dice, seed, family, verb, size)
    network = Network(up=Spread(median=dice.pick(0.0, 0.02, 0.2), sigma=dice.pick(0.0, 0.5)))
    scenario = Scenario(
        seed=seed,
        family=family,
        verb=verb,
        service=service,
        options=_options(dice, family),
        pace=_pace(dice),
        network=network,
        duplicates=dice.pick(0, 0, 3),
        page_size=dice.pick(1000, 1000, 100, 40, 15),
        credentials=credentials,
        commit_seconds=dice.pick(0.0, 0.0, 0.005, 0.2),
        disturbances=disturbances(dice, family),
        retry=family != "gentle" and dice.one_in(4),
        retry_words=tuple(dice.sample(RETRIED, 2)) if dice.one_in(2) else (),
    )
    scenario = _with_auth(dice, scenario)
    # A coarse list says MIGRATING of what is not to be stopped, too: then nobody can say what should come of it.
    tells_apart = family != "gentle" or scenario.service.list_detail == "fine"
    if verb == "stop" and dice.one_in(8) and tells_apart:
        scenario = replace(scenario, stop_states=frozenset(dice.sample(sorted(STOP_STATES), dice.pick(1, 2))))
    return upheaved(scenario if family == "gentle" else spoiled(dice, scenario))


def _service(dice: Dice, seed: int, family: Family, verb: Verb, size: int) -> SimulatorOptions:
    mix = {"stop": dice.pick(*MIXES), "restart": RESTART_MIX, "delete": DELETE_MIX}[verb]
    options: dict[str, Any] = {
        "tasks": size,
        "seed": seed,
        "states": mix,
        "strangers": dice.pick(0, 0, 5, 40, 150),
        "stop_seconds": Spread(median=dice.scale(0.5, 60), sigma=dice.pick(0.0, 0.4, 1.0)),
        "stop_delay": dice.pick(0.0, 0.0, 0.0, 3.0),
        "restart_seconds": Spread(median=dice.scale(0.5, 30), sigma=0.4),
        "delete_seconds": Spread(median=dice.scale(0.5, 20), sigma=0.4),
        "again": dice.pick("accept", "refuse"),
        "unknown": dice.share(most=0.3),
        "refuse_once": dice.share(),
        "refuse_always": dice.share(),
        "forget": dice.share(),
        "ends_in_error": dice.share(),
        "repeated": dice.share(),
        "shuffled": dice.one_in(2),
        "unlisted": dice.share(),
        "unknown_in_batch": dice.pick("spoil", "spoil", "item"),
        "refusals": dice.pick("detailed", "detailed", "plain"),
        "list_detail": dice.pick("fine", "fine", "coarse"),
        "count": dice.pick("total", "total", "page"),
        "order": dice.pick("newest", "oldest"),
        "error_shape": dice.pick("v2", "v1", "flat", "camel"),
        "gateway": dice.pick("APIGW", "APIG"),
        "latency": Spread(median=dice.pick(0.0, 0.05, 0.05, 0.4), sigma=dice.pick(0.0, 0.5)),
        "churn": Churn(created=dice.pick(0.0, 0.0, 0.5), deleted=dice.pick(0.0, 0.0, 0.5)),
        "quotas": _quotas(dice, verb, family) if dice.one_in(2) else {},
    }
    if family == "gentle" and options["stop_delay"]:
        # Else a stop repeated after a death is refused as often as is allowed, while the first one takes its time.
        options["again"] = "accept"
    return SimulatorOptions(**options)


def _quotas(dice: Dice, verb: Verb, family: Family) -> dict[str, Quota]:
    quotas: dict[str, Quota] = {}
    for api in (verb, "list", "show"):
        if dice.one_in(2):
            limit, seconds = dice.pick((10, 1.0), (5, 1.0), (20, 5.0), (30, 60.0), (60, 60.0))
            quotas[api] = Quota(
                limit=limit,
                seconds=seconds,
                kind=dice.pick("fixed", "sliding", "bucket"),
                policy=dice.pick("user", "api", "app"),
                phase=dice.uniform(0, seconds),
                strangers=dice.pick(0.0, 0.0, limit / seconds / 4),
                wording=dice.pick("gateway", "gateway", "gateway", "iam", "bare"),
                retry_after=dice.one_in(6),
            )
    if family != "gentle" and dice.one_in(6):
        quotas["all"] = Quota(limit=20, seconds=1.0, policy="user", kind=dice.pick("fixed", "sliding", "bucket"))
    return quotas


def _options(dice: Dice, family: Family) -> RunOptions:
    limits = LimitOptions(
        max_failures=1.0, deadline=7200.0 if family == "gentle" else dice.pick(300.0, 300.0, 120.0, 1200.0)
    )
    if family == "guarded":
        limits = _guards(dice)
    elif family != "gentle":
        limits = replace(limits, give_up_after=dice.pick(300.0, 300.0, 45.0))
    return RunOptions(
        submit=SubmitOptions(batch_size=dice.pick(50, 50, 50, 20, 7, 3, 1), workers=dice.pick(8, 8, 4, 2, 1, 16)),
        retry=RetryOptions(
            attempts=dice.pick(8, 8, 5, 3) if family == "gentle" else dice.pick(8, 8, 3, 2, 1),
            base_backoff=dice.pick(0.5, 0.5, 0.1, 3.0),
            max_backoff=dice.pick(60.0, 60.0, 5.0),
        ),
        poll=PollOptions(
            first_after=dice.pick(2.0, 2.0, 0.5, 10.0),
            interval=dice.pick(2.0, 2.0, 0.5, 10.0),
            max_interval=dice.pick(60.0, 60.0, 15.0),
            reissue_after=dice.pick(300.0, 300.0, 60.0, 20.0),
            max_reissues=dice.pick(1, 1, 2, 3) if family == "gentle" else dice.pick(1, 1, 0, 2),
            confirmations=dice.pick(1, 1, 1, 2, 3),
        ),
        limits=limits,
    )


def _guards(dice: Dice) -> LimitOptions:
    return LimitOptions(
        deadline=dice.pick(600.0, dice.scale(2, 300), dice.scale(2, 300)),
        max_tasks=dice.pick(100_000, 100_000, 100_000, 100_000, 50),
        max_failures=dice.pick(1.0, 0.5, 0.1, 0.02, 0, 1, 5, 20),
        failure_sample=dice.pick(100, 20, 1),
        give_up_after=dice.pick(300.0, 30.0),
        canary=dice.pick(0, 0, 1, 3, 20, 70),
    )


def _pace(dice: Dice) -> PaceOptions:
    if dice.one_in(6):
        return PaceOptions(requests_per_second=dice.pick(2.0, 5.0, 20.0), burst=dice.pick(None, 1, 10))
    return PaceOptions(learn=not dice.one_in(20))


POINTS: tuple[Point, ...] = (
    *("step", "step", "step", "time", "commit.before", "commit.after"),
    *("request.sent", "request.arrived", "request.answered"),
)


def disturbances(dice: Dice, family: Family) -> tuple[Disturbance, ...]:
    """What strikes the lives of a run, one after the other."""
    if dice.one_in(3):
        return ()
    disasters: tuple[Disaster, ...] = ("death", "death", "death", "drain", "drain", "cancel", "disk")
    return tuple(_disturbance(dice, dice.pick(*disasters), family) for _ in range(dice.pick(1, 1, 1, 2, 3)))


def _disturbance(dice: Dice, disaster: Disaster, family: Family) -> Disturbance:
    point = "commit.before" if disaster == "disk" else dice.pick(*POINTS)
    reach = {"step": dice.scale(1, 8000), "time": dice.scale(0.01, 300 if family == "rough" else 90)}
    return Disturbance(
        disaster=disaster,
        point=point,
        at=reach.get(point, round(dice.scale(1, 60 if point.startswith("request") else 25))),
        downtime=dice.scale(0.01, 600),
    )


def _with_auth(dice: Dice, scenario: Scenario) -> Scenario:
    auths: dict[str, Literal["none", "signature", "token"]] = {"none": "none", "token": "token"}
    auth = auths.get(scenario.credentials, "signature")
    service = replace(scenario.service, auth=auth)
    if scenario.family in {"rough", "hostile"} and auth == "signature":
        last: Credentials = "stale" if scenario.family == "hostile" else "renewed"
        kind: Credentials = dice.pick("good", "good", "good", "renewed", last)
        if kind != "good":
            service = replace(service, expire_after=dice.scale(0.5, 200), renewed=RENEWED)
        scenario = replace(scenario, credentials=kind)
        service = replace(service, clock_skew=dice.pick(0.0, 0.0, 0.0, -300.0, 1200.0, -4000.0))
    return replace(scenario, service=service)
