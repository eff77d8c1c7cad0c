"""Promises of the starter: it is accepted as it is, and tells the true defaults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.job.build import read_items
from orchestrator.job.loader import load_job
from orchestrator.job.spec import JobSpec, Output, Section, Service, Tasks
from orchestrator.job.starter import starter

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef"}


def test_is_accepted_where_the_project_is_set(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(starter())
    assert read_items(load_job(path, environ=ENVIRON)).counts.unique == 1


def test_tells_the_true_defaults(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(starter())
    spec = load_job(path, environ=ENVIRON)
    default = JobSpec(version=1)
    for name in ("submit", "pace", "retry", "poll", "limits", "output"):
        assert getattr(spec, name) == getattr(default, name)
    assert spec.tasks.model_copy(update={"ids": []}) == Tasks()
    assert spec.service.model_copy(update={"region": None, "project_id": None}) == Service()


def test_mentions_every_key() -> None:
    """A key that is not available yet is left out."""
    text = starter()
    sections: list[type[Section]] = [JobSpec, Service, Tasks, Output]
    keys = {key for section in sections for key in section.model_fields} - {"where"}
    assert {key for key in keys if not re.search(rf"^ *(# )?{key}:", text, re.MULTILINE)} == set()


def test_works_with_its_comments_in_force(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(re.sub(r"^( *)# (?=[a-z_]+: )", r"\1", starter(), flags=re.MULTILINE))
    spec = load_job(path, environ={**ENVIRON, "HTTPS_PROXY": "http://proxy:3128"})
    assert (spec.name, spec.service.simulator) == ("stop-old-migrations", {"tasks": 500})
