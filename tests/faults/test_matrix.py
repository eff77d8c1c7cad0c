"""The fault matrix: each fault that a socket can show, at each API, with what it means and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.parts import Faults, Spread
from tests.faults.stage import play

if TYPE_CHECKING:
    from orchestrator.simulator.options import FaultKind

# What the fault is taken to mean; None: it is no failure, only slow.
MEANS: Final[dict[FaultKind, str | None]] = {
    "error_401": "unauthenticated",
    "error_500": "lost",
    "error_502_html": "lost",
    "error_503_retry_after": "lost",
    "timeout_504": "lost",
    "reset_before": "lost",
    "reset_after": "lost",
    "truncated": "lost",
    "empty": "lost",
    "hang": "lost",
    "slow": None,
    "not_json": "lost",
    "wrong_types": "lost",
    "huge": "lost",
}
COUNT: Final = 12


def service(kind: FaultKind, api: str, **more: object) -> SimulatorOptions:
    """A small service whose first request of `api` meets the fault."""
    return SimulatorOptions.from_mapping(
        {
            "tasks": COUNT,
            "states": {"MIGRATING": 1},
            "stop_seconds": {"median": 0.2, "sigma": 0.2},
            "unlisted": 0.2,  # so that single looks are made
            "faults": {"script": [kind], "apis": [api], "seconds": 0.2, "huge_bytes": 40_000_000},
            **more,
        }
    )


class TestOneAtATime:
    """One fault, met once: the run goes on, and every task is stopped, once."""

    @pytest.mark.parametrize("api", ["list", "show", "stop"])
    @pytest.mark.parametrize("kind", MEANS)
    async def test_a_fault_means_what_the_table_says_and_costs_no_task(self, kind: FaultKind, api: str) -> None:
        played = await play(service(kind, api))
        assert played.counted == {"stopped": COUNT}
        meaning = MEANS[kind]
        assert played.failures(api) == ([] if meaning is None else [meaning])
        # Sent twice is only who may not have been reached the first time: the one batch whose answer was lost.
        again = [item for item in played.service.ids if len(played.service.books.stop_times(item)) > 1]
        assert not again or (api == "stop" and kind not in {"slow", "error_401"})

    @pytest.mark.parametrize("after_effect", [0.0, 1.0])
    @pytest.mark.parametrize("kind", ["error_500", "error_502_html", "timeout_504", "hang"])
    async def test_a_lost_answer_is_looked_into_before_anything_is_sent_again(
        self, kind: FaultKind, after_effect: float
    ) -> None:
        """What took effect is not sent again; what did not is."""
        faults = {"script": [kind], "apis": ["stop"], "seconds": 0.2, "after_effect": after_effect}
        played = await play(service(kind, "stop", faults=faults, unlisted=0.0, stop_seconds=0.6))
        assert played.counted == {"stopped": COUNT}
        sent = len([arrival for arrival in played.service.books.arrivals if arrival.api == "stop"])
        assert sent == (1 if after_effect else 2)


class TestTogether:
    """All of them, all the time, everywhere."""

    @pytest.mark.parametrize("seed", range(3))
    async def test_a_service_that_stumbles_at_every_third_request_is_still_accounted_for(self, seed: int) -> None:
        kinds = tuple(kind for kind in MEANS if kind not in {"huge", "error_401", "hang"})
        options = SimulatorOptions(
            tasks=150,
            seed=seed,
            states={"MIGRATING": 3, "TERMINATED": 1},
            stop_seconds=Spread(median=0.2, sigma=0.3),
            faults=Faults(rate=0.3, kinds=kinds, seconds=0.1),
            refuse_once=0.05,
            unmentioned=0.02,
        )
        played = await play(options, extra=["not-there-1", "not-there-2"])
        books = played.service.books
        stopped = [row for row in played.report.rows() if row.outcome == "stopped"]
        assert all(books.first_status(row.task_id) == "MIGRATING" for row in stopped)
        assert played.counted["not_found"] == 2
        assert sum(played.counted.values()) == 152
        assert set(played.counted) <= {"stopped", "already_stopped", "not_found"}


class TestOutage:
    """The service is away for a while, or for good."""

    async def test_an_outage_that_ends_costs_nothing_but_time(self) -> None:
        options = SimulatorOptions.from_mapping(
            {
                "tasks": COUNT,
                "states": {"MIGRATING": 1},
                "stop_seconds": 0.2,
                "faults": {"outages": [{"after": 0.0, "seconds": 1.0, "kind": "reset_before"}]},
            }
        )
        played = await play(options)
        assert played.counted == {"stopped": COUNT}

    async def test_an_outage_that_lasts_interrupts_the_run_and_nothing_is_called_stopped(self) -> None:
        options = SimulatorOptions.from_mapping(
            {
                "tasks": COUNT,
                "states": {"MIGRATING": 1},
                "faults": {"outages": [{"after": 0.0, "seconds": 1000.0, "kind": "error_502_html"}]},
            }
        )
        played = await play(options)
        assert played.report.exit_code == 75
        assert played.counted == {"not_attempted": COUNT}
        assert "give_up_after" in played.report.ending_reason
