"""The one question before anything is sent: what will be done, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import InputError

if TYPE_CHECKING:
    from orchestrator.cli.console import Console

YES = frozenset({"y", "yes"})


def confirm(console: Console, plan: str) -> None:
    """Show the plan and ask once; where nobody can be asked, go on.

    Raises `InputError` when the answer is anything but yes: nothing was sent.
    """
    if not console.can_ask:
        return
    console.tell(f"{plan}\n")
    console.stderr.write("Go on? [y/N] ")
    console.stderr.flush()
    reply = console.stdin.readline()
    if not reply.endswith("\n"):  # end of input: the cursor still stands behind the question
        console.tell("")
    if reply.strip().lower() not in YES:
        raise InputError("not confirmed: nothing was sent (answer y, or give --yes)")
