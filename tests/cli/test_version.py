from importlib import metadata

import pytest

from orchestrator.cli import version
from orchestrator.cli.version import describe_version


def test_a_missing_dependency_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "PARTS", ("no-such-part", "anyio"))
    assert describe_version().splitlines()[3] == f"no-such-part missing, anyio {metadata.version('anyio')}"
