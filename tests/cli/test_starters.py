from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.streams import call

if TYPE_CHECKING:
    from pathlib import Path


class TestInit:
    def test_writes_a_job_file_that_validate_accepts(self, tmp_path: Path) -> None:
        path = tmp_path / "my.yaml"
        result = call("init", str(path))
        assert (result.code, result.out) == (0, "")
        assert f"orchestrator validate {path}" in result.err
        environ = {"HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef"}
        assert call("validate", str(path), environ=environ).code == 0

    def test_writes_to_stdout_when_told_so(self) -> None:
        result = call("init", "-")
        assert (result.code, result.err) == (0, "")
        assert "version: 1" in result.out

    def test_leaves_an_existing_file_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "job.yaml"
        path.write_text("precious")
        result = call("init", str(path))
        assert result.code == 2
        assert "left alone" in result.err
        assert path.read_text() == "precious"

    def test_a_directory_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        result = call("init", str(tmp_path / "none" / "job.yaml"))
        assert result.code == 2
        assert "cannot write" in result.err


def test_schema_is_json_on_stdout() -> None:
    result = call("schema")
    assert (result.code, result.err) == (0, "")
    assert "operation" in json.loads(result.out)["properties"]
