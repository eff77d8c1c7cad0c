"""Tells the story of one seed: what was drawn, what each life came to, and, if asked, every request and event."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from orchestrator.engine.options import RunOptions
from orchestrator.simulator.options import SimulatorOptions
from tests.simulation.draws import draw
from tests.simulation.examine import examine, examine_shards
from tests.simulation.scenario import Network
from tests.simulation.story import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.examine import Finding
    from tests.simulation.scenario import Scenario
    from tests.simulation.story import Exchange, Life, Story

WIDTH = 220


def tell(seed: int, say: Callable[[str], None], *, verbose: bool) -> int:
    """Play the seed and tell of it; returns 1 if a rule was broken."""
    scenario = draw(seed)
    for line in _drawn(scenario):
        say(line)
    finding, stories = _examined(scenario)
    for number, story in enumerate(stories):
        if len(stories) > 1:
            say(f"shard {number}: {len(story.ids)} tasks")
        for life in story.lives:
            say(_life(life))
        for line in _course(story) if verbose else ():
            say(line[:WIDTH])
    for violation in finding.violations:
        say(f"BROKEN {violation}")
    say("no rule was broken" if not finding.violations else f"{len(finding.violations)} violations")
    return 1 if finding.violations else 0


def _examined(scenario: Scenario) -> tuple[Finding, list[Story]]:
    if scenario.shards > 1:
        return examine_shards(scenario)
    finding, story = examine(scenario)
    return finding, [] if story is None else [story]


def _drawn(scenario: Scenario) -> list[str]:
    network = replace(scenario.network, canned=())
    return [
        (
            f"seed {scenario.seed}: {scenario.family}, {scenario.verb}, pages of {scenario.page_size}, "
            f"credentials {scenario.credentials}, {len(scenario.network.canned)} canned answers, "
            f"{scenario.shards} shards, clock set {scenario.wall}"
        ),
        f"service: {_unusual(scenario.service, SimulatorOptions())}",
        f"network: {_unusual(network, Network())}",
        f"options: {_unusual(scenario.options, RunOptions())} {scenario.pace}",
        *(f"disturbance: {disturbance}" for disturbance in scenario.disturbances),
    ]


def _unusual(value: Any, usual: Any) -> dict[str, Any]:
    names = [field.name for field in fields(value)]
    return {name: getattr(value, name) for name in names if getattr(value, name) != getattr(usual, name)}


def _life(life: Life) -> str:
    came_to = life.error
    if life.report is not None:
        counts = {outcome: number for outcome, number in life.report.outcomes.items() if number}
        came_to = f"{life.report.ending.value} {life.report.ending_reason} {counts}"
    struck = f", {life.struck} at {life.struck_at - START:.3f}" if life.struck_at is not None else ""
    span = f"{life.started_at - START:.3f} to {life.ended_at - START:.3f}"
    return f"life {life.number}: {span}{struck}, {life.steps} steps, {life.end}: {came_to}"


def _course(story: Story) -> list[str]:
    course = [(exchange.sent_at, _exchange(exchange)) for exchange in story.exchanges]
    for life in story.lives:
        course += [(story.seconds(event.at), f"  life {life.number} {event}") for event in life.events]
    return [f"{at - START:10.3f} {text}" for at, text in sorted(course, key=lambda entry: entry[0])]


def _exchange(exchange: Exchange) -> str:
    what = f"offset {exchange.page[0]}" if exchange.page else ", ".join(exchange.ids)
    closed = "never" if exchange.closed_at is None else f"{exchange.closed_at - START:.3f}"
    return f"#{exchange.number} {exchange.api} [{what}] until {closed}: {exchange.status} {exchange.end}"
