"""What the docstrings and the README show runs as it stands."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import orchestrator
from orchestrator import Credentials, DcsClient
from tests.library.stage import PROJECT, ids_of, service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

README = Path(__file__).parents[2] / "README.md"
EXAMPLES_ARE_IN = ("run", "stop_migration_tasks", "restart_migration_tasks", "delete_migration_tasks", "DcsClient")
STATES = {"INCRMIGEATING": 2, "TERMINATED": 1, "SUCCESS": 1}


def blocks(text: str) -> list[str]:
    """The literal blocks of a docstring: indented by four, after a blank line (unlike the lists of arguments)."""
    return re.findall(r"(?<=\n\n)((?:    .*\n|\n)+)", inspect.cleandoc(text))


def readme_blocks() -> list[str]:
    """The README's Python."""
    return re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


async def play(code: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Run `code`, which may await, as a notebook would."""
    compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, namespace)  # noqa: S307  # our own documentation
    if inspect.isawaitable(result):
        await result
    return namespace


@asynccontextmanager
async def surroundings(directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, Any]]:
    """What an example may take for granted: a client, ids, the public names, and credentials in the environment."""
    monkeypatch.chdir(directory)
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "AKIDEXAMPLE0000000000")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "SKEXAMPLE000000000000000000000000000000")
    async with service(12, states=STATES) as server:

        class HereClient(DcsClient):
            """Whatever region an example names, it is on this machine."""

            def __init__(self, **given: Any) -> None:
                given |= {"endpoint": server.url, "project_id": PROJECT}
                super().__init__(**given)

        monkeypatch.setattr(orchestrator, "DcsClient", HereClient)
        names = {name: getattr(orchestrator, name) for name in orchestrator.__all__}
        async with HereClient(credentials=Credentials(ak="AK", sk="SK")) as client:
            yield {**names, "client": client, "task_ids": ids_of(server), "__name__": "example"}


@pytest.mark.parametrize("name", ["__doc__", *EXAMPLES_ARE_IN])
async def test_examples_in_docstrings_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself."""
    text = orchestrator.__doc__ if name == "__doc__" else inspect.getdoc(getattr(orchestrator, name))
    examples = [textwrap.dedent(block) for block in blocks(text or "") if block.strip()]
    assert examples
    for example in examples:
        async with surroundings(tmp_path, monkeypatch) as namespace:
            await play(example, namespace)


@pytest.mark.parametrize("number", range(len(readme_blocks())))
async def test_examples_in_the_readme_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself."""
    async with surroundings(tmp_path, monkeypatch) as namespace:
        await play(readme_blocks()[number], namespace)
