"""What is wrong with a job file: collected, told once for each key, each with its line and its remedy."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from orchestrator.engine.idfile import show
from orchestrator.errors import InputError
from orchestrator.job.spec import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from orchestrator.job.reader import Node

Path: TypeAlias = tuple[str | int, ...]

MAX_TOLD: Final = 100

_LAST: Final = 1 << 40  # options of the command line are told after all lines of the file

_UNION_TAGS: Final = frozenset({"share", "word"})
_KINDS: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list, such as [a, b]",
    "dict_type": "a section of keys and values",
    "model_type": "a section of keys and values",
    "is_instance_of": "text",
}
_BOUNDS: Final = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
}


@dataclass(slots=True)
class Problems:
    """Finished lines, in the order of the file; one key is complained about once."""

    _found: list[tuple[int, str]] = field(default_factory=list)
    _paths: list[Path] = field(default_factory=list)

    def add(self, node: Node, path: Path, message: str, *, told: Path | None = None) -> None:
        """Note that the value at `path`, which stands where `node` does, is wrong; told under `told`, if given."""
        self._paths.append(path)
        name = dotted(path if told is None else told)
        key = f"{name}: " if name else ""
        self._found.append((node.line or _LAST, f"{node.origin}: {key}{message}"))

    def tell(self, line: str, *, number: int = _LAST) -> None:
        """Note a finished line that is about no key."""
        self._found.append((number, line))

    def covers(self, path: Path) -> bool:
        """Whether `path`, something in it or something around it was complained about."""
        return any(path[: len(bad)] == bad or bad[: len(path)] == path for bad in self._paths)

    def __len__(self) -> int:
        return len(self._found)

    def error(self) -> InputError:
        """All of them as one error, as far as a person would read."""
        lines = [line for _, line in sorted(self._found, key=lambda found: found[0])]
        more = [f"and {len(lines) - MAX_TOLD:,} more"] if len(lines) > MAX_TOLD else []
        return InputError(*lines[:MAX_TOLD], *more)


def dotted(path: Path) -> str:
    """`tasks.ids[3]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_bounded(part)}" if text else _bounded(part)
    return text


def find(root: Node, path: Sequence[str | int]) -> tuple[Node, Path]:
    """The node at `path`, or the nearest one around it where there is none; and the path as the file has it."""
    node, clean = root, []
    for part in path:
        if isinstance(node.value, dict) and part in node.value:
            node = node.value[str(part)]
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif part in _UNION_TAGS:
            continue
        clean.append(part)
    return node, tuple(clean)


def translate(error: ErrorDetails, node: Node, path: Path) -> str:
    """One complaint of the models in words for people."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    text = error["msg"]
    match kind:
        case "extra_forbidden":
            text = f"unknown key {show(path[-1])}; {_suggest(path)}"
        case "missing":
            text = f"missing; add {path[-1]}: …"
        case "value_error":
            text = str(context["error"])
        case "string_type":
            text = _not_text(node)
        case "literal_error":
            text = _choices(value, str(context["expected"]))
        case "too_short":
            text = "must not be empty; name at least one, or leave the key out"
        case _ if kind in _BOUNDS:
            words, bound = _BOUNDS[kind]
            text = f"{_written(node, value)} is out of range; it must be {words} {context[bound]:,.12g}"
        case _ if kind in _KINDS:
            text = f"{_written(node, value)} will not do; it must be {_KINDS[kind]}"
        case _:
            pass
    return text


def _bounded(key: str) -> str:
    return key if key.isidentifier() and len(key) <= 40 else show(key)  # noqa: PLR2004  no key of ours is as long


def _not_text(node: Node) -> str:
    if isinstance(node.value, (list, dict)) or not node.text:
        return "must be text; write it behind the key, in quotes"
    return f'{_shown(node.text)} is read as a number or a word of YAML, not as text; quote it: "{_shown(node.text)}"'


def _written(node: Node, value: object) -> str:
    return show(node.text if node.text and not node.filled else value)


def _shown(text: str) -> str:
    return show(text)[1:-1]


def _choices(value: object, expected: str) -> str:
    words = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
    near = difflib.get_close_matches(str(value), words, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{show(value)} is none of {', '.join(words)}{hint}"


def _suggest(path: Path) -> str:
    """What an unknown key may have meant: a key of its section, else the same key of another one."""
    *around, key = map(str, path)
    known = list(SECTIONS[tuple(around)].model_fields)
    wanted = key.lower().replace("-", "_")
    near = difflib.get_close_matches(wanted, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    elsewhere = {
        other: ".".join((*section, other)) for section, model in SECTIONS.items() for other in model.model_fields
    }
    near = difflib.get_close_matches(wanted, elsewhere, n=1)
    return f"did you mean {elsewhere[near[0]]}?" if near else f"known here: {', '.join(known)}"
