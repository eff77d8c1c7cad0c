"""The end is quick: the account follows the last item's end, however long the list."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.engine import events as ev
from orchestrator.engine.model import Quota
from orchestrator.engine.options import PaceOptions
from orchestrator.testing import FakeOperation, FakeTask
from tests.engine.gateways import Gated, Gateway
from tests.engine.stage import Stage, counted

if TYPE_CHECKING:
    from orchestrator.engine.model import Sighting

INTERVAL = 2.0  # the default of poll.interval


class TestQuickEnd:
    @pytest.mark.parametrize("count", [1, 60, 1500, 12_000])
    async def test_the_account_follows_the_last_end_by_two_intervals_at_most(self, count: int) -> None:
        """A late first look at one page must not teach the run that stops take long, and make the next look later."""
        draw = random.Random(count)
        tasks = {f"t{number}": FakeTask(stops_after=draw.lognormvariate(1.6, 0.5)) for number in range(count)}
        report = await Stage(FakeOperation(tasks)).play()
        assert counted(report) == {"stopped": count}
        last_end = max(task.stop_at or 0.0 for task in tasks.values())
        assert report.timing.elapsed_seconds - last_end <= 2 * INTERVAL
        looks = report.requests["list"].sent if count > 1 else 0
        assert looks + report.requests["show"].sent <= 60 + count / 40

    @pytest.mark.parametrize(
        ("limit", "seconds", "late"), [(20, 5.0, 4.0), (6, 30.0, 5.0), (6, 60.0, 12.0), (200, 300.0, 4.0)]
    )
    async def test_under_a_quota_of_pages_by_its_share_at_most(self, limit: int, seconds: float, late: float) -> None:
        """Looks at what is not down yet must not spend the window in which the last ones end.

        Of 6 in 60 s all are spent before anybody knows; the last ones end at 48 s, and are seen when the window opens.
        """
        draw = random.Random(7)
        tasks = {f"t{number}": FakeTask(stops_after=10.0 * draw.lognormvariate(0, 0.2)) for number in range(2400)}
        stops, pages = (
            Gateway(kind="sliding", limit=most, seconds=window, latency=0.02)
            for most, window in ((24, 30.0), (limit, seconds))
        )
        report = await Stage(Gated(tasks, {"stop": stops, "list": pages})).play()
        assert counted(report) == {"stopped": 2400}
        last_end = max(task.stop_at or 0.0 for task in tasks.values())
        assert report.timing.elapsed_seconds - last_end <= late

    async def test_the_last_few_are_looked_at_singly_while_no_page_can_be_had(self) -> None:
        """Pages are spent to find places and to see the first ones down; what a single look costs is left."""
        tasks = {f"t{number}": FakeTask(stops_after=9.0 + number % 30 / 10) for number in range(50)}
        pages = Gateway(kind="sliding", limit=2, seconds=600.0, latency=0.02)
        report = await Stage(Gated(tasks, {"list": pages})).play()
        last_end = max(task.stop_at or 0.0 for task in tasks.values())
        assert report.timing.elapsed_seconds - last_end <= 2 * INTERVAL
        assert report.requests["show"].sent <= 8 * 50

    async def test_a_ceiling_over_all_apis_is_no_reason_to_look_singly(self) -> None:
        """A page costs one request of it, fifty single looks cost fifty."""
        tasks = {f"t{number}": FakeTask(stops_after=9.0 + number % 30 / 10) for number in range(50)}
        operation = FakeOperation(tasks, pace=PaceOptions(requests_per_second=0.2))
        report = await Stage(operation).play()
        assert counted(report) == {"stopped": 50}
        assert report.timing.elapsed_seconds <= 30.0
        assert not operation.calls("show")

    async def test_nobody_is_looked_at_twice_at_once(self) -> None:
        """An answer may take longer than an interval: the next look goes when it is there."""
        operation = FakeOperation({f"t{number}": FakeTask(stops_after=20.0) for number in range(3)})
        operation.pacing.learn("show", Quota(policy="", limit=100, seconds=1.0))  # as many at once as there are workers
        honest, out, overlapping = operation.look, Counter[str](), []

        async def slow(item_id: str) -> Sighting:
            out[item_id] += 1
            overlapping.append(out[item_id])
            await anyio.sleep(3 * INTERVAL)
            out[item_id] -= 1
            return await honest(item_id)

        operation.look = slow  # type: ignore[method-assign]
        assert counted(await Stage(operation).play()) == {"stopped": 3}
        assert set(overlapping) == {1}

    async def test_a_run_taken_up_again_knows_how_long_stops_take(self) -> None:
        """What the scouts learned is in the record, to be folded back from it."""
        stage = Stage(FakeOperation({f"t{number}": FakeTask() for number in range(300)}))
        await stage.play()
        assert [sum(event.buckets) for event in stage.of(ev.CurveLearned)] == [300]
