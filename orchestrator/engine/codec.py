"""Events as text: what the record keeps of each, and back. JSON, so that people can query the record with SQL."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Quota, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        ev.RunStarted,
        ev.Seen,
        ev.Missed,
        ev.Gone,
        ev.BatchIntended,
        ev.BatchAnswered,
        ev.BatchReturned,
        ev.BatchLost,
        ev.BatchSpoiled,
        ev.Resubmitted,
        ev.Rejected,
        ev.Reopened,
        ev.Tallied,
        ev.QuotaLearned,
        ev.CurveLearned,
        ev.ListingRefused,
        ev.Noted,
        ev.RunEnded,
    )
}
_to_json = msgspec.json.Encoder().encode
_NAMES = {kind: [field.name for field in fields(kind) if field.name != "at"] for kind in KINDS.values()}
_OPTIONAL = {kind: {field.name for field in fields(kind) if field.default is not MISSING} for kind in KINDS.values()}


def is_kept(event: ev.Event) -> bool:
    """Whether the record keeps events of this kind; single requests are kept as tallies only."""
    return type(event) in _NAMES


def encode(event: ev.Event) -> tuple[float, str, str]:
    """`(at, kind, body)` of a kept event; empty fields that have a default are left out."""
    optional = _OPTIONAL[type(event)]
    body = {
        name: _plain(value)
        for name in _NAMES[type(event)]
        if (value := getattr(event, name)) not in (None, "", ()) or name not in optional
    }
    try:
        text = _to_json(body).decode()
    except UnicodeEncodeError:  # half a surrogate pair is text to Python, but not to UTF-8: here it is escaped
        text = json.dumps(body, separators=(",", ":"))
    return event.at, type(event).__name__, text


def decode(at: float, kind: str, body: str) -> ev.Event:
    """The event that `encode` was given. Raises `KeyError`, `TypeError` or `ValueError` on anything else."""
    raw: dict[str, Any] = json.loads(body)
    try:
        for name, read in _READERS.items():
            if name in raw:
                raw[name] = read(raw[name])
        event: ev.Event = KINDS[kind](at=at, **raw)
    except AttributeError as error:
        raise ValueError(str(error)) from error
    return event


def _plain(value: Any) -> Any:
    write = _WRITERS.get(type(value))
    return value if write is None else write(value)


def _said(failure: Failure) -> dict[str, Any]:
    parts = ((field, getattr(failure, field.name)) for field in fields(failure))
    return {field.name: _plain(part) for field, part in parts if part != field.default}


_WRITERS: dict[type, Callable[[Any], Any]] = {
    Failure: _said,
    Quota: asdict,
    Ending: attrgetter("value"),
    Verdict: attrgetter("value"),
    dict: lambda value: {key: _plain(part) for key, part in value.items()},
}


def _failure(raw: dict[str, Any]) -> Failure:
    quota = Quota(**raw["quota"]) if raw.get("quota") else None
    return Failure(**{**raw, "verdict": Verdict(raw["verdict"]), "quota": quota})


def _failures(raw: dict[str, Any]) -> dict[int, Failure]:
    return {int(item): _failure(failure) for item, failure in raw.items()}


def _items(raw: Any) -> Any:
    return _failures(raw) if isinstance(raw, dict) else raw


_READERS: dict[str, Callable[[Any], Any]] = {
    "failure": _failure,
    "refused": _failures,
    "rejected": _failures,
    "items": _items,
    "quota": lambda raw: Quota(**raw),
    "ending": Ending,
}
