"""Promises of the build: what the job file says is what the engine is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from orchestrator.engine.options import PaceOptions, RunOptions
from orchestrator.errors import InputError
from orchestrator.job.build import pace_options, read_items, run_options
from orchestrator.job.loader import load_job
from orchestrator.job.spec import JobSpec, Limits, Pace, Tasks


class TestOptions:
    def test_of_a_job_that_says_nothing_are_the_engines(self) -> None:
        spec = JobSpec(version=1)
        assert run_options(spec) == RunOptions()
        assert pace_options(spec) == PaceOptions()

    def test_are_what_the_job_says(self) -> None:
        limits = Limits.model_validate({"max_failures": 7, "deadline": "1m"})
        spec = JobSpec(version=1, limits=limits, pace=Pace(requests_per_second=2.5, burst=4))
        assert (run_options(spec).limits.max_failures, run_options(spec).limits.deadline) == (7, 60.0)
        assert pace_options(spec) == PaceOptions(requests_per_second=2.5, burst=4)


class TestItems:
    def test_come_from_ids_and_file(self) -> None:
        tasks = Tasks(ids=["a", "x"], file=Path("-"), exclude=["x"], malformed="skip")
        items = read_items(JobSpec(version=1, tasks=tasks), io.BytesIO(b"b\na\n!\n"))
        assert items.ids == ["a", "b"]
        assert (items.counts.duplicates, items.counts.malformed, items.counts.excluded) == (1, 1, 1)

    def test_that_are_bad_are_named_by_the_job_files_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "job.yaml"
        path.write_text(
            "version: 1\nservice: {region: cn-north-4, project_id: p}\n"
            "tasks:\n  ids:\n    - a\n    - b c\n  exclude: [x, '']\n"
        )
        with pytest.raises(InputError) as caught:
            read_items(load_job(path, environ={}))
        rule = "is not a task id (1 to 64 letters, digits, - or _)"
        assert caught.value.problems == (
            f"{path}:7: tasks.exclude[1]: '' {rule}",
            f"{path}:6: tasks.ids[1]: 'b c' {rule}",
        )

    def test_are_the_shards_share(self) -> None:
        ids = [str(n) for n in range(100)]
        parts = [
            read_items(JobSpec.model_validate({"version": 1, "tasks": {"ids": ids}, "shard": {"index": n, "count": 3}}))
            for n in range(3)
        ]
        assert sorted(item for part in parts for item in part.ids) == sorted(ids)
