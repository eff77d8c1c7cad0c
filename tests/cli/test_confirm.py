from pathlib import Path

import pytest

from orchestrator.cli.confirm import Intention, confirm, describe
from orchestrator.errors import InputError
from tests.cli.streams import console_in_memory, text_of

INTENTION = Intention(
    operation="stop",
    tasks=1_234,
    endpoint="https://dcs.example.com",
    project_id="p1",
    output=Path("out"),
    name="old-migrations",
)


class TestConfirm:
    @pytest.mark.parametrize("reply", ["y\n", "YES\n", " yes \n"])
    def test_goes_on_after_yes_and_has_shown_what_it_will_do(self, reply: str) -> None:
        console = console_in_memory(stdin=reply, terminal=True)
        confirm(console, INTENTION)
        shown = text_of(console.stderr)
        for word in ("stop 1,234 tasks", "https://dcs.example.com", "p1", "out", "old-migrations"):
            assert word in shown
        assert shown.count("[y/N]") == 1
        assert text_of(console.stdout) == ""

    @pytest.mark.parametrize("reply", ["n\n", "\n", "", "yellow\n"])
    def test_anything_else_sends_nothing(self, reply: str) -> None:
        console = console_in_memory(stdin=reply, terminal=True)
        with pytest.raises(InputError, match="nothing was sent"):
            confirm(console, INTENTION)

    def test_asks_nobody_away_from_a_terminal(self) -> None:
        console = console_in_memory(stdin="n\n")
        confirm(console, INTENTION)
        assert text_of(console.stderr) == ""


def test_says_when_it_resumes_and_leaves_out_what_is_not_known() -> None:
    text = describe(Intention(operation="stop", tasks=1, endpoint="", project_id="", output=Path("out"), resuming=True))
    assert text == "  does     stop 1 task (resuming an unfinished run)\n  output   out"
