"""Kills: the real process dies at random moments, again and again, and the account is as if it never had.

`KILLS=400 pytest tests/stories/test_kills.py` for more of them; `SEED=7` for others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.simulator.lifecycle import Effect
from tests.stories.referee import Leeway, judge
from tests.stories.stage import Stage, check_manners, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stories.stage import Account, Ran, Running

KILLS = int(os.environ.get("KILLS", "24"))
SEED = int(os.environ.get("SEED", "1"))
EACH = 8  # kills a story
MOMENTS = ("start", "survey", "sending", "answer", "polling", "account")
MIX: dict[str, Any] = {
    "strangers": 100,
    "latency": {"median": 0.03, "sigma": 0.6},
    "stop_seconds": {"median": 0.4, "sigma": 0.6},
    "states": {"MIGRATING": 70, "INCRMIGEATING": 10, "TERMINATED": 10, "SUCCESS": 5, "RUNNING": 5},
    "unknown": 0.03,
    "refuse_once": 0.05,
    "refuse_always": 0.03,
    "forget": 0.03,
    "ends_in_error": 0.03,
}


@dataclass(slots=True)
class Tale:
    """What happened to one run that was killed again and again."""

    kills: int = 0
    attempts: int = 0  # processes that were started before the run was finished
    at_work: int = 0  # of these, those that sent any request
    ran: Ran | None = None
    moments: list[str] = field(default_factory=list)


async def play(folder: Path, seed: int, kills: int, tries: int = 0) -> tuple[Tale, dict[str, str], Account]:
    """Kill a run so often, then let it end. Returns the tale, the outcomes, and the account.

    Each of several `tries` has moments of its own: the run may be over before the first of them.
    """
    random, tale = Random(f"kills {seed} {tries}"), Tale()
    async with Stage.opened(folder, 300, seed=seed, **MIX) as stage:
        stage.set(retry={"attempts": 3}, submit={"batch_size": 20, "workers": 6})
        while tale.ran is None:
            arrived = len(stage.arrivals())
            running = await stage.start()
            tale.attempts += 1
            if tale.kills < kills:
                moment = random.choice(MOMENTS)
                tale.moments.append(moment)
                await moment_of(moment, stage, running, random)
            await end(running, tale, killing=tale.kills < kills)
            tale.at_work += len(stage.arrivals()) > arrived
        repeated = [item for item in stage.ids if repeats(stage, item)]
        assert not repeated, (tale, {item: stage.books.stops(item) for item in repeated[:3]})
        account = judge(stage, tale.ran, Leeway(losses=kills > 0))
        for api, numbers in account.summary["requests"].items():
            assert numbers["sent"] <= len(stage.arrivals(api)), api
        return tale, account.outcomes, account


async def moment_of(moment: str, stage: Stage, running: Running, random: Random) -> None:
    """Wait for the moment at which to kill."""
    arrived, stops = len(stage.arrivals()), len(stage.arrivals("stop"))
    conditions: dict[str, Callable[[], object]] = {
        "start": lambda: False,
        "survey": lambda: len(stage.arrivals()) > arrived,
        "sending": lambda: len(stage.arrivals("stop")) > stops,
        "answer": lambda: len(stage.arrivals("stop")) > stops + 2,
        "polling": lambda: len(stage.arrivals("list", "show")) > arrived + 4,
        "account": lambda: running.says("run.ended"),
    }
    patience = random.uniform(0.05, 0.9) if moment == "start" else 5.0
    met = conditions[moment]
    with contextlib.suppress(TimeoutError):
        await until(lambda: met() or running.process.returncode is not None, patience=patience)
    await asyncio.sleep(random.choice((0.0, 0.0, 0.002, random.uniform(0, 0.04), random.uniform(0, 0.3))))


async def end(running: Running, tale: Tale, *, killing: bool) -> None:
    """Kill, or wait for the end. A process that was faster than its killer has finished the run."""
    if killing and running.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            running.process.kill()
    ran = await running.ended()
    if ran.code == -signal.SIGKILL:
        tale.kills += 1
        return
    check_manners(ran)
    assert ran.code in {0, 1}, (tale, ran.err[-1_000:])
    tale.ran = ran


def repeats(stage: Stage, item: str) -> bool:
    """Whether a stop that the service had carried out was sent once more."""
    carried_out = [asked for asked in stage.books.stops(item) if asked.effect in {Effect.ACCEPTED, Effect.AGAIN}]
    too_late = [asked for asked in stage.books.stops(item) if asked.effect is Effect.WRONG_STATE]
    return len(carried_out) > 1 or bool(too_late)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("story", range(max(1, -(-KILLS // EACH))))
async def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_had(tmp_path: Path, story: int) -> None:
    """Every id comes to what it comes to undisturbed, and no stop that took effect is sent twice."""
    seed, killed = 1_000 * SEED + story, 0
    (tmp_path / "undisturbed").mkdir()
    _, undisturbed, _ = await play(tmp_path / "undisturbed", seed, 0)
    tries = 0
    while killed < EACH:
        tries += 1
        folder = tmp_path / f"killed-{tries}"
        folder.mkdir()
        tale, outcomes, account = await play(folder, seed, EACH - killed, tries)
        killed += tale.kills
        assert outcomes == undisturbed, tale
        assert tale.at_work <= account.summary["attempts"] <= tale.attempts, tale
        assert tries <= 2 * EACH, "the runs end before anybody can kill them"
