"""What `import orchestrator` gives, and what it costs."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator
from orchestrator import errors

HEAVY = ("aiohttp", "anyio", "asyncio", "msgspec", "pydantic", "rich", "structlog", "ruamel", "huaweicloudsdkcore")


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    return set(ran.stdout.split())


class TestNames:
    def test_dir_is_all_and_all_is_sorted(self) -> None:
        """What is listed is what there is."""
        assert dir(orchestrator) == orchestrator.__all__ == sorted(set(orchestrator.__all__))

    def test_every_name_is_there(self) -> None:
        """Each can be had, also by a star import."""
        namespace: dict[str, object] = {}
        exec("from orchestrator import *", namespace)  # noqa: S102
        assert set(orchestrator.__all__) <= set(namespace)
        for name in orchestrator.__all__:
            assert namespace[name] is getattr(orchestrator, name)

    def test_checkers_and_interpreter_are_told_the_same(self) -> None:
        """Each name comes at run time from the module that type checkers are told."""
        tree = ast.parse(Path(orchestrator.__file__).read_text(encoding="utf-8"))
        block = next(node for node in tree.body if isinstance(node, ast.If))
        told = {
            alias.name: node.module
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if node.module != "orchestrator.engine"
        }
        given = {name: f"orchestrator.{home}" for home, names in orchestrator._HOMES.items() for name in names}
        assert given == told
        assert set(given) | {"events"} == set(orchestrator.__all__)

    def test_another_name_is_an_attribute_error(self) -> None:
        """As of any module."""
        with pytest.raises(AttributeError, match="module 'orchestrator' has no attribute 'stop_everything'"):
            _ = orchestrator.stop_everything  # type: ignore[attr-defined]  # so says the type checker, too

    def test_every_error_is_public_and_of_one_tree(self) -> None:
        """Whoever catches `OrchestratorError` catches all of them."""
        raised = {
            name
            for name, value in vars(errors).items()
            if inspect.isclass(value) and value.__module__ == errors.__name__
        }
        assert raised == {name for name in orchestrator.__all__ if name.endswith("Error")}
        assert all(issubclass(getattr(errors, name), orchestrator.OrchestratorError) for name in raised)

    @pytest.mark.parametrize("name", [name for name in orchestrator.__all__ if name not in {"Event", "__version__"}])
    def test_everything_says_what_it_is(self, name: str) -> None:
        """A docstring each, also for the public methods of classes."""
        value = getattr(orchestrator, name)
        assert inspect.getdoc(value)
        for key, member in vars(value).items() if inspect.isclass(value) else ():
            if not key.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(getattr(value, key)) or inspect.getdoc(member), f"{name}.{key}"


class TestCost:
    def test_importing_loads_nothing_heavy(self) -> None:
        """Names are loaded when they are used: a server that imports us pays for us when it calls us."""
        assert loaded_after("import orchestrator").isdisjoint(HEAVY)

    def test_the_library_needs_neither_job_files_nor_terminals(self) -> None:
        """What only the command line uses stays out, the vendor's SDK too."""
        every_name = ", ".join(orchestrator.__all__)
        loaded = loaded_after(f"from orchestrator import {every_name}")
        assert loaded.isdisjoint({"pydantic", "rich", "structlog", "ruamel", "huaweicloudsdkcore", "pygal", "argparse"})
