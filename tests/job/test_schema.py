"""Promises of the JSON Schema: every key described, defaults as people write them."""

from __future__ import annotations

import json
import re
from typing import Any

from orchestrator.job.schema import schema
from orchestrator.job.spec import SECTIONS


def properties() -> dict[str, dict[str, Any]]:
    job = schema()
    sections = {"": job, **job["$defs"]}
    return {f"{name}.{key}": value for name, part in sections.items() for key, value in part["properties"].items()}


def test_is_json_of_the_current_dialect() -> None:
    job = schema()
    assert json.loads(json.dumps(job)) == job
    assert job["$schema"].endswith("2020-12/schema")
    assert len(job["$defs"]) == len(SECTIONS) - 1
    assert all(part["additionalProperties"] is False for part in (job, *job["$defs"].values()))
    assert job["required"] == ["version"]


def test_describes_every_key() -> None:
    job = schema()
    for name, value in properties().items():
        told = value.get("description") or job["$defs"][value["$ref"].rpartition("/")[2]]["description"]
        assert told.endswith((".", ")")), name


def test_tells_defaults_as_people_write_them() -> None:
    found = properties()
    assert found["Poll.reissue_after"]["default"] == "5m"
    assert found["Limits.max_failures"]["default"] == "50%"
    assert found["Output.formats"]["default"] == ["json", "csv", "html"]
    assert found["Submit.batch_size"]["default"] == 50


def test_knows_bounds_and_choices() -> None:
    found = properties()
    assert found["Submit.batch_size"]["anyOf"][0] == {"minimum": 1, "maximum": 50, "type": "integer"}
    assert found[".operation"]["anyOf"][0]["enum"] == ["stop", "restart", "delete"]


def test_lets_a_variable_stand_for_anything_but_a_section() -> None:
    found = properties()
    variable = found["Submit.workers"]["anyOf"][-1]["pattern"]
    assert re.search(variable, "${WORKERS:-8}")
    for name in (".operation", "Service.read_timeout", "Limits.max_failures", "Pace.learn", "Pace.burst"):
        assert found[name]["anyOf"][-1]["pattern"] == variable
    assert "anyOf" not in found[".version"]


def test_durations_have_the_forms_of_the_reader() -> None:
    pattern = properties()["Poll.interval"]["anyOf"][1]["pattern"]
    assert all(re.search(pattern, text) for text in ("500ms", "10s", "5m", "1h30m"))
    assert not any(re.search(pattern, text) for text in ("", "1:30", "5", "5 m", "1d"))
