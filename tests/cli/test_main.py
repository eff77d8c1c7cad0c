from __future__ import annotations

import subprocess
import sys
import types
from typing import TYPE_CHECKING

import pytest

from orchestrator._version import __version__
from orchestrator.cli import main as module
from tests.cli.streams import call

if TYPE_CHECKING:
    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings

VERBS = ("run", "validate", "simulate", "init", "schema")


def offer_run(monkeypatch: pytest.MonkeyPatch, run: object) -> None:
    stand_in = types.ModuleType("orchestrator.cli.run")
    stand_in.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "orchestrator.cli.run", stand_in)


class TestMain:
    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb_has_help_with_examples(self, verb: str) -> None:
        result = call(verb, "--help")
        assert (result.code, result.err) == (0, "")
        assert "\nExamples:\n" in result.out
        assert f"orchestrator {verb}" in result.out

    def test_help_lists_the_verbs_and_the_exit_codes(self) -> None:
        text = call("--help").out
        for word in (*VERBS, "Exit codes:", "  75  "):
            assert word in text

    def test_every_option_of_a_run_names_its_variable_in_help(self) -> None:
        text = call("run", "--help").out
        for name in ("SET", "OUTPUT", "YES", "PROGRESS", "LOG_FORMAT", "LOG_LEVEL"):
            assert f"[ORCHESTRATOR_{name}" in text

    def test_version_says_what_a_bug_report_needs(self) -> None:
        result = call("--version")
        assert result.code == 0
        for word in (f"orchestrator {__version__}", "Python", "aiohttp", "pydantic"):
            assert word in result.out

    @pytest.mark.parametrize(
        "argv", [(), ("fly",), ("run",), ("run", "j", "--progress", "loud"), ("run", "j", "--prog", "bar")]
    )
    def test_bad_usage_is_2_and_on_stderr(self, argv: tuple[str, ...]) -> None:
        result = call(*argv)
        assert (result.code, result.out) == (2, "")
        assert "usage: orchestrator" in result.err

    def test_windows_is_refused_with_a_clear_line(self) -> None:
        result = call("--help", platform="win32")
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: Windows is not supported")

    def test_a_bad_variable_is_2_and_named(self) -> None:
        result = call("run", "j", environ={"ORCHESTRATOR_PROGRESS": "loud"})
        assert result.code == 2
        assert result.err.startswith("error: ORCHESTRATOR_PROGRESS: 'loud' is not one of auto, bar, plain, none")

    def test_run_gets_settings_and_console_and_gives_the_exit_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(settings: Settings, console: Console) -> int:
            console.say(f"{settings.job}\n")
            return 4

        offer_run(monkeypatch, run)
        assert call("run", "job.yaml") == (4, "job.yaml\n", "")

    @pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
    def test_nothing_ever_escapes(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
        def run(*_: object) -> int:
            raise error

        offer_run(monkeypatch, run)
        result = call("run", "job.yaml", "--log-format", "console")
        assert result.code in {70, 75}
        assert "Traceback" not in result.err

    def test_a_traceback_is_shown_to_those_who_debug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(*_: object) -> int:
            raise ValueError("x")

        offer_run(monkeypatch, run)
        result = call("run", "job.yaml", "--log-level", "debug")
        assert result.code == 70
        assert "Traceback" in result.err

    def test_argparse_may_end_without_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise SystemExit("no")

        monkeypatch.setattr(module, "build_parser", refuse)
        assert call("run").code == 2

    def test_the_console_script_ends_the_process_with_the_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["orchestrator", "--nonsense"])
        with pytest.raises(SystemExit) as ended:
            module.entry()
        assert ended.value.code == 2


class TestProcess:
    def test_python_m_is_the_same_command(self) -> None:
        process = subprocess.run(
            [sys.executable, "-m", "orchestrator", "fly"], capture_output=True, text=True, check=False
        )
        assert process.returncode == 2
        assert process.stderr.startswith("usage: orchestrator ")

    def test_help_loads_no_heavy_library(self) -> None:
        code = (
            "import sys; from orchestrator.cli.main import main; main(['run', '--help']); "
            "print([m for m in ('aiohttp', 'pydantic', 'rich', 'structlog', 'msgspec', 'ruamel.yaml', 'asyncio')"
            " if m in sys.modules], file=sys.stderr)"
        )
        process = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert process.stderr == "[]\n"
