"""Promises of the models: the engine's names and defaults, and the contract's bounds."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from orchestrator.dcs.states import DEFAULT_STOP_STATES
from orchestrator.engine.options import LimitOptions, PaceOptions, PollOptions, RetryOptions, SubmitOptions
from orchestrator.job.spec import STOP_STATES, JobSpec, Limits, Pace, Poll, Retry, Section, Shard, Submit


class TestDefaults:
    @pytest.mark.parametrize(
        ("section", "options"),
        [
            (Submit, SubmitOptions),
            (Pace, PaceOptions),
            (Retry, RetryOptions),
            (Poll, PollOptions),
            (Limits, LimitOptions),
        ],
    )
    def test_are_the_engines(self, section: type[Section], options: type[Any]) -> None:
        assert dict(section()) == dataclasses.asdict(options())

    def test_stop_states_are_those_of_the_service(self) -> None:
        assert set(STOP_STATES) == DEFAULT_STOP_STATES

    def test_every_key_has_a_sentence(self) -> None:
        def models(model: type[BaseModel]) -> set[type[BaseModel]]:
            found = {model}
            for field in model.model_fields.values():
                if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                    found |= models(field.annotation)
            return found

        for model in models(JobSpec):
            assert model.__doc__
            for name, field in model.model_fields.items():
                assert field.description, f"{model.__name__}.{name}"


class TestBounds:
    @pytest.mark.parametrize(
        ("section", "values"),
        [
            ("submit", {"batch_size": 0}),
            ("submit", {"batch_size": 51}),
            ("submit", {"workers": 257}),
            ("submit", {"workers": 2.0}),
            ("pace", {"requests_per_second": 0}),
            ("pace", {"requests_per_second": float("inf")}),
            ("pace", {"learn": "yes"}),
            ("retry", {"attempts": 0}),
            ("retry", {"max_backoff": 0}),
            ("poll", {"interval": "0s"}),
            ("limits", {"max_tasks": "5"}),
            ("limits", {"canary": -1}),
            ("tasks", {"stop_states": []}),
            ("tasks", {"stop_states": ["TERMINATED"]}),
            ("tasks", {"stop_states": ["TERMINATING"]}),
            ("tasks", {"stop_states": ["migrating"]}),
            ("tasks", {"stop_states": ["MIGRATING", "MIGRATING"]}),
            ("output", {"dir": None}),
            ("output", {"formats": ["csv", "csv"]}),
            ("service", {"project_id": "a/b"}),
            ("shard", {"index": 0}),
            ("shard", "some"),
        ],
    )
    def test_hold(self, section: str, values: object) -> None:
        with pytest.raises(ValidationError):
            JobSpec.model_validate({"version": 1, section: values})

    @pytest.mark.parametrize("version", [True, "1", 1.0, 2, None])
    def test_only_one_version_is_read(self, version: object) -> None:
        with pytest.raises(ValidationError, match="write version: 1"):
            JobSpec.model_validate({"version": version})

    @pytest.mark.parametrize("name", ["a/b", "-a", "a" * 64, "ä", "a\n"])
    def test_names_are_plain_words(self, name: str) -> None:
        with pytest.raises(ValidationError, match="is not a name"):
            JobSpec(version=1, name=name)

    def test_a_reason_is_one_line(self) -> None:
        assert JobSpec(version=1, reason="Grund: Ümzug").reason == "Grund: Ümzug"
        with pytest.raises(ValidationError, match="one line"):
            JobSpec(version=1, reason="a\nb")


class TestShards:
    @pytest.mark.parametrize(
        ("given", "share"), [("none", None), (None, None), ("auto", None), ({"index": 1, "count": 4}, (1, 4))]
    )
    def test_are_named_or_none(self, given: object, share: tuple[int, int] | None) -> None:
        assert JobSpec.model_validate({"version": 1, "shard": given}).share == share

    def test_may_be_given_as_one(self) -> None:
        assert JobSpec(version=1, shard=Shard(index=0, count=2)).share == (0, 2)


def test_entries_are_named_plainly_where_their_lines_are_not_known() -> None:
    assert JobSpec(version=1).place("exclude")(3) == "tasks.exclude[3]"
