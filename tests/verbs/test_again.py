"""The command that an account prints under "Next" is the one that goes on: it can be copied as it stands."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from typing import TYPE_CHECKING

from tests.verbs.stage import opened

if TYPE_CHECKING:
    from pathlib import Path


def test_names_whatever_else_made_it_this_run(tmp_path: Path) -> None:
    """Without `--output` it would begin a new run; without `--set`, one of other tasks."""
    with opened(tmp_path, tasks=3) as stage:
        chosen = f"tasks.ids={json.dumps([stage.ids[0], 'no-such-task'])}"
        elsewhere = str(tmp_path / "some where")
        options = ("--set", "tasks.file=null", "--set", chosen, "--set", "output.formats=[html]")
        first = stage.call("run", stage.path, *options, "--output", elsewhere)
        assert first.code == 1, first.err
        (command,) = re.findall(r"^    orchestrator (.*)$", first.out, re.MULTILINE)
        page = unescape((tmp_path / "some where" / "report.html").read_text())
        assert f"<code>orchestrator {command}</code>" in page
        asked = stage.requests("stop")
        again = stage.call(*shlex.split(command))
        assert again.code == 1, again.err
        assert "2 tasks" in again.out
        assert stage.requests("stop") == asked  # the one that is not known is looked for, and nobody is asked twice
        assert not stage.out.exists()
