"""Promises of the values: what a person may write for a duration, a share, a moment."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from orchestrator.job.values import (
    LONGEST,
    EnvText,
    Moment,
    OptionalPath,
    PositiveDuration,
    format_duration,
    format_failures,
    from_environment,
    parse_duration,
    parse_failures,
    settle,
)


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            *(("500ms", 0.5), ("10s", 10), ("5m", 300), ("1h30m", 5400), ("1h1m1s1ms", 3661.001), ("1.5h", 5400)),
            *((10, 10), (0.25, 0.25), (0, 0), ("0s", 0), ("7", 7), ("48h", 172_800)),
        ],
    )
    def test_are_read_in_every_form(self, text: object, seconds: float) -> None:
        assert parse_duration(text) == seconds

    @pytest.mark.parametrize(
        "bad",
        [
            *("", "1:30", "5 m", "1d", "m", "5m1h", "-3s", "1e3s", "१s", " 5s", True, None, [], -1, "5mm", "1h1h"),
            *(float("nan"), float("inf"), float("-inf"), "999999999h", LONGEST + 1),
        ],
    )
    def test_are_refused_in_words(self, bad: object) -> None:
        with pytest.raises(ValueError, match=r"is not a duration; write 500ms|below zero|longer than a year"):
            parse_duration(bad)

    @pytest.mark.parametrize("sign", [1, -1])
    def test_are_refused_where_no_float_could_hold_them(self, sign: int) -> None:
        with pytest.raises(ValueError, match=r"below zero|longer than a year"):
            parse_duration(sign * 10**400)

    @settings(deadline=None)
    @given(st.integers(0, int(LONGEST) * 1_000))
    def test_come_back_from_their_text(self, milliseconds: int) -> None:
        seconds = round(milliseconds / 1_000, 3)
        assert parse_duration(format_duration(seconds)) == seconds

    @settings(deadline=None)
    @given(st.text() | st.floats() | st.integers() | st.booleans() | st.none())
    def test_never_surprise(self, value: object) -> None:
        with contextlib.suppress(ValueError):
            assert 0 <= parse_duration(value) <= LONGEST

    def test_of_nothing_are_refused_where_they_mean_nothing(self) -> None:
        with pytest.raises(ValidationError, match="longer than zero"):
            TypeAdapter(PositiveDuration).validate_python("0s")


class TestFailures:
    @pytest.mark.parametrize(
        ("text", "value"),
        [("50%", 0.5), ("100%", 1.0), ("0%", 0.0), ("12.5 %", 0.125), (25, 25), (0, 0), (EnvText("3"), 3)],
    )
    def test_are_a_count_or_a_share(self, text: object, value: float) -> None:
        found = parse_failures(text)
        assert found == value
        assert type(found) is type(value)
        assert parse_failures(format_failures(found)) == found

    @pytest.mark.parametrize("bad", [0.5, "0.5", "101%", -1, True, "25", None, "%", EnvText("x"), EnvText("1.5")])
    def test_are_nothing_else(self, bad: object) -> None:
        with pytest.raises(ValueError, match="neither a count nor a share; write 25, or 50%"):
            parse_failures(bad)


class TestEnvironment:
    def test_text_of_a_variable_may_be_a_number(self) -> None:
        assert [from_environment(value) for value in (EnvText("5"), EnvText("true"), EnvText("x"), "5", 5)] == [
            *(5, True, "x", "5", 5)
        ]
        assert settle({"a": [EnvText("5"), {"b": EnvText("")}], "c": "7"}) == {"a": [5, {"b": None}], "c": "7"}


class TestPathsAndMoments:
    def test_an_empty_path_is_none(self) -> None:
        adapter: TypeAdapter[object] = TypeAdapter(OptionalPath)
        assert adapter.validate_python(" ") is None
        assert str(adapter.validate_python("a/b")) == "a/b"
        with pytest.raises(ValidationError, match="NUL"):
            adapter.validate_python("a\0b")
        with pytest.raises(ValidationError):
            adapter.validate_python(5)

    @pytest.mark.parametrize(
        ("text", "iso"),
        [
            ("2026-01-31", "2026-01-31T00:00:00+00:00"),
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
            ("2026-01-31T12:00:00+08:00", "2026-01-31T12:00:00+08:00"),
        ],
    )
    def test_a_moment_has_a_zone(self, text: str, iso: str) -> None:
        assert TypeAdapter(Moment).validate_python(text).isoformat() == iso

    @pytest.mark.parametrize(
        ("text", "what"), [("soon", "is not a time"), ("2026-01-31T12:00", "no zone"), (5, "valid datetime")]
    )
    def test_or_is_refused(self, text: object, what: str) -> None:
        with pytest.raises(ValidationError, match=what):
            TypeAdapter(Moment).validate_python(text, strict=True)
