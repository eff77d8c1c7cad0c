"""The job file's JSON Schema, for editors: completion, descriptions, checks while typing."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.job.spec import JobSpec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_VARIABLE: Final[dict[str, Any]] = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}
_TOLD: Final = ("description", "default", "examples")
_NEVER_TEXT: Final = frozenset({"array", "object", "null"})


def schema() -> dict[str, Any]:
    """A schema of draft 2020-12, made from the models. Where a value may come from a variable, it says so."""
    job = JobSpec.model_json_schema(mode="validation")
    defaults = JobSpec(version=1).model_dump(mode="json")
    _finish(job["properties"], {key: value for key, value in defaults.items() if key not in job["$defs"]})
    for name, section in job["$defs"].items():
        _finish(section["properties"], defaults.get(name.lower(), {}))
        del section["title"]
    return {**job, "$schema": DIALECT, "title": "Job file of orchestrator"}


def _finish(properties: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Variables allowed, defaults as people write them (`5m`, `50%`), no titles that only repeat the key."""
    for key, value in properties.items():
        value.pop("title", None)
        if key in defaults and not isinstance(defaults[key], dict):
            value["default"] = defaults[key]
        properties[key] = _or_variable(value)


def _or_variable(value: dict[str, Any]) -> dict[str, Any]:
    """The same, or `${VAR}` in place of a number, a switch or a choice. Any other text is open to it already."""
    told = {key: value[key] for key in value if key in _TOLD}
    shape = {key: value[key] for key in value if key not in _TOLD}
    kinds = value.get("anyOf", [shape])
    return {"anyOf": [*kinds, _VARIABLE], **told} if any(map(_is_closed, kinds)) else value


def _is_closed(kind: dict[str, Any]) -> bool:
    if "$ref" in kind or "const" in kind or kind.get("type") in _NEVER_TEXT:
        return False
    return kind.get("type") != "string" or "enum" in kind or "pattern" in kind or kind.get("format") == "date-time"
