"""The one question before a run: what it will do, and whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import InputError
from orchestrator.report.harmless import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cli.console import Console

YES = frozenset({"y", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """What a run is about to do, as far as it is known before the first request."""

    operation: str
    tasks: int
    endpoint: str
    project_id: str
    output: Path
    name: str = ""
    resuming: bool = False


def confirm(console: Console, intention: Intention) -> None:
    """Show the intention and ask once; where nobody can be asked, go on.

    Raises `InputError` when the answer is anything but yes: nothing was sent.
    """
    if not console.can_ask:
        return
    console.tell(describe(intention))
    console.stderr.write("Go on? [y/N] ")
    console.stderr.flush()
    reply = console.stdin.readline()
    if not reply.endswith("\n"):  # end of input: the cursor still stands behind the question
        console.tell("")
    if reply.strip().lower() not in YES:
        raise InputError("not confirmed: nothing was sent (answer y, or give --yes)")


def describe(intention: Intention) -> str:
    """The intention in aligned lines."""
    what = f"{intention.operation} {intention.tasks:,} {'task' if intention.tasks == 1 else 'tasks'}"
    lines = {
        "run": intention.name,
        "does": f"{what} (resuming an unfinished run)" if intention.resuming else what,
        "at": intention.endpoint,
        "project": intention.project_id,
        "output": str(intention.output),
    }
    return "\n".join(f"  {key:<8} {one_line(text, 500)}" for key, text in lines.items() if text)
