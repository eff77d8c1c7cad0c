"""What the seeds have met: rows of the transition table, and classes and rows of the error table."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.dcs import aiohttp_transport, codes
from orchestrator.engine import columns, ledger, states
from orchestrator.engine.model import Phase, Verdict
from orchestrator.engine.states import State
from tests.simulation import wire
from tests.simulation.accidents import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orchestrator.engine.model import Failure
    from tests.simulation.accidents import Canned

K = TypeVar("K")
V = TypeVar("V")

Met = Counter[str]

V_BATCH = (
    *(Verdict.THROTTLED, Verdict.UNAUTHENTICATED, Verdict.FORBIDDEN, Verdict.RUN_REFUSED),
    *(Verdict.LOST, Verdict.BAD_ITEM, Verdict.BUSY),
)
V_LIST = (Verdict.THROTTLED, Verdict.UNAUTHENTICATED, Verdict.FORBIDDEN, Verdict.RUN_REFUSED, Verdict.LOST)
CLASSES = {
    "stop": V_BATCH,
    "list": V_LIST,
    "show": (*V_LIST, Verdict.GONE, Verdict.REJECTED),
    "item": (Verdict.GONE, Verdict.BUSY, Verdict.REJECTED),
    "wire": (Verdict.UNREACHED, Verdict.LOST),
}


def expected() -> list[str]:
    """Everything that should be met."""
    rows = [_seen_name("unclaimed", key) for key in states.SEEN_UNCLAIMED]
    rows += [_seen_name("claimed", key) for key in states.SEEN_CLAIMED]
    rows += [_move_name(move.value, state) for move, table in states.MOVES.items() for state in table]
    rows += [_move_name("take up unclaimed", state) for state in states.TAKEN_UP_UNCLAIMED]
    rows += [_move_name("take up claimed", state) for state in states.TAKEN_UP_CLAIMED]
    rows += [f"answer: {api} {verdict.value}" for api, verdicts in CLASSES.items() for verdict in verdicts]
    rows += map(answer_row, EVERYTHING)
    return list(dict.fromkeys(rows))


def answer_row(canned: Canned) -> str:
    """The row of the error table that this answer is to meet."""
    code = str(canned.status) if canned.shape == "keystone" else canned.code  # that one has no other
    return _row_name(canned.status, codes.canonical(code))


def never_met(met: Met) -> list[str]:
    """What was not."""
    return [row for row in expected() if not met[row]]


@contextmanager
def watched(met: Met) -> Iterator[None]:
    """Count, for the block, what is met."""
    seen, moves = ledger._SEEN, columns._MOVES
    taken_up = (states.TAKEN_UP_UNCLAIMED, states.TAKEN_UP_CLAIMED)
    judge, judge_item, translated = codes.judge, codes.judge_item, aiohttp_transport.translated

    def judging(api: str, status: int, code: str, text: str, *, foreign: bool = False) -> codes.Judgement:
        found = judge(api, status, code, text, foreign=foreign)
        met[f"answer: {api} {found[0].value}"] += 1
        met[_row_name(status, codes.canonical(code))] += 1
        return found

    def judging_item(code: str, text: str) -> Verdict:
        found = judge_item(code, text)
        met[f"answer: item {found.value}"] += 1
        return found

    def translating(error: Exception) -> Failure:
        found = translated(error)
        met[f"answer: wire {found.verdict.value}"] += 1
        return found

    patched: tuple[tuple[Any, str, Any], ...] = (
        (ledger, "_SEEN", {phase: _columns(phase, pair, met) for phase, pair in seen.items()}),
        (columns, "_MOVES", {move: _watched_moves(move.value, table, met) for move, table in moves.items()}),
        (ledger, "TAKEN_UP_UNCLAIMED", _moves("take up unclaimed", taken_up[0], met)),
        (ledger, "TAKEN_UP_CLAIMED", _moves("take up claimed", taken_up[1], met)),
        (codes, "judge", judging),
        (codes, "judge_item", judging_item),
        (wire, "translated", translating),
    )
    before = [(module, name, getattr(module, name)) for module, name, _ in patched]
    try:
        for module, name, value in patched:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


class _Watched(dict[K, V]):
    """A table of moves that counts who looks into it, where that is a row of it."""

    def __init__(self, table: dict[K, V], met: Met, name: Any) -> None:
        super().__init__(table)
        self._met = met
        self._name = name

    def get(self, key: K, default: Any = None) -> Any:
        if key in self:
            self._met[self._name(key)] += 1
        return super().get(key, default)


class _WatchedColumn(list[Any]):
    """One column of a table of transitions, which counts who looks into a row of it."""

    def __init__(self, column: Sequence[int | None], met: Met, name: Callable[[int], str]) -> None:
        super().__init__(column)
        self._met = met
        self._name = name

    def __getitem__(self, state: Any) -> Any:
        self._met[self._name(state)] += 1
        return super().__getitem__(state)


def _columns(phase: Phase, pair: tuple[list[int | None], list[int | None]], met: Met) -> tuple[_WatchedColumn, ...]:
    def watched_as(who: str, column: list[int | None]) -> _WatchedColumn:
        return _WatchedColumn(column, met, lambda state: _seen_name(who, (State(state), phase)))

    return watched_as("unclaimed", pair[0]), watched_as("claimed", pair[1])


def _watched_moves(name: str, column: Sequence[int | None], met: Met) -> _WatchedColumn:
    return _WatchedColumn(column, met, lambda state: _move_name(name, state))


def _moves(name: str, table: dict[State, State], met: Met) -> _Watched[State, State]:
    return _Watched(table, met, lambda state: _move_name(name, state))


def _seen_name(who: str, key: tuple[State, Phase]) -> str:
    return f"seen {who}: {State(key[0]).name} {key[1].value}"


def _move_name(move: str, state: int) -> str:
    return f"{move}: {State(state).name}"


def _row_name(status: int, code: str) -> str:
    return f"answer: HTTP {status} {code}".rstrip()
