"""Objects as YAML, with their comments; the YAML is made by a library, never by putting text together."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from orchestrator.cluster.objects import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.cluster.workload import Manifest

_M = TypeVar("_M", bound=Model)
WIDTH: Final = 110
COMMAND: Final = "kubectl "
_STEP: Final = 2
# YAML 1.1, which the cluster's tools read, takes these for truth values or numbers where a text is meant.
_AMBIGUOUS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ""})


def to_yaml(objects: Sequence[Manifest], *, header: str) -> str:
    """All `objects` as one stream of YAML documents under a `header` comment."""
    stream = io.StringIO()
    stream.writelines(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    for each in objects:
        stream.write("---\n")
        stream.write(_commented(each.about, 0))
        _writer().dump(_tree(each, 0), stream)
    return stream.getvalue()


def silent(model: _M) -> _M:
    """`model` without its comments."""
    changes = {
        each.name: _silent(getattr(model, each.name)) for each in fields(model) if not each.metadata and each.init
    }
    return replace(model, about="", why={}, **changes)


def _silent(value: Any) -> Any:
    if isinstance(value, Model):
        return silent(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_silent(part) for part in value]
    return value


def _writer() -> YAML:
    writer = YAML()
    writer.width = 4096  # an argument stays on its line
    writer.indent(mapping=_STEP, sequence=2 * _STEP, offset=_STEP)
    return writer


def _parts(model: Model) -> Iterable[tuple[str, str, Any]]:
    """Name in the API, name here, and value of each field that has one."""
    for each in fields(model):
        value = getattr(model, each.name)
        if not each.metadata and value is not None:
            yield _camel(each.name), each.name, value


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _tree(value: object, column: int) -> Any:
    """`value` as the library's commented tree; `column` is where its keys stand."""
    match value:
        case Model():
            return _model(value, column)
        case Mapping():
            return CommentedMap((_tree(key, column), _tree(part, column + _STEP)) for key, part in value.items())
        case str():
            return _scalar(value)
        case Sequence():
            return _sequence(value, column)
        case _:
            return value


def _model(model: Model, column: int) -> CommentedMap:
    tree = CommentedMap()
    for name, here, value in _parts(model):
        tree[name] = _tree(value, column + _STEP)
        if why := model.why.get(here):
            tree.yaml_set_comment_before_after_key(name, before=_wrapped(why, column), indent=column)
    return tree


def _sequence(values: Sequence[object], column: int) -> CommentedSeq:
    tree = CommentedSeq()
    for place, value in enumerate(values):
        tree.append(_tree(value, column + _STEP))
        if isinstance(value, Model) and value.about:
            tree.yaml_set_comment_before_after_key(place, before=_wrapped(value.about, column), indent=column)
    if all(isinstance(value, int) for value in values):
        tree.fa.set_flow_style()
    return tree


def _scalar(text: str) -> Any:
    if "\n" in text:
        # A block reads well, but a carriage return in it would come back as a line feed.
        plain = all(letter.isprintable() or letter in "\n\t" for letter in text)
        return LiteralScalarString(text) if plain else DoubleQuotedScalarString(text)
    if text.lower() in _AMBIGUOUS or not (text[0].isalpha() or text[0] == "/"):
        return DoubleQuotedScalarString(text)
    return text


def _wrapped(text: str, column: int) -> str:
    """`text` in lines that fit; a command stays whole, so that it can be copied."""
    lines: list[str] = []
    for part in text.splitlines():
        lines += [part] if COMMAND in part else textwrap.wrap(part, WIDTH - column) or [""]
    return "\n".join(lines)


def _commented(text: str, column: int) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in _wrapped(text, column).splitlines())
