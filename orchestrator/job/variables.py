"""Variables in the job file's values, and secrets that must not stand in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orchestrator.engine.idfile import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.job.problems import Path, Problems
    from orchestrator.job.reader import Node

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SECRET_VARIABLE: Final = re.compile(r"(?i)(.*_)?(AK|SK|TOKEN|SECRET|PASSWORD|PASSWD|(ACCESS|SECRET|API)_?KEY)")
_SECRET_KEY: Final = re.compile(
    r"(.*_)?(ak|sk)(_.*)?|.*(token|password|passwd|passphrase|secret|access_?key|api_?key).*"
)
_PASSWORD: Final = re.compile(r"://[^\s/@:]*:([^\s/@]+)@")


class _Unfit(Exception):  # noqa: N818  it never leaves this module
    """A reference that cannot be replaced; the text says why."""


def fill(root: Node, environ: Mapping[str, str], problems: Problems) -> None:
    """Replace `${VAR}` and `${VAR:-default}` in all text values of the tree; `$${` stands for `${`."""
    seen: set[int] = set()
    for path, node in walk(root):
        if isinstance(node.value, str) and "${" in node.value and id(node) not in seen:
            seen.add(id(node))
            try:
                node.value = _replace(node.value, environ)
            except _Unfit as error:
                problems.add(node, path, str(error))
            node.filled = True


def find_secrets(root: Node, problems: Problems) -> None:
    """Complain about keys that are named like secrets, and about passwords in addresses."""
    for path, node in walk(root):
        key = path[-1] if path else ""
        if isinstance(key, str) and is_secret_key(key):
            problems.add(node, path, "no secret may stand in a job file; remove it, see service.credentials")
        elif isinstance(node.value, str) and has_password(node.value):
            problems.add(
                node,
                path,
                "no password may stand in a job file; keep the address in a variable: ${HTTPS_PROXY}",
            )


def is_secret_key(key: str) -> bool:
    """Whether a key of this name would hold a secret."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return _SECRET_KEY.fullmatch(re.sub(r"[^A-Za-z0-9]+", "_", snake).lower()) is not None


def has_password(text: str) -> bool:
    """Whether `text` is an address with a password in it: `http://user:word@proxy:3128`."""
    return any("${" not in password for password in _PASSWORD.findall(text))


def walk(root: Node) -> Iterator[tuple[Path, Node]]:
    """All nodes with their paths, in the order of the file. What an alias repeats comes as often as it stands there."""
    waiting: list[tuple[Path, Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        yield path, node
        match node.value:
            case dict(entries):
                waiting += [((*path, key), child) for key, child in reversed(entries.items())]
            case list(items):
                waiting += [((*path, n), child) for n, child in reversed(list(enumerate(items)))]
            case _:
                pass


def _replace(text: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        variable = _VARIABLE.fullmatch(match[1] or "")
        if variable is None:
            raise _Unfit(f"{show(match[0])} is not ${{NAME}} or ${{NAME:-default}}; write $${{ for a plain ${{")
        name, default = variable[1], variable[2]
        if _SECRET_VARIABLE.fullmatch(name):
            raise _Unfit(
                f"${{{name}}} would bring a secret into the job; credentials are read from the environment "
                "where they are needed, see service.credentials"
            )
        found = environ.get(name)
        if not found and default is not None:
            return str(default)
        if found is None:
            raise _Unfit(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
        return found

    return _REFERENCE.sub(value, text)
