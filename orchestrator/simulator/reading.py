"""Reads plain data (from YAML or JSON) into frozen dataclasses, and names every problem at once."""

import dataclasses
import types
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_UNREADABLE = object()


def read(kind: type[_T], mapping: Mapping[str, Any]) -> _T:
    """Make a `kind` of what the mapping says.

    Raises:
        ValueError: Unknown keys (with a suggestion), values of a wrong type, values out of range: all of them.

    """
    problems: list[str] = []
    value = _dataclass(kind, mapping, "", problems)
    if problems:
        raise ValueError("simulator: " + "; ".join(problems))
    return cast("_T", value)  # no problems: it is one


def _dataclass(kind: type[Any], data: object, path: str, problems: list[str]) -> object:
    fields = {f.name: f for f in dataclasses.fields(kind)}
    if "median" in fields and _is_number(data):
        data = {"median": data}  # a plain number is a duration that does not vary
    if not isinstance(data, Mapping):
        problems.append(f"{path or 'the options'}: expected a mapping, got {_shown(data)}")
        return _UNREADABLE
    hints = get_type_hints(kind)
    before = len(problems)
    values: dict[str, object] = {}
    for key, item in data.items():
        where = f"{path}.{key}" if path else f"{key}"
        if key in fields:
            values[key] = _value(hints[key], item, where, problems)
        else:
            problems.append(_unknown_key(where, f"{key}", list(fields)))
    needed = [name for name, f in fields.items() if _is_required(f) and name not in data]
    problems += [f"{path}.{name}: is missing" for name in needed]
    if len(problems) > before:
        return _UNREADABLE
    try:
        return kind(**values)
    except ValueError as error:  # raised by the options themselves, for values out of range
        problems.append(str(error).removeprefix("simulator: "))
        return _UNREADABLE


def _value(hint: Any, data: object, path: str, problems: list[str]) -> object:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return _either(hint, data, path, problems)
    if origin is Literal:
        return _choice([str(option) for option in get_args(hint)], data, path, problems)
    if origin is not None:  # a tuple or a mapping of values of one kind
        return _several(origin, get_args(hint), data, path, problems)
    if dataclasses.is_dataclass(hint):
        return _dataclass(cast("type[Any]", hint), data, path, problems)
    return _plain(hint, data, path, problems)


def _several(origin: Any, hints: tuple[Any, ...], data: object, path: str, problems: list[str]) -> object:
    if origin is tuple and isinstance(data, list | tuple):
        return tuple(_value(hints[0], item, f"{path}[{i}]", problems) for i, item in enumerate(data))
    if origin is not tuple and isinstance(data, Mapping):
        return {f"{key}": _value(hints[1], item, f"{path}.{key}", problems) for key, item in data.items()}
    problems.append(f"{path}: expected a {'list' if origin is tuple else 'mapping'}, got {_shown(data)}")
    return _UNREADABLE


def _either(hint: Any, data: object, path: str, problems: list[str]) -> object:
    options = get_args(hint)
    if data is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1:
        return _value(rest[0], data, path, problems)
    return _choice([str(word) for option in rest for word in get_args(option)], data, path, problems)


def _choice(words: list[str], data: object, path: str, problems: list[str]) -> object:
    if data in words:
        return data
    problems.append(f"{path}: expected one of {', '.join(words)}; got {_shown(data)}{_hint(data, words)}")
    return _UNREADABLE


def _plain(kind: type[Any], data: object, path: str, problems: list[str]) -> object:
    if kind is float and _is_number(data):
        return float(cast("float", data))
    if kind is int and _is_number(data) and data == int(cast("float", data)):
        return int(cast("float", data))
    if kind in {str, bool} and isinstance(data, kind):
        return data
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    problems.append(f"{path}: expected {words[kind]}, got {_shown(data)}")
    return _UNREADABLE


def _is_number(data: object) -> bool:
    is_real = isinstance(data, int | float) and not isinstance(data, bool)
    return is_real and abs(cast("float", data)) < 1e300  # noqa: PLR2004  neither inf nor nan nor a monster


def _is_required(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _unknown_key(where: str, key: str, known: list[str]) -> str:
    return f"{where}: no such option{_hint(key, known) or '; there are ' + ', '.join(known)}"


def _hint(data: object, words: list[str]) -> str:
    close = get_close_matches(data, words, n=1) if isinstance(data, str) else []
    return f"; did you mean {close[0]}?" if close else ""


def _shown(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 40 else text[:37] + "…"  # noqa: PLR2004  enough to find it by
