from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.parser import bind_retry, build_parser
from orchestrator.cli.settings import RETRYABLE, Settings, gather
from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


def settle(*argv: str, environ: Mapping[str, str] | None = None) -> Settings:
    return gather(build_parser().parse_args(bind_retry(argv)), environ or {})


class TestGather:
    def test_a_bare_run_has_the_documented_defaults(self) -> None:
        settings = settle("run", "job.yaml")
        assert settings == Settings(verb="run", job=Path("job.yaml"))
        assert settings.overrides == ()
        assert settings.level == 20
        assert not settings.debug

    def test_every_option_is_understood(self) -> None:
        settings = settle(
            *("run", "job.yaml", "--set", "a.b=1", "--set", "c=x=y", "--output", "out dir", "--yes", "--fresh"),
            *("--progress", "plain", "--log-format", "json", "--log-level", "debug"),
        )
        assert settings.overrides == ("a.b=1", "c=x=y", 'output.dir="out dir"')
        assert (settings.yes, settings.fresh, settings.progress) == (True, True, "plain")
        assert settings.debug
        assert settings.log_json(terminal=True)

    def test_what_makes_it_another_run_is_repeated_but_no_password(self) -> None:
        environ = {"ORCHESTRATOR_SET": "service.proxy=http://me:secret@proxy:1\nservice.region=cn-north-4"}
        settings = settle("run", "j", "--set", "tasks.ids=[a@b]", "--output", "o", "--retry", environ=environ)
        assert settings.repeated == (
            *("--set", "service.proxy=…", "--set", "service.region=cn-north-4", "--set", "tasks.ids=[a@b]"),
            *("--output", "o"),
        )
        assert settle("run", "j").repeated == ()

    def test_every_option_of_a_run_also_reads_its_variable(self) -> None:
        environ = {
            "ORCHESTRATOR_SET": "\na.b=1\n  c=2\n",
            "ORCHESTRATOR_OUTPUT": "out",
            "ORCHESTRATOR_YES": "1",
            "ORCHESTRATOR_PROGRESS": "none",
            "ORCHESTRATOR_LOG_FORMAT": "console",
            "ORCHESTRATOR_LOG_LEVEL": "error",
        }
        settings = settle("run", "job.yaml", environ=environ)
        assert settings.assignments == ("a.b=1", "c=2")
        assert settings.output == Path("out")
        assert (settings.yes, settings.progress) == (True, "none")
        assert (settings.log_format, settings.log_level) == ("console", "error")
        assert not settings.log_json(terminal=False)

    def test_an_option_wins_over_its_variable(self) -> None:
        environ = {"ORCHESTRATOR_SET": "a=1", "ORCHESTRATOR_OUTPUT": "x", "ORCHESTRATOR_PROGRESS": "none"}
        settings = settle("run", "j", "--set", "a=2", "--output", "y", "--progress", "bar", environ=environ)
        assert settings.assignments == ("a=1", "a=2")  # the later one wins
        assert settings.output == Path("y")
        assert settings.progress == "bar"

    def test_empty_and_denying_variables_say_nothing(self) -> None:
        environ = {"ORCHESTRATOR_YES": "0", "ORCHESTRATOR_PROGRESS": ""}
        assert settle("run", "j", environ=environ) == Settings(verb="run", job=Path("j"))

    def test_all_bad_variables_are_told_at_once_by_name(self) -> None:
        environ = {
            "ORCHESTRATOR_SET": "nonsense\n=secret",
            "ORCHESTRATOR_YES": "perhaps",
            "ORCHESTRATOR_PROGRESS": "bra",
            "ORCHESTRATOR_LOG_LEVEL": "loud",
        }
        with pytest.raises(InputError) as caught:
            settle("run", "j", environ=environ)
        problems = caught.value.problems
        assert [problem.split(":")[0] for problem in problems] == [
            *("ORCHESTRATOR_SET", "ORCHESTRATOR_SET", "ORCHESTRATOR_YES"),
            *("ORCHESTRATOR_PROGRESS", "ORCHESTRATOR_LOG_LEVEL"),
        ]
        assert "did you mean bar?" in problems[3]
        assert "secret" not in str(caught.value)

    def test_variables_of_other_verbs_are_not_read(self) -> None:
        environ = {"ORCHESTRATOR_PROGRESS": "nonsense", "ORCHESTRATOR_YES": "nonsense", "ORCHESTRATOR_SET": "x"}
        assert settle("simulate", environ=environ).verb == "simulate"

    @pytest.mark.parametrize(("option", "value"), [("--port", "65536"), ("--tasks", "-1"), ("--seed", "-1")])
    def test_numbers_out_of_range_are_told(self, option: str, value: str) -> None:
        with pytest.raises(InputError, match=f"{option}: {value} is out of range"):
            settle("simulate", f"{option}={value}")

    def test_simulate_has_options_of_its_own(self) -> None:
        settings = settle("simulate", "--port", "80", "--tasks", "5", "--seed", "7", "--set", "a=1", "--ids", "f")
        assert (settings.port, settings.tasks, settings.seed, settings.ids) == (80, 5, 7, Path("f"))
        assert settings.traits == ("a=1",)
        assert settings.assignments == ()

    @pytest.mark.parametrize(("given", "path"), [((), Path("job.yaml")), (("x.yaml",), Path("x.yaml")), (("-",), None)])
    def test_init_writes_where_it_is_told(self, given: tuple[str, ...], path: Path | None) -> None:
        assert settle("init", *given).job == path

    def test_log_lines_are_json_away_from_a_terminal(self) -> None:
        assert settle("run", "j").log_json(terminal=False)
        assert not settle("run", "j").log_json(terminal=True)


