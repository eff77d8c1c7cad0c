"""What numbers an option may have: checked when options are made, so that a run never starts with nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule: TypeAlias = tuple[str, Callable[[Any], bool]]  # what must hold, in words and as a test

POSITIVE: Final[Rule] = ("more than 0", lambda value: value > 0)
SHARE: Final[Rule] = ("a share from 0.0 to 1.0", lambda value: 0 <= value <= 1)


def at_least(low: int) -> Rule:
    """A number from `low` on."""
    return f"{low} or more", lambda value: value >= low


def insist(section: str, options: object, **rules: Rule) -> None:
    """Raise `InputError`, naming each of the fields of `options` that breaks its rule. NaN breaks every rule."""
    problems = []
    for name, (words, holds) in rules.items():
        value = getattr(options, name)
        if not isinstance(value, int | float) or not holds(value):
            problems.append(f"{section}.{name}: {value!r} will not do; it must be a number, {words}")
    if problems:
        raise InputError(*problems)
