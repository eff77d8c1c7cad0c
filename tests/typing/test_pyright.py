"""Pyright reads the users' programs; mypy reads them with everything else (`python -m mypy`)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_users_programs_are_well_typed_to_pyright_too() -> None:
    """By the settings in pyproject.toml: strict."""
    pytest.importorskip("basedpyright", reason="pip install -e '.[pyright]' for this one")
    command = [sys.executable, "-m", "basedpyright", "--project", str(ROOT), "--pythonpath", sys.executable]
    quiet = {**os.environ, "NODE_NO_WARNINGS": "1"}
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=quiet)  # noqa: S603
    assert ran.returncode == 0, ran.stdout
