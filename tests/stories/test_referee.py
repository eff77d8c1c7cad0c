"""The referee itself: an account that is not true, or requests that must not be, do not get past it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.stories.referee import judge
from tests.stories.stage import Stage, make_ids

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_false_account_is_not_believed(tmp_path: Path) -> None:
    """A wrong outcome, a lost row, a wrong count of requests or of attempts: each is caught."""
    states = {"MIGRATING": 3, "TERMINATED": 1}
    async with Stage.opened(tmp_path, 40, states=states, strangers=5) as stage:
        ran = await stage.run()
        judge(stage, ran)
        table, summary = stage.out / "tasks.csv", stage.out / "summary.json"
        rows, told = table.read_text("utf-8"), summary.read_text("utf-8")
        lines = rows.splitlines(keepends=True)
        swapped = rows.replace(",already_stopped,", ",x,", 1).replace(",stopped,", ",already_stopped,", 1)
        for false in (swapped.replace(",x,", ",stopped,"), "".join(lines[:-1]), "".join([lines[0], *lines[:0:-1]])):
            table.write_text(false, "utf-8")
            with pytest.raises(AssertionError):
                judge(stage, ran)
        table.write_text(rows, "utf-8")
        for path, value in ((("requests", "stop", "sent"), 9), (("counts", "input"), 41), (("exit_code",), 1)):
            false_summary = json.loads(told)
            part = false_summary
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = value
            summary.write_text(json.dumps(false_summary), "utf-8")
            with pytest.raises(AssertionError):
                judge(stage, ran)
        summary.write_text(told, "utf-8")
        judge(stage, ran)
        stage.ids = [*stage.ids[:-1], make_ids(1, seed=99)[0]]  # somebody was stopped who is not in the list
        with pytest.raises(AssertionError):
            judge(stage, ran)
