"""The README says what is: its commands are understood, its job files are accepted, its words are the program's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from orchestrator.cli.parser import bind_retry, build_parser
from orchestrator.job.loader import load_job

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
ENVIRON = {"HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef"}


def commands() -> list[str]:
    """Every command line of ours in the README's shell blocks, without comments and redirections."""
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    ours = (re.search(r"(?:^|/)orchestrator (.*)", line) for line in lines)
    return [re.split(r" +#| > ", found.group(1))[0] for found in ours if found]


class TestFirstScreen:
    def test_the_first_two_fenced_lines_install_and_run_and_install_and_test(self) -> None:
        """One line each, both into `.venv`: what `.ci/run` runs is the second of them."""
        first, second = (text.strip() for _, text in BLOCKS[:2])
        assert "\n" not in first + second
        assert first.startswith("python3 -m venv .venv && ")
        assert first.endswith("orchestrator run configs/demo.yaml")
        assert second.startswith("python3 -m venv .venv && ")
        assert second.endswith("python -m tests")


class TestCommands:
    @pytest.mark.parametrize("line", commands())
    def test_every_command_is_understood(self, line: str) -> None:
        """A verb or an option that is gone would be a usage error."""
        given = build_parser().parse_args(bind_retry(shlex.split(line)))
        assert given.verb

    def test_there_are_commands(self) -> None:
        assert len(commands()) > 12


class TestJobFiles:
    def test_the_whole_job_file_is_accepted(self, tmp_path: Path) -> None:
        whole = next(text for kind, text in BLOCKS if kind == "yaml" and text.startswith("version: 1"))
        job = tmp_path / "job.yaml"
        job.write_text(whole)
        assert load_job(job, environ=ENVIRON).operation == "stop"

    @pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
    def test_every_job_file_that_comes_along_is_accepted(self, path: Path) -> None:
        assert load_job(path, environ=ENVIRON).service.simulator is not None

    def test_a_part_of_a_job_file_is_accepted_as_a_part(self, tmp_path: Path) -> None:
        parts = [text for kind, text in BLOCKS if kind == "yaml" and not text.startswith("version: 1")]
        assert parts
        for number, part in enumerate(parts):
            job = tmp_path / f"{number}.yaml"
            job.write_text(f"version: 1\nservice: {{region: cn-north-4, project_id: p}}\n{part}")
            load_job(job, environ=ENVIRON)


class TestWords:
    def test_every_outcome_and_exit_code_has_its_row(self) -> None:
        for outcome in ("stopped", "already_stopped", "ended", "not_found", "rejected", "skipped", "timed_out"):
            assert f"| `{outcome}` |" in README
        for code in (0, 1, 2, 3, 4, 70, 75):
            assert re.search(rf"^\| {code} \|", README, flags=re.MULTILINE)
