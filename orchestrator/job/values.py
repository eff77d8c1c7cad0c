"""What single values of the job file look like: durations, shares, numbers, paths, moments."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from orchestrator.engine.idfile import show
from orchestrator.job.reader import plain

LONGEST: Final = 366 * 86_400.0  # seconds; nobody means more, and a mistyped unit is caught
DURATION_PATTERN: Final = (
    r"^(?=.)([0-9]+(\.[0-9]+)?h)?([0-9]+(\.[0-9]+)?m)?([0-9]+(\.[0-9]+)?s)?([0-9]+(\.[0-9]+)?ms)?$"
)

_PART: Final = r"(?:([0-9]{1,12}(?:\.[0-9]{1,12})?)%s)?"
_DURATION: Final = re.compile("(?=.)" + "".join(_PART % unit for unit in ("h", "m", "s", "ms")))
_UNITS: Final = (3_600.0, 60.0, 1.0, 0.001)  # in the order of the pattern; seconds
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_DURATION_FORMS: Final = "500ms, 10s, 5m, 1h30m or a number of seconds"


class EnvText(str):
    """Text that came out of the environment: unlike other text it may stand for a number."""

    __slots__ = ()


def parse_duration(value: object) -> float:
    """Seconds of `500ms`, `10s`, `5m`, `1h30m` or a number, to the millisecond.

    Raises:
        ValueError: None of these, or longer than a year.

    """
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        seconds = sum(float(amount or 0) * unit for amount, unit in zip(match.groups(), _UNITS, strict=True))
    elif isinstance(value, str) and _NUMBER.fullmatch(value):
        seconds = float(value)
    elif type(value) is int or (isinstance(value, float) and not math.isnan(value)):
        seconds = float(max(-1.0, min(value, LONGEST + 1.0)))
    else:
        raise ValueError(f"{show(value)} is not a duration; write {_DURATION_FORMS}")
    if seconds < 0:
        raise ValueError(f"{show(value)} is below zero; write {_DURATION_FORMS}")
    if seconds > LONGEST:
        raise ValueError(f"{show(value)} is longer than a year; is its unit right?")
    return round(seconds, 3)


def format_duration(seconds: float) -> str:
    """What `parse_duration` reads as `seconds`, to the millisecond: `1h30m`."""
    whole, rest = divmod(round(seconds * 1_000), 1_000)
    parts = ((whole // 3_600, "h"), (whole % 3_600 // 60, "m"), (whole % 60, "s"), (rest, "ms"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"


def parse_failures(value: object) -> int | float:
    """A count as `int`, or a share as `float` from 0.0 to 1.0.

    Raises:
        ValueError: Neither.

    """
    if isinstance(value, str) and (match := _SHARE.fullmatch(value)) and float(match[1]) <= 100:  # noqa: PLR2004  percent
        return float(match[1]) / 100
    number = from_environment(value)
    if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
        return number
    raise ValueError(f"{show(value)} is neither a count nor a share; write 25, or 50%")


def format_failures(value: float) -> int | str:
    """What `parse_failures` reads as `value`."""
    return value if isinstance(value, int) else f"{value * 100:.8f}".rstrip("0").rstrip(".") + "%"


def from_environment(value: object) -> object:
    """A number, or whatever else an unquoted value would be, where the text came from a variable."""
    return plain(value) if isinstance(value, EnvText) else value


def settle(value: object) -> object:
    """The same, all the way down."""
    match value:
        case dict():
            return {key: settle(item) for key, item in value.items()}
        case list():
            return [settle(item) for item in value]
        case _:
            return from_environment(value)


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    return seconds


def _nothing(value: object) -> object:
    """Empty text is nothing: `proxy: ${PROXY:-}`."""
    return None if isinstance(value, str) and not value.strip() else value


def _path(value: object) -> object:
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise ValueError("a path cannot have a NUL character in it")
    return Path(value)


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{show(value)} is not a time; write 2026-01-31 or 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        if len(value) > len("2026-01-31"):
            raise ValueError(f"{show(value)} names no zone; end it with Z, or with +08:00")
        return moment.replace(tzinfo=UTC)
    return moment


def _unique(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("something stands in it twice; name each once")
    return values


_DURATION_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": LONGEST}, {"type": "string", "pattern": DURATION_PATTERN}]
}
_FAILURES_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]+)? ?%$"}]
}

_AS_DURATION: Final = PlainSerializer(format_duration, when_used="json")

Duration = Annotated[float, BeforeValidator(parse_duration), _AS_DURATION, WithJsonSchema(_DURATION_SCHEMA)]
PositiveDuration = Annotated[
    float,
    BeforeValidator(parse_duration),
    AfterValidator(_positive),
    _AS_DURATION,
    WithJsonSchema(_DURATION_SCHEMA),
]
Failures = Annotated[
    int | float,
    BeforeValidator(parse_failures),
    PlainSerializer(format_failures, when_used="json"),
    WithJsonSchema(_FAILURES_SCHEMA),
]
Switch = Annotated[bool, BeforeValidator(from_environment)]
FROM_ENVIRONMENT: Final = BeforeValidator(from_environment)  # stands last: bounds before it reach the schema
OptionalText = Annotated[str | None, BeforeValidator(_nothing)]
FilePath = Annotated[Path, BeforeValidator(_path)]
OptionalPath = Annotated[FilePath | None, BeforeValidator(_nothing)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Unique = AfterValidator(_unique)
