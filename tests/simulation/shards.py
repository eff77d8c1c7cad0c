"""A job that is run as shards: processes side by side, each with its record and its disasters, and one service.

What they come to is read from their records and joined as `merge` does it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.recorded import read_recorded
from orchestrator.engine.joint import complaints, join
from orchestrator.simulator.core import Service
from tests.simulation.dice import Dice
from tests.simulation.draws import disturbances
from tests.simulation.loop import numbered
from tests.simulation.story import START, THROTTLED
from tests.simulation.turns import together
from tests.simulation.upheavals import with_torn_commit
from tests.simulation.world import DIRECTORY, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.engine.account import Report, Row
    from tests.simulation.scenario import Scenario
    from tests.simulation.story import Story

STEP = 1_000_000  # between the seeds of two shards


@dataclass(slots=True, kw_only=True)
class Joint:
    """All shards of one job, and the account of the whole."""

    scenario: Scenario
    service: Service
    stories: list[Story]
    complaints: list[str] = field(default_factory=list)
    whole: Report | None = None
    rows: list[Row] = field(default_factory=list)


def play_shards(scenario: Scenario) -> Joint:
    """Play all shards side by side, from their beginning to their end, and join their accounts."""
    base = DIRECTORY if DIRECTORY.is_dir() else None
    directory = Path(tempfile.mkdtemp(prefix="simulation-", dir=base))
    service = Service(scenario.service)
    try:
        with numbered():
            lives = [_one(scenario, number, directory, service) for number in range(scenario.shards)]
            stories = together(START, lives)
        return _joined(Joint(scenario=scenario, service=service, stories=stories), directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def part_of(scenario: Scenario, number: int) -> Scenario:
    """What one shard plays: the same job, other disasters."""
    dice = Dice(f"shard/{scenario.seed}/{number}")
    seed = scenario.seed + number * STEP
    part = replace(scenario, seed=seed, shards=1, disturbances=disturbances(dice, scenario.family))
    return with_torn_commit(dice, part) if dice.one_in(4) else part


def _one(
    scenario: Scenario, number: int, directory: Path, service: Service
) -> Callable[[Callable[[float], None]], Story]:
    place = directory / f"shard-{number}"
    place.mkdir()

    def live(let_others: Callable[[float], None]) -> Story:
        shard = (number, scenario.shards)
        return World(part_of(scenario, number), place, service=service, shard=shard, let_others=let_others).play()

    return live


def _joined(joint: Joint, directory: Path) -> Joint:
    reports = {place.name: read_recorded(place).report for place in sorted(directory.iterdir())}
    joint.complaints = complaints(reports)
    if not joint.complaints:
        joint.whole = join(list(reports.values()))
        joint.rows = list(joint.whole.rows())
    return joint


def judge_joint(joint: Joint) -> Iterator[str]:
    """What is wrong with the whole, beside what is wrong with each shard."""
    yield from (f"joint: {complaint}" for complaint in joint.complaints)
    yield from (
        f"joint: {violation}"
        for rule in (_closes, _tells_what_they_told, _own_only, _quota)
        for violation in rule(joint)
    )


def _closes(joint: Joint) -> Iterator[str]:
    """Every id of the input once; the shards have no other, and none twice."""
    wanted, met = set(joint.service.ids), Counter(row.task_id for row in joint.rows)
    if set(met) != wanted or max(met.values(), default=1) > 1:
        yield f"{len(met)} ids in the account of {len(wanted)}, {sum(met.values()) - len(met)} of them twice"
    given = Counter(task_id for story in joint.stories for task_id in story.ids)
    if set(given) != wanted or max(given.values(), default=1) > 1:
        yield f"the shards were given {len(given)} of {len(wanted)} ids, {sum(given.values()) - len(given)} twice"
    whole = joint.whole
    if whole is not None and sum(whole.outcomes.values()) != len(wanted):
        yield f"the counts add up to {sum(whole.outcomes.values())}, not {len(wanted)}"


def _tells_what_they_told(joint: Joint) -> Iterator[str]:
    """Each id has the outcome that its shard's own account gave."""
    told = {row.task_id: row.outcome for story in joint.stories for row in story.last.rows}
    for row in joint.rows:
        if told.get(row.task_id, row.outcome) != row.outcome:
            yield f"{row.task_id} is {row.outcome} in the whole, its shard said {told[row.task_id]}"


def _own_only(joint: Joint) -> Iterator[str]:
    """Nothing is asked of the service by a shard for an id that is not its own, be it a stop or a single look."""
    for number, story in enumerate(joint.stories):
        own = set(story.ids)
        for exchange in story.exchanges:
            if not own.issuperset(exchange.ids):
                yield f"shard {number} asked to {exchange.api} {sorted(set(exchange.ids) - own)}"


def _quota(joint: Joint) -> Iterator[str]:
    """Where every shard has been told a quota and none has begun since, all of them together keep to it."""
    scenario = joint.scenario
    if scenario.network.canned or not scenario.pace.learn or "all" in scenario.service.quotas:
        return
    for api, quota in scenario.service.quotas.items():
        if quota.strangers or quota.wording == "bare" or quota.limit < scenario.shards:
            continue
        told = [_told_at(story, api) for story in joint.stories]
        begun = [life.started_at for story in joint.stories for life in story.lives if life.number > 1]
        blind = [(at, at + 2 * quota.seconds) for at in begun]
        if None in told:
            continue
        known_by_all = max(at for at in told if at is not None) + 2 * quota.seconds
        for story in joint.stories:
            for exchange in story.exchanges:
                late = exchange.api == api and exchange.status == THROTTLED and exchange.sent_at > known_by_all
                if late and not any(first <= exchange.sent_at <= last for first, last in blind):
                    yield f"{api} refused at {exchange.sent_at:.3f}, though all shards know {quota}"


def _told_at(story: Story, api: str) -> float | None:
    """When a shard was told of the quota; at once, where it never asks; None: never, though it asked."""
    asked = [e for e in story.exchanges if e.api == api]
    refused = [e.closed_at for e in asked if e.status == THROTTLED and e.closed_at is not None]
    if refused:
        return min(refused)
    return None if asked else START
