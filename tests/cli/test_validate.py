from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.settings import Settings
from orchestrator.cli.validate import describe_counts, validate
from orchestrator.engine.account import InputCounts
from orchestrator.errors import InputError
from tests.cli.streams import call, console_in_memory

if TYPE_CHECKING:
    from pathlib import Path

JOB = """\
version: 1
service: {{endpoint: "http://127.0.0.1:9", project_id: 0123456789abcdef0123456789abcdef, credentials: none}}
tasks: {tasks}
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.format(tasks="{ids: [a, b, b]}"))
    return path


class TestValidate:
    def test_says_ok_with_counts_on_stdout(self, job: Path) -> None:
        assert call("validate", str(job)) == (0, f"ok: {job}: 2 unique ids (3 in the input: 1 duplicate)\n", "")

    def test_tells_all_problems_of_the_job_file_each_with_its_line(self, job: Path) -> None:
        job.write_text(JOB.format(tasks="{ids: [a], bogus: 1}") + "submit: {batch_size: 99}\n")
        result = call("validate", str(job))
        assert (result.code, result.out) == (2, "")
        assert [line.split(": ")[1] for line in result.err.splitlines()] == [f"{job}:3", f"{job}:4"]

    def test_tells_all_problems_of_the_id_list_each_with_its_line(self, job: Path) -> None:
        (job.parent / "ids.txt").write_text("good\n\n# comment\nbad id\nalso bad!\n")
        job.write_text(JOB.format(tasks="{file: ids.txt}"))
        result = call("validate", str(job))
        assert result.code == 2
        assert "ids.txt:4" in result.err
        assert "ids.txt:5" in result.err

    def test_lists_malformed_lines_that_the_job_skips(self, job: Path) -> None:
        job.write_text(JOB.format(tasks='{ids: [a, "b c"], malformed: skip}'))
        result = call("validate", str(job))
        assert result.code == 0
        assert "1 malformed" in result.out
        assert "\nskipped: " in result.out

    def test_reads_a_list_from_a_pipe(self, job: Path) -> None:
        job.write_text(JOB.format(tasks="{file: x.txt}"))
        result = call("validate", str(job), "--set", "tasks.file=-", stdin="a\nb\nc\n")
        assert result.out == f"ok: {job}: 3 unique ids\n"

    def test_overrides_count(self, job: Path) -> None:
        assert call("validate", str(job), "--set", "submit.workers=0").code == 2
        assert call("validate", str(job), "--output", "elsewhere").code == 0

    def test_names_the_share_of_a_shard(self, job: Path) -> None:
        environ = {"JOB_COMPLETION_INDEX": "0", "ORCHESTRATOR_SHARD_COUNT": "1"}
        result = call("validate", str(job), environ=environ)
        assert result.code in {0, 2}  # 2 where shards are not there yet
        assert "shard" in result.out + result.err

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        result = call("validate", str(tmp_path / "none.yaml"))
        assert result.code == 2
        assert "none.yaml" in result.err

    def test_ids_that_the_service_brings_are_not_counted_offline(
        self, job: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from orchestrator.job import loader

        spec = loader.load_job(job, environ={})
        nobody = spec.model_copy(update={"tasks": spec.tasks.model_copy(update={"ids": [], "file": None})})
        monkeypatch.setattr(loader, "load_job", lambda *_, **__: nobody)
        assert call("validate", str(job)).out == f"ok: {job}: its ids come from the service\n"

    def test_needs_a_job(self) -> None:
        with pytest.raises(InputError, match="no job file"):
            validate(Settings(verb="validate"), console_in_memory())


def test_counts_read_well() -> None:
    assert describe_counts(InputCounts(input=1, unique=1)) == "1 unique id"
    counts = InputCounts(input=5_010, unique=5_000, duplicates=7, malformed=2, excluded=1)
    assert describe_counts(counts) == "5,000 unique ids (5,010 in the input: 7 duplicate, 2 malformed, 1 excluded)"
