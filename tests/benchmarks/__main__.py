"""The command line of the benchmarks: `python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import machine
from tests.benchmarks.cases import BATCH, CASES, WORKERS, Case
from tests.benchmarks.measuring import BenchmarkError, measure
from tests.benchmarks.peers import PEERS
from tests.benchmarks.results import CaseResult
from tests.benchmarks.tables import as_json, render, render_case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.peers import Peer

USUAL = tuple(name for name in CASES if name != "million")
LIMIT = 3600.0  # seconds after which any peer is ended
EXAMPLES = f"""\
Examples:
  python -m tests.benchmarks
      {", ".join(USUAL)}, every peer: about half an hour
  python -m tests.benchmarks --cases large --peers ours,script-list --rounds 3
      alternately, three times; the median by CPU is shown
  python -m tests.benchmarks --cases million --json figures.json
      the product alone
"""

_NEXT_TO_NOTHING = Case(name="start", title="", tasks=BATCH, stop_seconds=0.0, latency=0.0, interval=0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line names, print the tables, and return the exit code."""
    options = _parser().parse_args(arguments)
    peers = [PEERS[name] for name in options.peers]
    cases = [CASES[name] for name in options.cases]
    if options.tasks is not None:
        cases = [replace(case, tasks=options.tasks) for case in cases]
    settings = {"workers": options.workers, "rounds": options.rounds}
    about = machine.describe()
    try:
        start_up = _start_up(peers, options)
        results: list[CaseResult] = []
        for case in cases:
            results.append(_measured(case, peers, options))
            _say(render_case(results[-1], start_up) + "\n")
            if options.json is not None:  # after every case, so that an interruption loses one at most
                found = as_json(results, start_up, about, settings)
                options.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    except BenchmarkError as error:
        _say(f"benchmark: {error}")
        return 1
    print(render(results, start_up, about, settings), end="")  # noqa: T201  the result of the command
    return 0


def _start_up(peers: Sequence[Peer], options: argparse.Namespace) -> Mapping[str, float]:
    """Measure what a start takes, after one that compiles what is not compiled yet."""
    found = {}
    for peer in peers:
        for _ in range(2):
            measured = measure(peer, _NEXT_TO_NOTHING, workers=options.workers, limit=LIMIT)
            found[peer.name] = measured.cpu_seconds
    return found


def _measured(case: Case, peers: Sequence[Peer], options: argparse.Namespace) -> CaseResult:
    result = CaseResult(case=case)
    for peer in peers:
        why = _reason_to_skip(case, peer, options.patience)
        if why is not None:
            result.skipped[peer.name] = why
    for number in range(options.rounds):
        for peer in peers:
            if peer.name in result.skipped:
                continue
            _say(f"{case.name}: {peer.name}, round {number + 1} of {options.rounds} …")
            result.add(measure(peer, case, workers=options.workers, limit=LIMIT, keep=options.keep))
    return result


def _reason_to_skip(case: Case, peer: Peer, patience: float) -> str | None:
    if case.peers is not None and peer.name not in case.peers:
        return f"this case is for {' and '.join(case.peers)} alone"
    if peer.looks_per_second is None:
        return None
    seconds = case.seconds_by_looks(peer.looks_per_second)
    if seconds <= patience:
        return None
    return f"looking singly at {case.tasks:,} tasks would take it about {seconds:.0f} s (--patience {patience:g})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure the product against what people would write instead of it, on a simulated service.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=_Names("case", CASES), default=USUAL, help=f"of {', '.join(CASES)}")
    parser.add_argument("--peers", type=_Names("peer", PEERS), default=tuple(PEERS), help=f"of {', '.join(PEERS)}")
    parser.add_argument("--tasks", type=_positive, help="that many tasks in every case, instead of its own number")
    parser.add_argument("--rounds", type=_positive, default=1, help="how often each peer runs, by turns (default: 1)")
    parser.add_argument("--workers", type=_positive, default=WORKERS, help="requests in flight, for every peer")
    parser.add_argument(
        "--patience", type=float, default=300.0, metavar="SECONDS", help="leave out who would look singly for longer"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what the peers write below this folder")
    return parser


class _Names:
    """Reads a list of names with commas between them."""

    def __init__(self, what: str, known: Mapping[str, object]) -> None:
        self._what = what
        self._known = known

    def __call__(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(filter(None, text.split(","))))
        for name in names:
            if name not in self._known:
                raise argparse.ArgumentTypeError(f"no {self._what} {name!r}; there are {', '.join(self._known)}")
        return names


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above 0")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  progress, for people


if __name__ == "__main__":
    sys.exit(main())
