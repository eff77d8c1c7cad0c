"""`--set key.path=value`: values of the command line, laid over the job file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.engine.idfile import show
from orchestrator.job.reader import Node, YamlError, read_yaml
from orchestrator.job.variables import has_password, is_secret_key, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.job.problems import Problems

_SHOWN: Final = 60  # characters of a value that are repeated in a message


def apply_overrides(root: Node, overrides: Sequence[str], problems: Problems) -> None:
    """Lay `overrides` over the tree, in their order; a later one wins."""
    for text in overrides:
        key, equals, raw = text.partition("=")
        path = key.split(".")
        if not equals or not all(part.isidentifier() for part in path):
            what = text if equals else key
            problems.tell(f"--set {show(what if _is_harmless(key, raw) else key)}: write --set key.path=value")
            continue
        try:
            # Alone, a dash would be a list of nothing; it means standard input.
            node = read_yaml('"-"' if raw.strip() == "-" else raw, name="", numbered=False)
        except YamlError:
            problems.tell(f"--set {key}=…: the value is not YAML; quote it: --set '{key}=\"…\"'")
            continue
        origin = _origin(key, raw, node)
        for _, part in walk(node):
            part.name = origin
        _lay(root, path, node, problems)


def _lay(root: Node, path: list[str], node: Node, problems: Problems) -> None:
    around = root
    for depth, part in enumerate(path):
        if around.value is None:  # a section that is not there, or empty
            around.value = {}
        if not isinstance(around.value, dict):
            problems.add(node, (*path[:depth],), "this is a value, not a section; it has no keys of its own")
            return
        if depth == len(path) - 1:
            around.value[part] = node
        else:
            around = around.value.setdefault(part, Node(None, node.name, 0))


def _origin(key: str, raw: str, node: Node) -> str:
    """The option as it was given, bounded, and without its value where that could be a secret."""
    keys = [part for path, _ in walk(node) for part in path if isinstance(part, str)]
    if not _is_harmless(key, raw) or any(map(is_secret_key, keys)):
        return f"--set {key}=…"
    value = raw if raw.isprintable() and len(raw) <= _SHOWN else show(raw[:_SHOWN])
    return f"--set {key}={value}"


def _is_harmless(key: str, raw: str) -> bool:
    return not any(map(is_secret_key, key.split("."))) and not has_password(raw)
