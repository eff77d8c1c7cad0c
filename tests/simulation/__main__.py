"""`python -m tests.simulation`: thousands of simulated disasters, each judged, each replayable by its seed."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from tests.simulation.covered import Met, expected, never_met, watched
from tests.simulation.examine import Finding, examine, examine_seed
from tests.simulation.pieces import PIECES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHUNK = 20  # seeds that a process plays at a time
EXAMPLE = """examples:
  python -m tests.simulation --seeds 10000 --jobs 2   play the first ten thousand seeds
  python -m tests.simulation --seed 4711 --verbose    play one again, and tell its story
  python -m tests.simulation --mutations              break the engine on purpose, and see each break caught
  python -m tests.simulation --soak                   days of virtual time with many tasks; memory must stay flat
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is asked for; returns 1 if any rule was broken."""
    options = _parser().parse_args(arguments)
    if options.mutations:
        from tests.simulation.mutations import report_mutations

        return report_mutations(_say)
    if options.soak:
        from tests.simulation.soak import TASKS, soak

        return soak(_say, (options.tasks,) if options.tasks else TASKS, days=options.days)
    if options.seed is not None:
        from tests.simulation.telling import tell

        return tell(options.seed, _say, verbose=options.verbose)
    return _play_many(range(options.start, options.start + options.seeds), jobs=options.jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Plays whole runs in virtual time against a service that misbehaves by a seed, and judges them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many seeds to play (200)")
    parser.add_argument("--start", type=int, default=0, metavar="S", help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="processes to play in (1)")
    parser.add_argument("--seed", type=int, metavar="S", help="play this one only")
    parser.add_argument("--verbose", action="store_true", help="with --seed: tell the whole story")
    parser.add_argument("--mutations", action="store_true", help="see that the referee catches deliberate mistakes")
    parser.add_argument("--soak", action="store_true", help="days of virtual time in one run, and the memory it takes")
    parser.add_argument("--tasks", type=int, metavar="N", help="with --soak: one run of so many tasks, not a ladder")
    parser.add_argument("--days", type=float, default=1.0, metavar="D", help="with --soak: how many virtual days (1)")
    return parser


def play_chunk(seeds: Sequence[int]) -> tuple[list[Finding], Met]:
    """Play some seeds, in a process of their own perhaps."""
    met: Met = Counter()
    with watched(met):
        return [examine_seed(seed) for seed in seeds], met


def play_pieces(met: Met) -> Iterator[str]:
    """Play the set pieces, too: every broken rule, and every piece that misses the row it was made for."""
    for row, scenario in PIECES:
        mine: Met = Counter()
        with watched(mine):
            finding, _ = examine(scenario)
        met.update(mine)
        yield from (f"set piece {row!r}: {violation}" for violation in finding.violations)
        if not mine[row]:
            yield f"set piece {row!r} does not meet it"


def _play_many(seeds: range, *, jobs: int) -> int:
    began, met, broken, virtual, requests, lives = time.monotonic(), Counter[str](), 0, 0.0, 0, 0
    for findings, part in _chunks(seeds, jobs):
        met.update(part)
        for finding in findings:
            virtual += finding.virtual_seconds
            requests += finding.requests
            lives += finding.lives
            broken += bool(finding.violations)
            for violation in finding.violations:
                _say(f"seed {finding.seed}: {violation}")
    took = time.monotonic() - began
    for problem in play_pieces(met):
        broken += 1
        _say(problem)
    _say(
        f"{len(seeds)} seeds, {lives} lives, {requests:,} requests, {virtual / 3600:,.1f} virtual hours "
        f"in {took:.0f} s: {len(seeds) / took:.1f} seeds a second"
    )
    missing = never_met(met)
    _say(f"transition and error tables: {len(expected()) - len(missing)} of {len(expected())} rows met")
    for row in missing:
        _say(f"  never met: {row}")
    _say(f"{broken} seeds or set pieces broke a rule" if broken else "no seed broke a rule")
    return 1 if broken else 0


def _chunks(seeds: range, jobs: int) -> Iterator[tuple[list[Finding], Met]]:
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if jobs == 1:
        yield from map(play_chunk, chunks)
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(play_chunk, chunks)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  a command line for people


if __name__ == "__main__":
    sys.exit(main())
