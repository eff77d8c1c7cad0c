"""The service's own truth, for referees: what became of each task, and who asked for what, when."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.simulator.lifecycle import Effect
from orchestrator.simulator.statuses import Statuses
from orchestrator.simulator.tasks import Tasks

_EFFECTS = tuple(Effect)
_CODES = {effect: code for code, effect in enumerate(_EFFECTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request as it came in, and what it was answered."""

    time: float
    api: str
    """stop, restart, delete, list, show, or other."""
    route: str
    """Which call it was: batch-stop, stop, sync-stop, batch-restart, delete, list, show, stats, or other."""
    ids: Sequence[str]
    """The ids it named, whatever became of it."""
    status: int
    """The HTTP status of the answer; 0 if the caller never got to see one."""
    throttled: bool
    fault: str | None
    """The accident that met it, if any."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for one task that reached it."""

    time: float
    verb: str
    """stop, restart or delete."""
    effect: Effect


class Books:
    """Kept by the service while it works; read by whoever judges its callers.

    Times are those of the transport's clock. In the `counts` mode there is no history and no list of arrivals.
    """

    def __init__(self, tasks: Tasks, statuses: Statuses, keep: Literal["full", "counts"]) -> None:
        self._tasks = tasks
        self._statuses = statuses
        self.is_full = keep == "full"
        self.arrivals: list[Arrival] = []
        self.answers: Counter[tuple[str, int]] = Counter()
        """How many answers by API and HTTP status."""
        self.effects: Counter[tuple[str, Effect]] = Counter()
        """How many tasks were asked to stop, restart or go, by verb and effect."""
        self._steps = _Log()
        self._asked = _Log()
        self._strange: dict[str, list[Asked]] = {}  # requests for ids that nobody knows
        if self.is_full:
            tasks.on_step = self._steps.add

    def arrived(self, arrival: Arrival) -> None:
        """Enter a request and its answer."""
        self.answers[arrival.api, arrival.status] += 1
        if self.is_full:
            self.arrivals.append(arrival)

    def asked(self, verb: str, task_id: str, now: float, effect: Effect) -> None:
        """Enter what a request did to one task."""
        self.effects[verb, effect] += 1
        if not self.is_full:
            return
        number = self._tasks.find(task_id)
        if number is None:
            self._strange.setdefault(task_id, []).append(Asked(now, verb, effect))
        else:
            self._asked.add(number, now, _VERBS.index(verb) * len(_EFFECTS) + _CODES[effect])

    def first_status(self, task_id: str) -> str | None:
        """Give the status that the task began with; None if there never was such a task."""
        number = self._tasks.find(task_id)
        return None if number is None else self._statuses.names[self._tasks.first[number]]

    def history(self, task_id: str, now: float) -> list[tuple[float, str]]:
        """Give every change of the task's status up to now: when, and to what. The first status is not in it."""
        number = self._tasks.find(task_id)
        if number is None:
            return []
        self._tasks.look(number, now)
        return [(at, self._statuses.names[code]) for at, code in self._steps.of(number)]

    def status_of(self, task_id: str, now: float) -> str | None:
        """Give the task's true status at a moment; None if there never was such a task, DELETED if it is gone."""
        number = self._tasks.find(task_id)
        if number is None:
            return None
        latest = self._tasks.look(number, now)
        if not self.is_full:
            return self._statuses.names[latest]
        steps = self._steps.of(number)
        passed = bisect_right(steps, now, key=lambda step: step[0])
        return self._statuses.names[steps[passed - 1][1] if passed else self._tasks.first[number]]

    def requests_for(self, task_id: str) -> list[Asked]:
        """Give every request for this task that got as far as being considered, in order of arrival."""
        number = self._tasks.find(task_id)
        found = [
            Asked(at, _VERBS[code // len(_EFFECTS)], _EFFECTS[code % len(_EFFECTS)])
            for at, code in (() if number is None else self._asked.of(number))
        ]
        return sorted(self._strange.get(task_id, []) + found, key=lambda asked: asked.time)

    def stops(self, task_id: str) -> list[Asked]:
        """Give every stop that named this task and got as far as being considered."""
        return [asked for asked in self.requests_for(task_id) if asked.verb == "stop"]

    def stop_times(self, task_id: str) -> list[float]:
        """Give the times of the stops for this task whose caller was told, or would have been, of success."""
        return [asked.time for asked in self.stops(task_id) if asked.effect.is_success]


_VERBS = ("stop", "restart", "delete")


class _Log:
    """Entries of task, time and code in flat arrays; sorted out by task only when somebody reads."""

    def __init__(self) -> None:
        self._numbers = array("I")
        self._times = array("d")
        self._codes = bytearray()
        self._places: dict[int, list[int]] = {}
        self._sorted = 0

    def add(self, number: int, at: float, code: int) -> None:
        self._numbers.append(number)
        self._times.append(at)
        self._codes.append(code)

    def of(self, number: int) -> list[tuple[float, int]]:
        for place in range(self._sorted, len(self._numbers)):
            self._places.setdefault(self._numbers[place], []).append(place)
        self._sorted = len(self._numbers)
        return [(self._times[place], self._codes[place]) for place in self._places.get(number, ())]
