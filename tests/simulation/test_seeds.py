"""Seeds spread over everything that is drawn: each is a whole run with its disasters, and none breaks a rule."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.covered import Met, expected, watched
from tests.simulation.draws import draw
from tests.simulation.examine import examine_seed
from tests.simulation.world import play

CHUNK = 10
CHUNKS = 15

FINGERPRINT = """
from tests.simulation.draws import draw
from tests.simulation.world import play
story = play(draw({seed}))
print([(e.api, e.sent_at, e.closed_at, e.status, e.end, e.ids) for e in story.exchanges])
print([(life.steps, life.events, life.rows) for life in story.lives])
"""


class TestSeeds:
    @pytest.mark.parametrize("chunk", range(CHUNKS))
    def test_no_seed_breaks_a_rule(self, chunk: int) -> None:
        """A rule is broken? `python -m tests.simulation --seed N --verbose` tells the story."""
        findings = [examine_seed(seed) for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
        assert [(finding.seed, finding.violations) for finding in findings if finding.violations] == []

    def test_what_is_met_is_counted(self) -> None:
        met = Met()
        with watched(met):
            examine_seed(0)
        assert met["intend: READY"]
        assert set(met) & set(expected())


class TestLies:
    """A deletion that the service only pretends, or tells lies about, cannot be told from one that it made."""

    @pytest.mark.parametrize("seed", [51645, 51696])
    def test_nobody_is_blamed_for_it(self, seed: int) -> None:
        assert examine_seed(seed).violations == ()


class TestReplay:
    def test_a_seed_replays_exactly_in_the_same_process(self) -> None:
        first, second = play(draw(8)), play(draw(8))
        assert first.exchanges == second.exchanges
        assert [life.events for life in first.lives] == [life.events for life in second.lives]

    @pytest.mark.parametrize("seed", [4, 8])
    def test_a_seed_replays_exactly_under_other_hash_seeds(self, seed: int) -> None:
        told = {
            subprocess.run(  # noqa: S603  our own words
                [sys.executable, "-W", "ignore", "-c", FINGERPRINT.format(seed=seed)],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                capture_output=True,
                check=True,
            ).stdout
            for hash_seed in ("1", "4711")
        }
        assert len(told) == 1
