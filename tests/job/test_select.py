"""Promises of job/select.py: what `tasks.where` takes, and what makes two selections the same input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.dcs.details import TaskDetails
from orchestrator.job.loader import load_job
from orchestrator.job.select import Selector, describe, selection_digest
from orchestrator.job.spec import JobSpec, Where

if TYPE_CHECKING:
    from pathlib import Path

TASK = TaskDetails(
    task_id="t1",
    status="INCRMIGRATING",
    name="nightly-7",
    created_at="2019/10/22 14:44:30",
    source_instance_id="s1",
    target_instance_id="d1",
)


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        ({"status": ["INCRMIGEATING"]}, True),
        ({"status": ["incrmigrating", "MIGRATING"]}, True),
        ({"status": ["MIGRATING"]}, False),
        ({"name": "nightly-*"}, True),
        ({"name": "NIGHTLY-*"}, False),
        ({"name": "nightly"}, False),
        ({"source_instance_id": "s1", "target_instance_id": "d1"}, True),
        ({"source_instance_id": "s2"}, False),
        ({"created_before": "2019-10-22"}, False),
        ({"created_before": "2019-10-22T14:44:31Z"}, True),
        ({"created_after": "2019-10-22T14:44:30Z", "created_before": "2019-10-23"}, True),
        ({"created_after": "2019-10-22T23:00:00+08:00"}, False),
        ({"name": "nightly-*", "status": ["FAILED"]}, False),
    ],
)
def test_all_that_is_asked_must_hold(where: dict[str, Any], *, taken: bool) -> None:
    assert Selector(Where.model_validate(where)).takes(TASK) is taken


def test_tasks_without_a_readable_time_are_passed_over_and_counted() -> None:
    selector = Selector(Where.model_validate({"created_after": "2019-01-01"}))
    assert not selector.takes(TASK._replace(created_at="some day"))
    assert selector.undated == 1


@pytest.mark.parametrize("task", [TASK._replace(task_id=""), TASK._replace(status="DELETED")])
def test_what_is_no_task_is_never_taken(task: TaskDetails) -> None:
    assert not Selector(Where(name="*")).takes(task)


def test_is_described_in_words() -> None:
    where = Where.model_validate({"status": ["A", "B"], "name": "n*", "created_after": "2019-01-01"})
    assert describe(where) == "status A or B, name n*, created_after 2019-01-01T00:00:00+00:00"


class TestDigest:
    def spec(self, tmp_path: Path, *overrides: str) -> JobSpec:
        path = tmp_path / "job.yaml"
        path.write_text("version: 1\nservice: {region: cn-north-4, project_id: p}\ntasks: {where: {name: a*}}\n")
        return load_job(path, overrides=overrides, environ={})

    def test_is_of_the_question_not_of_its_form(self, tmp_path: Path) -> None:
        one = self.spec(tmp_path, "tasks.where.status=[INCRMIGRATING, FAILED]", "tasks.exclude=[x, y]")
        two = self.spec(tmp_path, "tasks.where.status=[FAILED, INCRMIGEATING]", "tasks.exclude=[y, x]")
        assert selection_digest(one) == selection_digest(two)
        assert selection_digest(one).startswith("where:")

    @pytest.mark.parametrize(
        "override", ["tasks.where.name=b*", "tasks.exclude=[x]", "shard={index: 0, count: 2}", "tasks.where.status=[A]"]
    )
    def test_differs_where_the_question_does(self, tmp_path: Path, override: str) -> None:
        assert selection_digest(self.spec(tmp_path)) != selection_digest(self.spec(tmp_path, override))

    def test_is_of_selections_only(self) -> None:
        with pytest.raises(TypeError):
            selection_digest(JobSpec(version=1))
