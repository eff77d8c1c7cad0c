"""Promises of the command's manners: quick help, completion for every shell, a version worth pasting, SIGUSR1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.main import VERBS
from orchestrator.cli.parser import build_parser
from tests.cli.streams import call
from tests.verbs.stage import opened

if TYPE_CHECKING:
    from pathlib import Path


def modules_after(code: str) -> int:
    script = f"import sys; {code}; print(len(sys.modules), file=sys.stderr)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    return int(process.stderr.split()[-1])


class TestHelp:
    def test_starts_no_slower_than_importing_aiohttp_by_more_than_a_third(self) -> None:
        """Counted in modules, which no busy machine can shake; in time it is less than half."""
        ours = modules_after("from orchestrator.cli.main import main; main(['--help'])")
        assert ours <= 1.33 * modules_after("import aiohttp")
        assert ours < 250

    @pytest.mark.parametrize("verb", VERBS)
    def test_of_every_verb_has_purpose_options_examples_and_exit_codes(self, verb: str) -> None:
        text = call(verb, "--help").out
        assert text.startswith(f"usage: orchestrator {verb} ")
        for part in ("Examples:\n", f"  orchestrator {verb}", "options:\n"):
            assert part in text
        assert "Exit code" in text
        assert max(map(len, text.splitlines())) <= 120

    def test_lists_every_verb_there_is(self) -> None:
        text = call("--help").out
        assert all(f"\n    {verb}" in text for verb in VERBS)


class TestRun:
    def test_imports_nothing_that_only_other_runs_need(self) -> None:
        """Who asks nobody, selects nothing and draws nothing loads none of what does."""
        names = ("rich", "pygal", "prometheus_client", "orchestrator.cli.planning", "orchestrator.cli.selection")
        script = f"import sys, orchestrator.cli.run; print(sorted(set({names}) & set(sys.modules)))"
        process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
        assert process.stdout.strip() == "[]"

    def test_begins_with_a_collector_that_does_not_look_through_what_was_imported(self) -> None:
        script = (
            "import gc, sys, types; from orchestrator.cli import main;"
            "stand_in = types.ModuleType('orchestrator.cli.run');"
            "stand_in.run = lambda *_: print(gc.isenabled(), gc.get_freeze_count() > 10_000) or 7;"
            "sys.modules['orchestrator.cli.run'] = stand_in; sys.argv[1:] = ['run', 'job.yaml']; main.entry()"
        )
        process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
        assert (process.returncode, process.stdout.strip(), process.stderr) == (7, "True True", "")


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_knows_every_verb_and_option(self, shell: str) -> None:
        result = call("completion", shell)
        assert (result.code, result.err) == (0, "")
        for word in (*VERBS, "progress", "json", "retry"):
            assert word in result.out

    def test_of_an_unknown_shell_is_2(self) -> None:
        assert call("completion", "csh").code == 2

    def test_works_in_bash(self, tmp_path: Path) -> None:
        (tmp_path / "job.yaml").touch()
        (tmp_path / "out-1").mkdir()
        (tmp_path / "complete.bash").write_text(call("completion", "bash").out)
        script = (
            'source complete.bash; ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=(); '
            '_shtab_orchestrator orchestrator "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; '
            'echo "${COMPREPLY[*]}"; }; ask orchestrator ver; ask orchestrator run job; '
            "ask orchestrator verify out; ask orchestrator run job.yaml --progress pl"
        )
        process = subprocess.run(  # noqa: S603 - a shell is what is tested
            ["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert process.stdout.split() == ["verify", "job.yaml", "out-1", "plain"]

    def test_leaves_the_grammar_as_it_was(self) -> None:
        before = build_parser().format_help()
        call("completion", "bash")
        assert build_parser().format_help() == before


def test_version_names_all_that_a_bug_report_needs() -> None:
    text = call("--version").out
    for word in ("orchestrator ", "Python 3.", "SQLite 3.", "SSL", "aiohttp ", "shtab "):
        assert word in text


class TestState:
    @pytest.mark.parametrize(("form", "words"), [("console", "state: "), ("json", '"event": "run.state"')])
    def test_is_told_to_who_asks_and_the_run_goes_on(self, tmp_path: Path, form: str, words: str) -> None:
        with opened(tmp_path, tasks=120, quotas={"stop": {"limit": 1, "seconds": 1}}) as stage:

            def ask() -> None:
                while stage.requests("stop") < 2:
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGUSR1)

            asking = threading.Thread(target=ask)
            asking.start()
            result = stage.call("run", stage.path, "--log-format", form)
            asking.join()
        assert result.code == 0
        assert result.err.count(words) == 1
        assert "120" in next(line for line in result.err.splitlines() if words in line)

    def test_may_be_asked_too_early(self) -> None:
        from orchestrator.cli.signals import states_ignored

        with states_ignored():
            os.kill(os.getpid(), signal.SIGUSR1)
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
