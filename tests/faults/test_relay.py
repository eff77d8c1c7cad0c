"""What stands between breaks: resets, ends, stalls and truncations at each point of an exchange."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

import pytest

from orchestrator.engine.options import SubmitOptions
from orchestrator.simulator.options import SimulatorOptions
from tests.faults.relay import DEEDS, Relay
from tests.faults.stage import QUICK, play

if TYPE_CHECKING:
    from tests.faults.relay import Deed

# What each deed is taken to mean; None: it is no failure.
MEANS: Final[dict[Deed, str | None]] = {
    "reset before": "lost",
    "close before": "lost",
    "stall before": "lost",
    "reset after": "lost",
    "close after": "lost",
    "stall after": "lost",
    "reset in head": "lost",
    "close in head": "lost",
    "stall in head": "lost",
    "reset in body": "lost",
    "close in body": "lost",
    "stall in body": "lost",
    "garble the head": "lost",
    "drip": None,
    "answer twice": None,
}
LATE: Final = "answer twice, late"  # perhaps amid the next request: nobody can tell it from an answer to that one
COUNT: Final = 12
NEVER_ARRIVED: Final = frozenset(deed for deed in DEEDS if deed.endswith("before"))


def service(**more: object) -> SimulatorOptions:
    return SimulatorOptions.from_mapping(
        {
            "tasks": COUNT,
            "states": {"MIGRATING": 1},
            "stop_seconds": {"median": 0.2, "sigma": 0.2},
            "latency": {"median": 0.001, "sigma": 0.0},
            "unlisted": 0.2,  # so that single looks are made
            **more,
        }
    )


class TestMatrix:
    def test_every_deed_has_a_meaning(self) -> None:
        assert {*MEANS, LATE} == set(DEEDS)

    @pytest.mark.parametrize("api", ["list", "show", "stop"])
    @pytest.mark.parametrize("deed", MEANS)
    async def test_a_deed_means_what_the_table_says_and_costs_no_task(self, deed: Deed, api: str) -> None:
        played = await play(service(), between=partial(Relay, deed=deed, api=api))
        assert played.relay is not None
        assert played.relay.done == 1
        assert played.counted == {"stopped": COUNT}
        meaning = MEANS[deed]
        assert played.failures(api) == ([] if meaning is None else [meaning])
        assert [played.failures(other) for other in {"list", "show", "stop"} - {api}] == [[], []]
        # What took effect is not sent again; what did not is sent once more, after a look.
        books = played.service.books
        asked = [len(books.stop_times(item)) for item in played.service.ids]
        assert asked == [1] * COUNT
        again = played.relay.seen.count("stop") - len([a for a in books.arrivals if a.api == "stop"])
        assert again == (1 if api == "stop" and deed in NEVER_ARRIVED else 0)

    @pytest.mark.parametrize("api", ["list", "show", "stop"])
    @pytest.mark.parametrize("workers", [1, 8])
    async def test_an_answer_that_comes_for_the_wrong_request_tells_nothing_wrong(self, workers: int, api: str) -> None:
        """It is of another kind, or of other tasks: lost, whatever it says."""
        options = replace(QUICK, submit=SubmitOptions(batch_size=3, workers=workers))
        played = await play(service(unlisted=0.5), between=partial(Relay, deed=LATE, api=api), options=options)
        assert played.relay is not None
        assert played.relay.done == 1
        assert played.counted == {"stopped": COUNT}
        assert {*played.failures("list"), *played.failures("show"), *played.failures("stop")} <= {"lost"}
        for row in played.report.rows():
            history = played.service.books.history(row.task_id, monotonic())
            assert [status for _, status in history] == ["TERMINATING", "TERMINATED"]
