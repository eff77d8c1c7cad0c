"""The options are the job file's sections, and take no nonsense."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from orchestrator import (
    InputError,
    LimitOptions,
    PaceOptions,
    PollOptions,
    RetryOptions,
    RunOptions,
    SubmitOptions,
)
from orchestrator.job import spec

SECTIONS = [
    (SubmitOptions, spec.Submit),
    (PaceOptions, spec.Pace),
    (RetryOptions, spec.Retry),
    (PollOptions, spec.Poll),
    (LimitOptions, spec.Limits),
]


class TestSections:
    @pytest.mark.parametrize(("options", "section"), SECTIONS, ids=lambda kind: kind.__name__)
    def test_same_names_same_defaults(self, options: Any, section: Any) -> None:
        """What a job file can say of a run, the library can."""
        ours = {field.name: field.default for field in dataclasses.fields(options)}
        assert ours == {name: field.default for name, field in section.model_fields.items()}

    @pytest.mark.parametrize("options", [*(kind for kind, _ in SECTIONS), RunOptions])
    def test_they_are_frozen_and_named(self, options: Any) -> None:
        """One value may serve many runs, and nobody counts positions."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(options(), dataclasses.fields(options)[0].name, 1)
        with pytest.raises(TypeError):
            options(1)
        assert options() == options()


class TestNonsense:
    @pytest.mark.parametrize(
        ("options", "given", "said"),
        [
            (SubmitOptions, {"workers": 0}, "submit.workers: 0 will not do; it must be a number, 1 or more"),
            (SubmitOptions, {"batch_size": "50"}, "submit.batch_size: '50' will not do"),
            (PaceOptions, {"requests_per_second": 0}, "pace.requests_per_second: 0 will not do; .* more than 0"),
            (PaceOptions, {"burst": 0}, "pace.burst"),
            (RetryOptions, {"attempts": 0}, "retry.attempts"),
            (PollOptions, {"interval": 0.0}, "poll.interval"),
            (LimitOptions, {"deadline": math.nan}, "limits.deadline: nan"),
            (LimitOptions, {"max_failures": 1.5}, r"limits.max_failures: 1.5 .* a share from 0.0 to 1.0"),
            (LimitOptions, {"max_failures": -1}, "limits.max_failures: -1 .* 0 or more"),
        ],
    )
    def test_is_refused_when_it_is_said(self, options: Any, given: dict[str, Any], said: str) -> None:
        """With the name that the job file has for it, before anything begins."""
        with pytest.raises(InputError, match=said):
            options(**given)

    def test_all_of_it_at_once(self) -> None:
        """One problem a line."""
        with pytest.raises(InputError) as caught:
            PollOptions(interval=0, confirmations=0)
        assert len(caught.value.problems) == 2

    def test_a_count_and_a_share_of_failures_are_told_apart(self) -> None:
        """By their type, as the docstring says."""
        assert LimitOptions(max_failures=100).max_failures == 100
        assert LimitOptions(max_failures=1.0).max_failures == 1.0
