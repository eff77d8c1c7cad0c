"""The power goes out within a commit of the record: it is found done or undone, and what was flushed is there."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.recorded import reading
from orchestrator.engine import directory as directories
from orchestrator.engine import events as ev
from orchestrator.engine.account import RunInfo
from orchestrator.engine.record import Record
from orchestrator.engine.source import collect
from tests.engine.stage import inline
from tests.simulation import torn
from tests.simulation.dice import Dice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IDENTITY = directories.Identity(input=str, operation="stop", project_id="p", endpoint="")
INFO = RunInfo(run_id="r", name="n", operation="stop")


def intents(first: int, count: int) -> list[ev.Event]:
    return [ev.BatchIntended(at=1.0, batch=n, items=list(range(50))) for n in range(first, first + count)]


def cut_off(directory: Path, *, flushed: Sequence[ev.Event], lost: Sequence[ev.Event], seed: int) -> torn.Files:
    """A record with these events on the disk, and a commit of those cut off."""
    items = collect(f"t{number}" for number in range(50))
    record = directories.create(directory, identity=IDENTITY, info=INFO, items=items, job={}).record
    for event in flushed:
        record.append(event)
    record.commit()
    for event in lost:
        record.append(event)
    return torn.tear(record.path, record._connection, record.commit, Dice(f"power/{seed}"))


class TestPower:
    @pytest.mark.parametrize("seed", range(40))
    def test_a_commit_is_found_done_or_undone(self, tmp_path: Path, seed: int) -> None:
        """A batch leaves when its flush has returned: whatever was drawn, its intent is there."""
        before, after = intents(1, 1 + 7 * (seed % 12)), intents(200, 1 + 9 * (seed % 7))
        files = cut_off(tmp_path, flushed=before, lost=after, seed=seed)
        with closing(Record.open(tmp_path / directories.NAME, offload=inline)) as record:
            assert list(record.events()) == (before + after if files.is_committed else before)
            record.append(ev.Noted(at=2.0, name="a.b", text="goes on"))
        with closing(Record.open(tmp_path / directories.NAME, offload=inline)) as record:
            assert len(list(record.events())) == 1 + len(before) + len(after) * files.is_committed

    @pytest.mark.parametrize("seed", range(8))
    def test_a_reader_leaves_it_as_it_is(self, tmp_path: Path, seed: int) -> None:
        """`report` and `verify` read a copy, and roll that back."""
        before = intents(1, 20)
        files = cut_off(tmp_path, flushed=before, lost=intents(200, 20), seed=seed)
        with reading(tmp_path) as opened:
            assert len(list(opened.record.events())) == 20 + 20 * files.is_committed
        assert (tmp_path / directories.NAME).read_bytes() == files.database
        assert (tmp_path / f"{directories.NAME}-journal").read_bytes() == files.journal
