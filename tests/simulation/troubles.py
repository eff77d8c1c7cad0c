"""Draws what a gentle service never does: accidents, strangers, networks that break, answers of somebody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from orchestrator.simulator.options import Faults, Outage, Spread
from tests.simulation import accidents
from tests.simulation.scenario import Network, Scenario, WireFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.dice import Dice
    from tests.simulation.scenario import Family, Verb


def spoiled(dice: Dice, scenario: Scenario) -> Scenario:
    """What a gentle service never does."""
    service = replace(
        scenario.service,
        ends_by_itself=dice.share(),
        flap=dice.share(),
        restarted=dice.share(),
        vanishes=dice.share(),
        deleted_show=dice.pick("gone", "success"),
        exchanging=dice.share(),
        exchange_seconds=dice.scale(1, 200),
        event_seconds=Spread(median=dice.scale(1, 60), sigma=0.7),
        unmentioned=dice.share(),
        faults=_faults(dice, scenario.family),
    )
    scenario = replace(scenario, service=service, network=_network(dice, scenario))
    if service.auth == "none" and dice.one_in(2):
        verbs: tuple[Verb, ...] = ("stop", "restart", "delete")
        meddling = tuple(
            (dice.scale(0.05, 60), dice.pick(*verbs), dice.pick(2, 3, 5)) for _ in range(dice.randint(1, 4))
        )
        scenario = replace(scenario, meddling=meddling)
    if scenario.family == "hostile":
        scenario = _hostile(dice, scenario)
    return scenario


def _faults(dice: Dice, family: Family) -> Faults:
    if dice.one_in(4):
        return Faults()
    kinds: Sequence[str] = (
        *("error_500", "error_502_html", "error_503_retry_after", "timeout_504", "reset_before", "reset_after"),
        *("truncated", "empty", "hang", "slow", "not_json", "wrong_types", "huge"),
        *(("error_401",) if family == "hostile" else ()),
    )
    outage = Outage(
        after=dice.scale(0.1, 60), seconds=dice.scale(1, 400), kind=dice.pick("error_500", "reset_before", "hang")
    )
    return Faults(
        rate=dice.pick(0.0, 0.02, 0.1, 0.3),
        kinds=tuple(dice.sample(kinds, dice.randint(1, len(kinds)))),  # type: ignore[arg-type]  # they are its words
        apis=dice.pick(("stop", "restart", "delete", "list", "show"), ("stop", "restart", "delete"), ("list", "show")),
        outages=(outage,) if dice.one_in(4) else (),
        seconds=dice.pick(3.0, 3.0, 70.0, 2000.0),
        huge_bytes=1 << 17,
    )


def _network(dice: Dice, scenario: Scenario) -> Network:
    network = replace(
        scenario.network,
        max_answer=1 << 17 if scenario.page_size < 100 else 1 << 21,
        read_timeout=dice.pick(60.0, 60.0, 5.0),
        abandoned_arrive=dice.pick(0.0, 0.5, 1.0),
    )
    if dice.one_in(3):
        network = replace(network, faults=get_args(WireFault), rate=dice.pick(0.02, 0.2))
    if dice.one_in(6):
        network = replace(network, cut=(dice.scale(0.1, 60), dice.scale(1, 400)))
    return network


def _hostile(dice: Dice, scenario: Scenario) -> Scenario:
    table = dice.pick(
        accidents.PASSING,
        accidents.THROTTLED,
        accidents.STUMBLES_AT_LOGIN,
        accidents.FATAL,
        accidents.FORBIDDEN,
        accidents.ABOUT_ITEMS,
        accidents.LIST_REFUSED,
        accidents.LOOK_REFUSED,
        accidents.EVERYTHING,
        (),
        (),
    )
    scenario = replace(
        scenario, network=replace(scenario.network, canned=table, canned_rate=dice.pick(0.005, 0.03, 0.15))
    )
    service = scenario.service
    if dice.one_in(6):
        service = replace(service, deny=dice.pick(("list",), ("show",), (scenario.verb,), ("list", "show")))
        service = replace(service, deny_code=dice.pick("DCS.2003", "APIGW.0302", "PAP5.0001"))
    if dice.one_in(25):
        service = replace(service, project_id="f" * 32)
    return replace(scenario, service=service)
