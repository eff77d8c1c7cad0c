"""The house as drawn: imports point down, modules and functions stay small, every module says what it is."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(orchestrator.__file__).parent
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
NAMES = [str(path) for path in MODULES]

# What each storey may import of ours, besides the version and, for their types only, the errors' own nouns.
# A storey that is not named here fails the tests: it has no place yet.
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "_version": set(),
    "engine": {"errors"},
    "testing": {"errors", "engine"},
    "dcs": {"errors", "engine"},
    "simulator": set(),
    "report": {"errors", "engine"},
    "telemetry": {"errors", "engine"},
    "job": {"errors", "engine", "dcs", "report", "simulator"},
    "undertaking": {"errors", "engine"},
    "results": {"errors", "engine", "undertaking"},
    "library": {"errors", "engine", "dcs", "undertaking", "results"},
    "cluster": {"errors", "engine", "job"},
}
LEAVES = {"_version"}
STRANGERS_TO_US = {"simulator"}  # it would share our mistakes
TOP = {"cli", "__main__", "__init__"}
ENGINES_FOREIGNERS = {"anyio"}
RECORDS_FOREIGNERS = {"msgspec"}  # writes an event in a tenth of the time that the standard library takes
AIOHTTP_BELOW_THE_TOP = {"dcs/aiohttp_transport.py"}
LONGEST_MODULE = 350
LONGEST_FUNCTION = 60


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def storey(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(path: Path, *, types_too: bool = True) -> set[str]:
    """The dotted names of all modules that `path` imports, inside functions too; relative ones made absolute."""
    found: set[str] = set()
    nodes: list[ast.AST] = [tree(path)]
    while nodes:
        node = nodes.pop()
        if only_for_types(node) and not types_too:
            continue
        nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ["orchestrator", *path.parent.parts]
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            if module == "orchestrator":
                found.update(f"orchestrator.{alias.name}" for alias in node.names)
    return found


def ours(path: Path) -> set[str]:
    """The storeys that `path` imports, its own left out."""
    types_too = storey(path) != "errors"  # an error carries a noun of the engine, and needs it for its type only
    names = {name.split(".")[1] for name in imported(path, types_too=types_too) if name.startswith("orchestrator.")}
    return names - {storey(path)}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
class TestStoreys:
    def test_imports_point_down(self, path: Path) -> None:
        if storey(path) in TOP:
            return
        allowed = BELOW.get(storey(path))
        assert allowed is not None, f"{path} stands on no storey"
        assert ours(path) <= (allowed if storey(path) in STRANGERS_TO_US else allowed | LEAVES)

    def test_nobody_below_imports_the_package_itself(self, path: Path) -> None:
        if storey(path) not in TOP - {"__init__"}:
            assert "orchestrator" not in imported(path)

    def test_nobody_but_the_door_imports_the_command_line(self, path: Path) -> None:
        if storey(path) not in ("cli", "__main__"):
            assert "cli" not in ours(path)

    def test_the_engine_knows_no_foreigner_but_one(self, path: Path) -> None:
        if storey(path) == "engine":
            roots = {name.split(".")[0] for name in imported(path)} - {"orchestrator"}
            known = ENGINES_FOREIGNERS | (RECORDS_FOREIGNERS if str(path) == "engine/codec.py" else set())
            assert roots - set(sys.stdlib_module_names) <= known

    def test_http_stays_where_it_belongs(self, path: Path) -> None:
        if storey(path) in TOP or storey(path) == "simulator" or str(path) in AIOHTTP_BELOW_THE_TOP:
            return
        assert not any(name.split(".")[0] == "aiohttp" for name in imported(path))

    def test_the_wait_is_the_loops(self, path: Path) -> None:
        """No library module sleeps by the wall clock, or measures with it what waiting is measured with."""
        if storey(path) in ("engine", "dcs"):
            calls = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
            assert not calls & {"time.sleep", "time.monotonic", "asyncio.sleep"}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
class TestSize:
    """A guard against growth: split by noun before it gets there."""

    def test_a_module_begins_by_saying_what_lives_in_it(self, path: Path) -> None:
        assert ast.get_docstring(tree(path))

    def test_a_module_is_read_in_one_sitting(self, path: Path) -> None:
        assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE

    def test_a_function_fits_on_a_screen(self, path: Path) -> None:
        functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
        assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_product_code_keeps_no_promise_by_assert() -> None:
    """They must hold under -O."""
    asserting = [str(path) for path in MODULES if any(isinstance(node, ast.Assert) for node in ast.walk(tree(path)))]
    assert asserting == []
