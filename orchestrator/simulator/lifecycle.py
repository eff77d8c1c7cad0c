"""What requests, other people and time do to tasks.

Rules:
- A stop of a task in progress leads over TERMINATING to TERMINATED (or ERROR), in a time drawn for that task.
- A stop of a task that is being stopped changes nothing; whether it is accepted is an option.
- A stop in any other state is refused. A restart works the same way, from TERMINATED back into progress.
- A deletion is accepted for tasks at rest, and the task is gone a little later.
- Traits (refuse once, forget, flap …) bend these rules for the tasks that have them.
"""

import enum
import heapq

from orchestrator.simulator import chance, tasks
from orchestrator.simulator.chance import seconds, uniform
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.population import Population, make_ids
from orchestrator.simulator.statuses import (
    DELETED,
    ERROR,
    FULLMIGRATING,
    INCRMIGEATING,
    RESTARTABLE,
    STOPPABLE,
    SUCCESS,
    TERMINATED,
    TERMINATING,
    UNDELETABLE,
    Statuses,
)
from orchestrator.simulator.tasks import Step


class Effect(enum.Enum):
    """What a stop, a restart or a deletion did to one task."""

    ACCEPTED = "accepted"
    AGAIN = "accepted again"  # it was under way already, and still is
    FORGOTTEN = "forgotten"  # the caller was told it was accepted; nothing happens
    REFUSED_ONCE = "refused once"
    REFUSED = "refused"
    WRONG_STATE = "wrong state"
    EXCHANGING = "exchanging"
    UNKNOWN = "unknown"  # there is no such task, or no longer
    SPOILED = "spoiled"  # another id of the batch was not known, and the whole batch refused

    @property
    def is_success(self) -> bool:
        """Whether the caller is told that the request was delivered."""
        return self in {Effect.ACCEPTED, Effect.AGAIN, Effect.FORGOTTEN}


