"""A desk to print manifests at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cluster.printing import Desk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.write()
    return made
