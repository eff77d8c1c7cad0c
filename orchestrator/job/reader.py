"""YAML 1.2 in, a tree of values that know their lines out.

The tree is built from the parser's events and not by a YAML library's own constructor: so every value keeps the line
it stands on and the very text that was written, duplicate keys, tags and anchors are judged here, and no file, however
hostile, costs more than its size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from orchestrator.engine.idfile import show

if TYPE_CHECKING:
    from collections.abc import Iterator

Scalar: TypeAlias = str | int | float | bool | None

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 20  # collections in collections; a job file needs four
MAX_COPIES: Final = 10_000  # values that aliases may repeat, all together
MAX_DIGITS: Final = 400  # a longer number is text
MAX_MESSAGE: Final = 300  # characters; the parser repeats what it stumbles over, however long

_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STR_TAGS: Final = ("tag:yaml.org,2002:str", "!")


@dataclass(slots=True, eq=False)
class Node:
    """One value of the file: a scalar, a list or a mapping of nodes. `text` is what was written, for scalars."""

    value: Scalar | list[Node] | dict[str, Node]
    name: str  # the file, or the option of the command line that gave it
    line: int  # of its key, where it has one; 0 where `name` has no lines
    text: str = ""
    filled: bool = False  # variables were replaced in it
    size: int = 1  # nodes in it, itself included

    @property
    def origin(self) -> str:
        """Where it stands: `job.yaml:7`."""
        return f"{self.name}:{self.line}" if self.line else self.name


class YamlError(Exception):
    """The text is not the YAML that a job file is made of; `problems` are finished lines."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def read_yaml(text: str, *, name: str, numbered: bool = True) -> Node:
    """Parse one YAML document.

    Args:
        text: The document.
        name: The file's name, or what else to call the origin.
        numbered: Whether values remember their line.

    Raises:
        YamlError: Not YAML, more than one document, a duplicate key, a tag, an alias that repeats too much.

    """
    builder = _Builder(name, numbered=numbered)
    for event in _events(text, builder):
        builder.add(event)
    return builder.result()


