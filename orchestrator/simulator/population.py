"""Who lives in the service at the start: ids, starting states, traits and places in the list, by the seed."""

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.simulator import chance, tasks
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.roll import Roll
from orchestrator.simulator.statuses import RESTARTABLE, STOPPABLE, Statuses
from orchestrator.simulator.tasks import Tasks

# An id as the service would give it out.
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{1,64}")

_TRAITS = {
    "refuse_once": tasks.REFUSE_ONCE,
    "refuse_always": tasks.REFUSE_ALWAYS,
    "forget": tasks.FORGET,
    "ends_in_error": tasks.ENDS_IN_ERROR,
    "ends_by_itself": tasks.ENDS_BY_ITSELF,
    "flap": tasks.FLAP,
    "restarted": tasks.RESTARTED,
    "vanishes": tasks.VANISHES,
    "unlisted": tasks.UNLISTED,
    "exchanging": tasks.EXCHANGING,
    "unmentioned": tasks.UNMENTIONED,
    "repeated": tasks.REPEATED,
}
# What makes sense for a task that can be restarted, and does nothing to it that nobody asked for.
_OF_RESTARTS = ("refuse_once", "refuse_always", "forget", "unmentioned", "repeated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The tasks, the list they stand in, and what a job would name."""

    tasks: Tasks
    roll: Roll
    named: Sequence[str]
    """The ids of the job, in its order; some may be unknown to the service."""
    strangers: list[int]
    """The numbers of everybody else."""


def make_ids(seed: int, concern: str, count: int) -> list[str]:
    """Draw ids in the two forms that the vendor's examples show: 32 hex digits, and a UUID with hyphens."""
    digits = chance.stream(seed, concern).randbytes(16 * count).hex()
    found = []
    for start in range(0, 32 * count, 32):
        h = digits[start : start + 32]
        # the last digit decides: as good as a coin, and the id alone tells its form
        found.append(h if h[31] in "02468ace" else f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}")
    return found


def populate(options: SimulatorOptions, statuses: Statuses, ids: Sequence[str] | None) -> Population:
    """Make the tasks: those of the job (`ids`, or drawn ones) scattered among the strangers."""
    seed = options.seed
    named = list(dict.fromkeys(ids)) if ids is not None else make_ids(seed, "ids", options.tasks)
    known = _without_unknown(named, options)
    strangers = make_ids(seed, "strangers", options.strangers)
    everyone = known + strangers
    order = list(range(len(everyone)))
    chance.stream(seed, "order").shuffle(order)
    all_ids = [everyone[place] for place in order]
    states = draw_states(options, statuses, "states", len(everyone))
    own = [number for number, place in enumerate(order) if place < len(known)]
    traits = array("H", bytes(2 * len(everyone)))
    _deal_traits(options, _TRAITS, "", [n for n in own if states[n] in STOPPABLE], traits)
    _deal_traits(options, _OF_RESTARTS, " of restarts", [n for n in own if states[n] in RESTARTABLE], traits)
    listed = (n for n in range(len(everyone)) if not traits[n] & tasks.UNLISTED)
    return Population(
        tasks=Tasks(all_ids, states, traits),
        roll=Roll(listed if options.unlisted else range(len(everyone))),
        named=named,
        strangers=[number for number, place in enumerate(order) if place >= len(known)],
    )


def draw_states(options: SimulatorOptions, statuses: Statuses, concern: str, count: int) -> bytes:
    """Draw starting states by the weights of the options."""
    codes = [statuses.codes[name] for name in options.states]
    weights = list(options.states.values())
    return bytes(chance.stream(options.seed, concern).choices(codes, weights, k=count))


def _without_unknown(named: list[str], options: SimulatorOptions) -> list[str]:
    count = round(options.unknown * len(named))
    unknown = set(chance.stream(options.seed, "unknown").sample(named, count)) if count else set[str]()
    return [i for i in named if i not in unknown and WELL_FORMED.fullmatch(i)]


def _deal_traits(
    options: SimulatorOptions, names: Iterable[str], pool: str, eligible: list[int], traits: "array[int]"
) -> None:
    for name in names:
        share: float = getattr(options, name)
        if share:
            draws = chance.stream(options.seed, name + pool)
            for number in draws.sample(eligible, round(share * len(eligible))):
                traits[number] |= _TRAITS[name]
