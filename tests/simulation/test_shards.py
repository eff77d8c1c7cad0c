"""Jobs that are run as shards: side by side in one virtual time, and one account in the end."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING

import pytest

from orchestrator.engine import source
from orchestrator.engine.options import LimitOptions, PollOptions, RunOptions, SubmitOptions
from orchestrator.engine.pace import ApiPace
from orchestrator.simulator.options import Quota, SimulatorOptions, Spread
from tests.simulation.draws import draw
from tests.simulation.examine import examine_shards
from tests.simulation.scenario import Scenario
from tests.simulation.shards import STEP, Joint, _told_at, judge_joint, play_shards
from tests.simulation.story import START
from tests.simulation.turns import together

if TYPE_CHECKING:
    from collections.abc import Callable

SCENARIO = Scenario(
    seed=5,
    shards=3,
    service=SimulatorOptions(
        tasks=240,
        seed=5,
        states={"MIGRATING": 1},
        stop_seconds=Spread(median=4.0),
        latency=Spread(median=0.05, sigma=0.3),
        quotas={"stop": Quota(limit=6, seconds=5.0, policy="user")},
    ),
    options=RunOptions(
        submit=SubmitOptions(batch_size=2), limits=LimitOptions(max_failures=1.0), poll=PollOptions(confirmations=2)
    ),
)


@cache
def true_one() -> Joint:
    return play_shards(SCENARIO)


def broken(joint: Joint) -> str:
    return "\n".join(judge_joint(joint))


class TestTurns:
    def test_the_earliest_goes_on_and_among_equals_the_first(self) -> None:
        course: list[tuple[float, int]] = []

        def process(number: int, *times: float) -> Callable[[Callable[[float], None]], int]:
            def live(wait: Callable[[float], None]) -> int:
                for at in times:
                    wait(at)
                    course.append((at, number))
                return number

            return live

        assert together(0.0, [process(0, 1.0, 4.0), process(1, 1.0, 2.0, 3.0), process(2)]) == [0, 1, 2]
        assert course == [(1.0, 0), (1.0, 1), (2.0, 1), (3.0, 1), (4.0, 0)]

    def test_what_one_of_them_breaks_by_is_told_when_all_are_done(self) -> None:
        ended: list[float] = []

        def breaks(wait: Callable[[float], None]) -> None:
            wait(1.0)
            raise ZeroDivisionError

        def goes_on(wait: Callable[[float], None]) -> None:
            wait(2.0)
            ended.append(2.0)

        with pytest.raises(ZeroDivisionError):
            together(0.0, [breaks, goes_on])
        assert ended == [2.0]


class TestShards:
    def test_the_whole_closes_over_the_whole_input(self) -> None:
        finding, stories = examine_shards(SCENARIO)
        assert finding.violations == ()
        assert sum(len(story.ids) for story in stories) == 240
        assert all(len(story.ids) > 40 for story in stories)

    def test_they_run_side_by_side(self) -> None:
        joint = true_one()
        begun = [min(exchange.sent_at for exchange in story.exchanges) for story in joint.stories]
        ended = [story.last.ended_at for story in joint.stories]
        assert max(begun) < START + 1.0 < min(ended)
        assert [asked.time for asked in joint.service.books.arrivals] == sorted(
            asked.time for asked in joint.service.books.arrivals
        )

    def test_they_replay_exactly(self) -> None:
        scenario = next(s for seed in range(400) if (s := draw(seed)).shards > 2 and s.disturbances)
        first, second = play_shards(scenario), play_shards(scenario)
        assert [story.exchanges for story in first.stories] == [story.exchanges for story in second.stories]
        assert first.rows == second.rows
        assert [story.scenario.seed for story in first.stories][:2] == [scenario.seed, scenario.seed + STEP]

    def test_each_has_disasters_of_its_own(self) -> None:
        joints = [play_shards(replace(SCENARIO, seed=seed)) for seed in range(3)]
        lives = [[[life.struck for life in story.lives] for story in joint.stories] for joint in joints]
        assert any(one[0] != one[1] for one in lives)


class TestJudge:
    """A true account passes, and one with a word changed does not."""

    def test_a_true_one_passes(self) -> None:
        assert broken(true_one()) == ""

    def test_a_missing_row_and_one_told_twice_are_seen(self) -> None:
        rows = true_one().rows
        assert "239 ids in the account of 240, 0 of them twice" in broken(replace(true_one(), rows=rows[1:]))
        assert "240 ids in the account of 240, 1 of them twice" in broken(replace(true_one(), rows=[*rows, rows[3]]))

    def test_another_outcome_than_the_shard_told_is_seen(self) -> None:
        rows = [row._replace(outcome="skipped") if place == 7 else row for place, row in enumerate(true_one().rows)]
        assert "is skipped in the whole, its shard said" in broken(replace(true_one(), rows=rows))

    def test_a_look_at_the_task_of_another_shard_is_seen(self) -> None:
        first, second, *others = true_one().stories
        strange = replace(second.exchanges[-1], ids=(first.ids[0],))
        stories = [first, replace(second, exchanges=[*second.exchanges, strange]), *others]
        assert "shard 1 asked to" in broken(replace(true_one(), stories=stories))

    def test_a_shard_whose_requests_all_failed_was_told_of_no_quota(self) -> None:
        """Seed 501553: each of its looks was answered 500, and it was held to a quota that only the other knew."""
        story = true_one().stories[0]
        asked = [exchange for exchange in story.exchanges if exchange.api == "list"]
        failed = replace(story, exchanges=[replace(exchange, status=500) for exchange in asked])
        assert _told_at(failed, "list") is None
        assert _told_at(replace(story, exchanges=[]), "list") == START


class TestMistakes:
    """Made in the product, and caught."""

    def caught(self) -> str:
        finding = examine_shards(SCENARIO)[0]
        return "\n".join(finding.violations)

    def test_a_shard_that_takes_what_is_not_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        draw_one = Random(1)
        monkeypatch.setattr(source, "shard_of", lambda _, count: draw_one.randrange(count))
        assert "AccountError: the shards have" in self.caught()  # merge itself does not let it pass

    def test_a_quota_that_each_takes_whole(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ApiPace, "_limit", lambda _, quota: quota.limit)
        assert "though all shards know" in self.caught()
