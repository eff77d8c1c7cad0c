import pytest

from orchestrator.cli.confirm import confirm
from orchestrator.errors import InputError
from tests.cli.streams import console_in_memory, text_of

PLAN = "Plan: stop 1,234 of 2,000 tasks.\n"


class TestConfirm:
    @pytest.mark.parametrize("reply", ["y\n", "YES\n", " yes \n"])
    def test_goes_on_after_yes_and_has_shown_the_plan(self, reply: str) -> None:
        console = console_in_memory(stdin=reply, terminal=True)
        confirm(console, PLAN)
        assert text_of(console.stderr) == f"{PLAN}\nGo on? [y/N] "
        assert text_of(console.stdout) == ""

    @pytest.mark.parametrize("reply", ["n\n", "\n", "", "yellow\n"])
    def test_anything_else_sends_nothing(self, reply: str) -> None:
        console = console_in_memory(stdin=reply, terminal=True)
        with pytest.raises(InputError, match="nothing was sent"):
            confirm(console, PLAN)

    def test_asks_nobody_away_from_a_terminal(self) -> None:
        console = console_in_memory(stdin="n\n")
        confirm(console, PLAN)
        assert text_of(console.stderr) == ""