class TestRetry:
    @pytest.mark.parametrize(
        ("argv", "retry"),
        [
            (("run", "job.yaml"), None),
            (("run", "job.yaml", "--retry"), frozenset()),
            (("run", "--retry", "job.yaml"), frozenset()),
            (("run", "--retry", "./job", "--yes"), frozenset()),
            (("run", "job.yaml", "--retry", "--yes"), frozenset()),
            (("run", "--retry", "timed_out", "job.yaml"), {"timed_out"}),
            (("run", "job.yaml", "--retry", "timed_out,rejected"), {"timed_out", "rejected"}),
            (("run", "job.yaml", "--retry=skipped"), {"skipped"}),
            (("run", "--", "job.yaml"), None),
        ],
    )
    def test_takes_outcomes_and_never_the_job_file(self, argv: tuple[str, ...], retry: set[str] | None) -> None:
        assert settle(*argv).retry == (None if retry is None else frozenset(retry))
        assert settle(*argv).job is not None

    def test_a_job_file_named_like_an_outcome_stays_a_job_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "job").write_text("")
        assert settle("run", "--retry", "job") == Settings(verb="run", job=Path("job"), retry=frozenset())

    def test_a_mistyped_outcome_is_told_with_the_right_one(self) -> None:
        with pytest.raises(InputError, match=r"--retry: 'timed_ot' .*did you mean timed_out\?"):
            settle("run", "--retry", "timed_ot", "job.yaml")

    def test_an_outcome_that_is_over_cannot_be_retried(self) -> None:
        assert "stopped" not in RETRYABLE
        with pytest.raises(InputError, match="'stopped' is no outcome to retry"):
            settle("run", "job.yaml", "--retry=stopped")

    def test_contradicts_fresh(self) -> None:
        with pytest.raises(InputError, match="contradict"):
            settle("run", "job.yaml", "--retry", "--fresh")

    def test_starting_over_and_reopening_are_never_left_to_a_variable(self) -> None:
        """A pod that the cluster starts again must resume."""
        environ = {"ORCHESTRATOR_FRESH": "1", "ORCHESTRATOR_RETRY": "1"}
        settings = settle("run", "j", environ=environ)
        assert not settings.fresh
        assert settings.retry is None
