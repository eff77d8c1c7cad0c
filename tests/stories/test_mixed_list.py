"""The mixed list: whatever is in it, every id comes to what the service's own books say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stories.referee import Leeway, judge
from tests.stories.stage import Stage, make_ids

if TYPE_CHECKING:
    from pathlib import Path

REST = {"SUCCESS": 5, "FAILED": 4, "RUNNING": 5, "CREATING": 3, "RELEASED": 2, "SOMETHING_NEW": 2}
MIX: dict[str, Any] = {
    "strangers": 150,
    "states": dict(MIGRATING=50, INCRMIGEATING=10, FULLMIGRATING=5, TERMINATED=12, TERMINATING=4, **REST),
    "unknown": 0.03,
    "refuse_once": 0.04,
    "refuse_always": 0.03,
    "forget": 0.03,
    "ends_in_error": 0.03,
    "unmentioned": 0.02,
    "repeated": 0.02,
    "shuffled": True,
}


def untidy(ids: list[str]) -> str:
    """The ids as people keep them: comments, blank lines, duplicates, the line ends of Windows."""
    lines = ["# from the ticket", "", *ids[:40], "   ", "# and these", *ids[10:60], *ids[60:], ids[0], ""]
    return "\ufeff" + "\r\n".join(lines)


@pytest.mark.parametrize(
    ("service", "seed"),
    [
        ({"list_detail": "fine", "count": "total", "refusals": "detailed"}, 1),
        ({"list_detail": "coarse", "count": "page", "refusals": "plain"}, 2),
        ({"list_detail": "coarse", "count": "total", "refusals": "detailed", "order": "oldest"}, 3),
        ({"list_detail": "fine", "count": "page", "refusals": "plain", "unknown_in_batch": "item"}, 4),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
async def test_every_id_of_a_mixed_list_is_accounted_for(tmp_path: Path, service: dict[str, str], seed: int) -> None:
    """Strangers, unknown, refused, forgotten and failing tasks: each id has the outcome that is true."""
    ids = [*make_ids(250, seed), "UPPER_case-ID", "x", "9" * 64]
    async with Stage.opened(tmp_path, ids, seed=seed, **MIX, **service) as stage:
        stage.set(retry={"attempts": 4})
        stage.write_ids(untidy(ids))
        ran = await stage.run()
        account = judge(stage, ran)
        assert ran.code == 1
        counts = account.summary["counts"]
        assert (counts["input"], counts["unique"], counts["duplicates"]) == (284, 253, 31)
        assert {"stopped", "already_stopped", "ended", "not_found", "rejected", "skipped"} == set(account.counted)
        assert "not over" in ran.out


async def test_an_unlisted_task_is_found_by_a_single_look(tmp_path: Path) -> None:
    """Who stands in no list page is looked for singly before anything is said of it."""
    async with Stage.opened(tmp_path, 80, seed=5, unlisted=0.1, strangers=20) as stage:
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 80}
        assert len({item for arrival in stage.arrivals("show") for item in arrival.ids}) >= 8


async def test_strangers_who_come_and_go_confuse_nobody(tmp_path: Path) -> None:
    """The list shifts under the reader while strangers create and delete tasks."""
    churn = {"created": 40, "deleted": 40}
    async with Stage.opened(tmp_path, 400, seed=6, strangers=1200, churn=churn, order="newest") as stage:
        ran = await stage.run()
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 400}


async def test_tasks_with_a_life_of_their_own_end_in_what_was_true_of_them(tmp_path: Path) -> None:
    """Tasks that end, vanish or flap by themselves come to something that the books bear out."""
    own = {"ends_by_itself": 0.1, "vanishes": 0.1, "flap": 0.1, "event_seconds": 0.4}
    async with Stage.opened(tmp_path, 200, seed=7, **own) as stage:
        ran = await stage.run()
        account = judge(stage, ran, Leeway(moving=True))
        assert ran.code in {0, 1}
        assert set(account.counted) <= {"stopped", "ended", "not_found", "rejected"}


async def test_a_list_in_which_all_is_over_needs_no_stop(tmp_path: Path) -> None:
    """Where nothing is left to stop, nothing is sent."""
    async with Stage.opened(tmp_path, 60, states={"TERMINATED": 3, "SUCCESS": 1}) as stage:
        ran = await stage.run()
        account = judge(stage, ran)
        assert ran.code == 0
        assert set(account.counted) == {"already_stopped", "ended"}
        assert not stage.arrivals("stop")


async def test_only_the_states_that_the_job_names_are_stopped(tmp_path: Path) -> None:
    """Both spellings of the incremental state count, and a full copy is left alone when not named."""
    states = {"FULLMIGRATING": 1, "INCRMIGEATING": 1, "INCRMIGRATING": 1}
    async with Stage.opened(tmp_path, 60, states=states) as stage:
        stage.set(tasks={"stop_states": ["INCRMIGEATING"]})
        ran = await stage.run()
        firsts = {item: stage.books.first_status(item) for item in stage.ids}
        outcomes = stage.account().outcomes
        assert ran.code == 1
        assert outcomes == {i: "skipped" if s == "FULLMIGRATING" else "stopped" for i, s in firsts.items()}