class Lifecycle:
    """Moves the tasks of one service."""

    def __init__(self, options: SimulatorOptions, statuses: Statuses, population: Population) -> None:
        self._options = options
        self._tasks = population.tasks
        self._roll = population.roll
        self._strangers = population.strangers
        self._seed = options.seed
        self._keys = {name: chance.key(options.seed, name) for name in ("stop", "restart", "delete", "event")}
        self._draws: dict[int, int] = {}  # how often a task was set in motion again
        self._started: float | None = None
        self._departures: list[tuple[float, int]] = []
        self._churn = chance.stream(options.seed, "churn")
        self._newcomer_states = [statuses.codes[name] for name in options.states]
        self._arrivals_made = 0
        self._departures_made = 0

    def advance(self, now: float) -> None:
        """Let happen what concerns the list itself: deletions that are due, strangers who come and go."""
        if self._started is None:
            self._begin(now)
        while self._departures and self._departures[0][0] <= now:
            at, number = heapq.heappop(self._departures)
            self._remove(number, at)
        if self._options.churn.created or self._options.churn.deleted:
            self._let_strangers_move(now)

    def elapsed(self, now: float) -> float:
        """Seconds since the first request."""
        return now - (now if self._started is None else self._started)

    def is_exchanging(self, number: int, now: float) -> bool:
        """Tell whether the task's IP switch is in progress."""
        has_switch = bool(self._tasks.traits[number] & tasks.EXCHANGING)
        return has_switch and self.elapsed(now) < self._options.exchange_seconds

    def stop(self, number: int, now: float) -> Effect:
        """Ask one task to stop."""
        status = self._tasks.look(number, now)
        if status == TERMINATING or (status in STOPPABLE and self._tasks.traits[number] & tasks.STOPPING):
            return self._again()
        if status not in STOPPABLE:
            return Effect.WRONG_STATE
        if self.is_exchanging(number, now):
            return Effect.EXCHANGING
        effect = self._whim(number)
        if effect is Effect.ACCEPTED:
            self._plan_stop(number, status, now)
        return effect

    def restart(self, number: int, now: float) -> Effect:
        """Ask one task to start again."""
        status = self._tasks.look(number, now)
        if self._tasks.traits[number] & tasks.RESTARTING:
            return self._again()
        if status not in RESTARTABLE:
            return Effect.WRONG_STATE
        effect = self._whim(number)
        if effect is Effect.ACCEPTED:
            end = INCRMIGEATING if self.is_incremental(number) else SUCCESS
            took = seconds(self._options.restart_seconds, self._draw("restart", number))
            self._set_going(number, tasks.RESTARTING, [(now, FULLMIGRATING), (now + took, end)], now)
        return effect

    def delete(self, number: int, now: float) -> Effect:
        """Ask for the deletion of one task."""
        if self._tasks.look(number, now) in UNDELETABLE:
            return Effect.WRONG_STATE
        took = seconds(self._options.delete_seconds, uniform(self._keys["delete"], number))
        heapq.heappush(self._departures, (now + took, number))
        return Effect.ACCEPTED

    @staticmethod
    def is_incremental(number: int) -> bool:
        """Tell a task's method: three of four migrate incrementally after the full copy."""
        return number % 4 != 0

    def _begin(self, now: float) -> None:
        self._started = now
        store, options = self._tasks, self._options
        position = store.status.find(TERMINATING)
        while position >= 0:
            took = seconds(options.stop_seconds, self._draw("stop", position))
            self._set_going(position, tasks.STOPPING, [(now + took, TERMINATED)], now)
            position = store.status.find(TERMINATING, position + 1)
        if not (options.ends_by_itself or options.vanishes):
            return
        for number, traits in enumerate(store.traits):
            if traits & (tasks.ENDS_BY_ITSELF | tasks.VANISHES):
                at = now + seconds(options.event_seconds, uniform(self._keys["event"], number))
                if traits & tasks.VANISHES:
                    heapq.heappush(self._departures, (at, number))
                else:
                    store.plan(number, [(at, SUCCESS)])

    def _again(self) -> Effect:
        return Effect.AGAIN if self._options.again == "accept" else Effect.WRONG_STATE

    def _whim(self, number: int) -> Effect:
        traits = self._tasks.traits[number]
        if traits & tasks.REFUSE_ALWAYS:
            return Effect.REFUSED
        if traits & tasks.REFUSE_ONCE:
            self._tasks.traits[number] &= ~tasks.REFUSE_ONCE
            return Effect.REFUSED_ONCE
        if traits & tasks.FORGET:
            self._tasks.traits[number] &= ~tasks.FORGET
            return Effect.FORGOTTEN
        return Effect.ACCEPTED

    def _draw(self, concern: str, number: int) -> float:
        """Draw for the n-th time that this task is set in motion, whenever that may be."""
        if self._tasks.traits[number] & tasks.MOVED:
            turn = self._draws.get(number, 0) + 1
            self._draws[number] = turn
        else:  # most tasks are set in motion once, and take no place in the books for it
            turn = 0
            self._tasks.traits[number] |= tasks.MOVED
        return uniform(self._keys[concern], number + (turn << 40))

    def _plan_stop(self, number: int, status: int, now: float) -> None:
        options, traits = self._options, self._tasks.traits[number]
        begin = now + options.stop_delay
        end = begin + seconds(options.stop_seconds, self._draw("stop", number))
        took = end - begin
        last = ERROR if traits & tasks.ENDS_IN_ERROR else TERMINATED
        steps = [(begin, TERMINATING), (end, last)]
        if traits & tasks.FLAP:
            swing = [(begin + took / 3, status), (begin + 2 * took / 3, TERMINATING)]
            relapse = [(end + took / 10, TERMINATING), (end + took / 5, last)]
            steps = [steps[0], *swing, steps[1], *relapse]
        if traits & tasks.RESTARTED and not traits & tasks.MOVED:
            after = seconds(options.event_seconds, uniform(self._keys["event"], number))
            steps.append((steps[-1][0] + after, status))
        self._set_going(number, tasks.STOPPING, steps, now)

    def _set_going(self, number: int, condition: int, steps: list[Step], now: float) -> None:
        rest = self._tasks.traits[number] & ~(tasks.STOPPING | tasks.RESTARTING)
        self._tasks.traits[number] = rest | condition
        self._tasks.plan(number, steps)
        self._tasks.look(number, now)

    def _remove(self, number: int, at: float) -> None:
        if self._tasks.look(number, at) != DELETED:
            self._set_going(number, 0, [(at, DELETED)], at)
            self._roll.remove(number)

    def _let_strangers_move(self, now: float) -> None:
        elapsed, churn = self.elapsed(now), self._options.churn
        start = now - elapsed
        while (self._arrivals_made + 1) <= elapsed * churn.created:
            self._arrivals_made += 1
            self._welcome(start + self._arrivals_made / churn.created)
        while (self._departures_made + 1) <= elapsed * churn.deleted:
            self._departures_made += 1
            if self._strangers:
                place = self._churn.randrange(len(self._strangers))
                self._strangers[place], last = self._strangers[-1], self._strangers[place]
                self._strangers.pop()
                self._remove(last, start + self._departures_made / churn.deleted)

    def _welcome(self, at: float) -> None:
        task_id = make_ids(self._seed, f"newcomer {self._arrivals_made}", 1)[0]
        weights = list(self._options.states.values())
        state = self._churn.choices(self._newcomer_states, weights)[0]
        number = self._tasks.add(task_id, state, at)
        self._roll.append(number)
        self._strangers.append(number)
