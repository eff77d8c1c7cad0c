"""The wheel and the sdist: all that belongs, nothing else, and it works where there is nothing but them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import orchestrator

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).parents[2]
NAME = f"dcs_orchestrator-{orchestrator.__version__}"
UNWANTED = ("__pycache__", ".pyc", ".cache", ".coverage", ".hypothesis", ".git/", ".db", ".lock", ".venv", ".env")
CODE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "orchestrator").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as an installer builds it."""
    return Path(*WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"]))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    (archive,) = SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with tarfile.open(archive) as file:
        file.extraction_filter = getattr(tarfile, "data_filter", None)  # the first ones of Python 3.11 have none
        file.extractall(folder)  # noqa: S202  # our own archive
    return folder / NAME


def files_in(wheel: Path) -> list[str]:
    """What the wheel puts beside its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if not name.startswith(f"{NAME}.dist-info/"))


def metadata_of(wheel: Path) -> Message:
    """What an installer reads."""
    with zipfile.ZipFile(wheel) as archive:
        return HeaderParser().parsestr(archive.read(f"{NAME}.dist-info/METADATA").decode())


class TestWheel:
    def test_it_holds_the_package_and_nothing_else(self, wheel: Path) -> None:
        """Types included; no tests, no caches, no records."""
        assert files_in(wheel) == CODE
        assert "orchestrator/py.typed" in CODE
        assert not [name for name in CODE if any(part in f"{name}/" for part in UNWANTED)]

    def test_it_says_what_it_needs_and_what_it_is(self, wheel: Path) -> None:
        """Nobody who installs it gets a test tool."""
        metadata = metadata_of(wheel)
        needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
        assert metadata["Name"] == "dcs-orchestrator"
        assert metadata["Requires-Python"] == ">=3.11"
        assert metadata["License-Expression"] == "Apache-2.0"
        assert {line.split(">")[0] for line in needed}.isdisjoint({"pytest", "mypy", "ruff", "huaweicloudsdkcore"})
        assert all(">=" in line and "==" not in line.split(";")[0] for line in needed), "a library pins nothing"
        with zipfile.ZipFile(wheel) as archive:
            assert (
                "orchestrator = orchestrator.cli.main:entry"
                in archive.read(f"{NAME}.dist-info/entry_points.txt").decode()
            )
            assert f"{NAME}.dist-info/licenses/LICENSE" in archive.namelist()

    def test_unpacked_anywhere_it_works(self, wheel: Path, tmp_path: Path) -> None:
        """The library and the command, from the wheel's files alone, every warning an error."""
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path)  # noqa: S202  # our own
        where = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        check = "import orchestrator; from orchestrator import *; print(orchestrator.__file__)"
        for arguments in (["-c", check], ["-m", "orchestrator", "--version"], ["-m", "orchestrator", "run", "--help"]):
            command = [sys.executable, "-W", "error", "-X", "dev", *arguments]
            ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=where)  # noqa: S603
            assert (ran.returncode, ran.stderr) == (0, "")
            if arguments[0] == "-c":
                assert Path(ran.stdout.strip()).is_relative_to(tmp_path)


class TestSdist:
    def test_it_holds_what_building_and_testing_need(self, sdist: Path) -> None:
        """And nothing of the machine that it was made on."""
        files = sorted(path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file())
        tops = {name.partition("/")[0] for name in files}
        assert tops == {
            *("orchestrator", "tests", "configs"),
            *("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"),
        }
        assert [name for name in files if name.startswith("orchestrator/")] == CODE
        assert not [name for name in files if any(part in f"{name}/" for part in UNWANTED)]

    def test_the_wheel_made_of_it_is_the_same(self, sdist: Path, wheel: Path, tmp_path: Path) -> None:
        """Who builds from the sdist installs what everybody installs."""
        (built,) = WheelBuilder(str(sdist)).build(directory=str(tmp_path), versions=["standard"])
        assert files_in(Path(built)) == files_in(wheel)
        assert str(metadata_of(Path(built))) == str(metadata_of(wheel))