def plain(text: str) -> Scalar:
    """What an unquoted scalar means by the core schema: https://yaml.org/spec/1.2.2/#103-core-schema."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL_FLOAT.fullmatch(text):
        return float("nan") if special[3] else float(f"{special[1]}inf")
    return text


def _events(text: str, builder: _Builder) -> Iterator[Any]:
    """The parser's events; its errors, and those of its own that hostile text provokes, become ours."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        what = error.problem or error.context or "not YAML"
        where = f" (while {error.context.removeprefix('while ')})" if error.problem and error.context else ""
        mark = error.problem_mark or error.context_mark
        hint = _hint(what, text, mark)
        raise builder.error(f"not YAML: {what}{where}; {hint}", mark) from error
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = f"not YAML: the character {_code(error.character)} may not stand in it; save the file as plain UTF-8"
        raise builder.error(message, line=line) from error
    # The scanner converts escapes and version numbers unguarded: "\U99999999", "%YAML 1.99999…".
    except (YAMLError, ValueError, OverflowError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise builder.error(f"not YAML: {error}", line=builder.line) from error


def _hint(what: str, text: str, mark: Any) -> str:
    if "\\t" in what:
        return "indent with spaces, not tabs"
    if "sequence entries" in what:
        return 'quote a "-" that is a value, and begin lists on a line of their own'
    if mark is not None and "${" in text[mark.index - mark.column :].partition("\n")[0]:
        return "quote values with ${…} that stand inside [ ] or { }"
    return "look at this line and the one before it"


def _bounded(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else message[:MAX_MESSAGE] + "…"


def _code(character: object) -> str:
    return f"U+{character:04X}" if isinstance(character, int) else repr(character)


class _Builder:
    """Builds the tree event by event, without recursion."""

    def __init__(self, name: str, *, numbered: bool) -> None:
        self.line = 1  # of the event given last
        self._name = name
        self._numbered = numbered
        self._root: Node | None = None
        self._documents = 0
        self._open: list[tuple[Node, Node | None]] = []  # the collections we are in, each with the key that waits
        self._anchors: dict[str, Node | None] = {}  # None: not complete yet
        self._names: list[str | None] = []  # the anchors of the collections we are in
        self._copies = 0
        self._duplicates: list[str] = []

    def error(self, message: str, mark: Any = None, *, line: int | None = None) -> YamlError:
        """An error at `mark`, or at `line`; duplicate keys found so far are told with it."""
        number = line if line is not None else (mark.line + 1 if mark is not None else self.line)
        return YamlError(*self._duplicates, f"{self._origin(number)}: {_bounded(message)}")

    def result(self) -> Node:
        """The whole document; a mapping without keys where there is nothing."""
        if self._duplicates:
            raise YamlError(*self._duplicates)
        return self._root or Node(None, self._name, 1)

    def add(self, event: Any) -> None:
        """Take one event of the parser."""
        self.line = event.start_mark.line + 1
        match type(event).__name__:
            case "DocumentStartEvent":
                self._document(event)
            case "ScalarEvent":
                self._put(self._scalar(event), event.anchor)
            case "AliasEvent":
                self._put(self._alias(event.anchor), None)
            case "MappingStartEvent":
                self._start(self._node({}), event)
            case "SequenceStartEvent":
                self._start(self._node([]), event)
            case "MappingEndEvent" | "SequenceEndEvent":
                node, _ = self._open.pop()
                self._put(node, self._names.pop())
            case _:
                pass  # the stream's and the document's end

    def _origin(self, line: int) -> str:
        return f"{self._name}:{line}" if self._numbered else self._name

    def _node(self, value: Scalar | list[Node] | dict[str, Node], text: str = "") -> Node:
        return Node(value, self._name, self.line if self._numbered else 0, text)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self.error("a second document begins here; a job file is one document, remove the ---")
        if event.version not in (None, (1, 2)):
            raise self.error("the job file is read as YAML 1.2; remove the %YAML line")

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        if event.tag not in (None, *_STR_TAGS):
            raise self.error(f"the tag {event.tag} is not read here; remove it")
        if any("\ud800" <= character <= "\udfff" for character in text):
            text = self._joined(text)
        value = plain(text) if event.style is None and event.tag is None else text
        return self._node(value, text)

    def _joined(self, text: str) -> str:
        """JSON escapes write some characters in two halves; the scanner leaves them so."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise self.error("an escape here is half a character; write the character itself") from error

    def _alias(self, anchor: str) -> Node:
        if anchor not in self._anchors:
            raise self.error(f"*{anchor} refers to no anchor before it; define &{anchor} first")
        target = self._anchors[anchor]
        if target is None:
            raise self.error(f"*{anchor} stands inside of what it refers to; write the value out")
        self._copies += target.size
        if self._copies > MAX_COPIES:
            raise self.error(f"aliases repeat more than {MAX_COPIES:,} values; write them out, or use tasks.file")
        return replace(target)  # it has a key, and so a line, of its own

    def _start(self, node: Node, event: Any) -> None:
        if event.tag is not None:
            raise self.error(f"the tag {event.tag} is not read here; remove it")
        if len(self._open) >= MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels deep; a job file needs four")
        self._open.append((node, None))
        self._names.append(event.anchor)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent, key = self._open[-1]
        parent.size += node.size
        match parent.value:
            case list(items):
                items.append(node)
            case dict(entries):
                if key is None:
                    self._open[-1] = (parent, self._key(node, entries))
                else:
                    node.line = key.line
                    entries[key.text] = node
                    self._open[-1] = (parent, None)
            case _:  # pragma: no cover  only collections are opened
                raise TypeError(parent.value)

    def _key(self, node: Node, entries: dict[str, Node]) -> Node:
        if isinstance(node.value, (list, dict)):
            raise self.error("a key must be a word, not a list or a mapping")
        if node.text in entries:
            self._duplicates.append(
                f"{self._origin(self.line)}: the key {show(node.text)} stands here for the second time "
                f"(first: {entries[node.text].origin}); keep one of them"
            )
        return node
