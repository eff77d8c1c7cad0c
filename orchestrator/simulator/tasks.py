"""The store of tasks: flat arrays, and for each task the next steps of its life, taken when somebody looks.

A task is a number, in order of creation. `look(number, now)` first takes every step that is due, so that a
status is a function of time and of the requests that came before, and nothing has to run in between.
"""

import math
from array import array
from collections.abc import Callable, Sequence

# Traits of a task, one bit each.
REFUSE_ONCE, REFUSE_ALWAYS, FORGET, ENDS_IN_ERROR = 1, 2, 4, 8
ENDS_BY_ITSELF, FLAP, RESTARTED, VANISHES = 16, 32, 64, 128
UNLISTED, EXCHANGING, UNMENTIONED, REPEATED = 256, 512, 1024, 2048
# And its condition.
STOPPING, RESTARTING = 4096, 8192  # accepted, and not done
MOVED = 16384  # was set in motion before

Step = tuple[float, int]  # when, and the status from then on


class Tasks:
    """All tasks of one service, the strangers' too."""

    def __init__(self, ids: list[str], states: bytes, traits: "array[int]") -> None:
        self.ids = ids
        self.numbers = dict(zip(ids, range(len(ids)), strict=True))
        self.first = bytearray(states)
        self.status = bytearray(states)
        self.traits = traits
        """What is left to happen: once-only traits are cleared when they have happened."""
        self.next_at = array("d", [math.inf]) * len(ids)
        self._next_status = bytearray(len(ids))
        self._later: dict[int, list[Step]] = {}
        self._created: dict[int, float] = {}
        self.on_step: Callable[[int, float, int], None] | None = None
        """Told of each step: task, when, status. Books are kept by this."""

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, task_id: str, state: int, created: float) -> int:
        """Take in a task that was created while the service runs."""
        number = len(self.ids)
        self.ids.append(task_id)
        self.numbers[task_id] = number
        self.first.append(state)
        self.status.append(state)
        self.traits.append(0)
        self.next_at.append(math.inf)
        self._next_status.append(0)
        self._created[number] = created
        return number

    def created(self, number: int) -> float | None:
        """When it was created, if that was while the service ran."""
        return self._created.get(number)

    def find(self, task_id: str) -> int | None:
        """Give the task's number; None if the service does not know the id."""
        return self.numbers.get(task_id)

    def look(self, number: int, now: float) -> int:
        """Give the task's status at this moment."""
        while self.next_at[number] <= now:
            self._step(number)
        return self.status[number]

    def plan(self, number: int, steps: Sequence[Step]) -> None:
        """Set what the task will go through from here; what was planned before is dropped."""
        (self.next_at[number], self._next_status[number]), later = steps[0], steps[1:]
        if later:
            self._later[number] = list(later)
        else:
            self._later.pop(number, None)

    def steps(self, number: int) -> list[Step]:
        """Give what the task will go through from here, if nobody interferes."""
        if self.next_at[number] == math.inf:
            return []
        return [(self.next_at[number], self._next_status[number]), *self._later.get(number, ())]

    def _step(self, number: int) -> None:
        at, status = self.next_at[number], self._next_status[number]
        later = self._later.get(number)
        if later:
            self.next_at[number], self._next_status[number] = later.pop(0)
            if not later:
                del self._later[number]
        else:
            self.next_at[number] = math.inf
            self.traits[number] &= ~(STOPPING | RESTARTING)
        self.status[number] = status
        if self.on_step is not None:
            self.on_step(number, at, status)
