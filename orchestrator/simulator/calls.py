"""The calls of the API: what each does to the tasks, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import assert_never

from orchestrator.simulator import chance, tasks
from orchestrator.simulator.answers import Incoming, Problem, Reply, encode, read_ids, reply
from orchestrator.simulator.books import Books
from orchestrator.simulator.lifecycle import Effect, Lifecycle
from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.pages import Pages
from orchestrator.simulator.population import WELL_FORMED, Population
from orchestrator.simulator.routes import Route
from orchestrator.simulator.statuses import DELETED, ERROR, FULLMIGRATING, STOPPABLE, TERMINATED

_MESSAGES = {
    "DCS.4026": "The instance is busy. Try again later.",
    "DCS.4027": "The operation is not supported.",
    "DCS.4049": "The operation is not allowed in the current instance state.",
    "DCS.4133": "Instance job is not found.",
    "DCS.4957": "The operation is not allowed in the current task state.",
}
_NOT_FOUND = Problem(400, "DCS.4133", _MESSAGES["DCS.4133"])
_SPOILED = Problem(400, "DCS.4855", "invalid migration task id in the request.")
_MOST_ROWS = 1000
_ROWS = 10
_FURTHEST = 1 << 31


class Calls:
    """Answers requests that got past the gateway."""

    def __init__(
        self, options: SimulatorOptions, population: Population, lifecycle: Lifecycle, books: Books, pages: Pages
    ) -> None:
        self._options = options
        self._tasks = population.tasks
        self._roll = population.roll
        self._lifecycle = lifecycle
        self._books = books
        self._pages = pages
        self._shuffling = chance.stream(options.seed, "shuffled")

    def answer(self, route: Route, incoming: Incoming, now: float, request_id: str) -> Reply:
        """Carry out a call."""
        found: Reply | Problem
        match route.name:
            case "batch-stop":
                found = self._batch(incoming, "stop", self._lifecycle.stop, now, request_id)
            case "batch-restart":
                found = self._batch(incoming, "restart", self._lifecycle.restart, now, request_id)
            case "delete":
                found = self._delete(incoming, now, request_id)
            case "list":
                found = self._list(incoming, now, request_id)
            case "show" | "stats":
                found = self._show(route, now, request_id)
            case "stop" | "sync-stop":
                found = self._stop(route, now, request_id)
            case _:
                assert_never(route.name)
        if isinstance(found, Problem):
            return found.reply(request_id, shape=self._options.error_shape)
        return found

    def _batch(
        self, incoming: Incoming, verb: str, act: Callable[[int, float], Effect], now: float, request_id: str
    ) -> Reply | Problem:
        ids = self._read_batch(incoming, "migration_tasks")
        if isinstance(ids, Problem):
            return ids
        bad = {i for i in ids if self._known(i, now) is None}
        if any(self._options.unknown_in_batch == "spoil" or not WELL_FORMED.fullmatch(i) for i in bad):
            for task_id in ids:
                effect = Effect.UNKNOWN if task_id in bad else Effect.SPOILED
                self._books.asked(verb, task_id, now, effect)
            return _SPOILED
        results: list[tuple[str, str, str]] = []
        for task_id in ids:
            number = self._known(task_id, now)
            effect = Effect.UNKNOWN if number is None else act(number, now)
            self._books.asked(verb, task_id, now, effect)
            code = self._code(effect)
            result = (task_id, code, _MESSAGES.get(code, "The operation failed."))
            results += [result] * self._mentions(number)
        if self._options.shuffled:
            self._shuffling.shuffle(results)
        return reply(200, self._pages.results(results), request_id)

    def _read_batch(self, incoming: Incoming, field: str) -> list[str] | Problem:
        ids = read_ids(incoming.body, field)
        if not isinstance(ids, Problem) and len(ids) > self._options.batch_limit:
            text = f"The number of tasks in the request exceeds {self._options.batch_limit}."
            return Problem(400, "DCS.4100", text)
        return ids

    def _delete(self, incoming: Incoming, now: float, request_id: str) -> Reply | Problem:
        ids = self._read_batch(incoming, "task_id_list")
        if isinstance(ids, Problem):
            return ids
        going: list[str] = []
        for task_id in ids:
            number = self._known(task_id, now)
            effect = Effect.UNKNOWN if number is None else self._lifecycle.delete(number, now)
            self._books.asked("delete", task_id, now, effect)
            if effect.is_success:
                going.append(task_id)
        return reply(200, encode({"task_id_list": going}), request_id)

    def _list(self, incoming: Incoming, now: float, request_id: str) -> Reply | Problem:
        query = dict(incoming.query)
        offset = _whole(query.get("offset", "0"), 0, _FURTHEST)
        limit = _whole(query.get("limit", f"{_ROWS}"), 1, _MOST_ROWS)
        if offset is None or limit is None:
            name = "offset" if offset is None else "limit"
            return Problem(400, "DCS.4062", f"Invalid {name} parameter in the request.")
        newest_first = self._options.order == "newest"
        if query.get("name"):
            matching = self._matching(query["name"], newest_first=newest_first)
            numbers: Sequence[int] = matching[offset : offset + limit]
            total = len(matching)
        else:
            numbers = self._roll.page(offset, limit, newest_first=newest_first)
            total = len(self._roll)
        is_total = self._options.count == "total"
        body = self._pages.listing(numbers, now, total if is_total else len(numbers))
        return reply(200, body, request_id)

    def _matching(self, name: str, *, newest_first: bool) -> list[int]:
        is_exact = self._options.name_match == "exact"
        return [
            number
            for number in self._roll.everyone(newest_first=newest_first)
            if (name == self._pages.name(number) if is_exact else name in self._pages.name(number))
        ]

    def _show(self, route: Route, now: float, request_id: str) -> Reply | Problem:
        number = self._tasks.find(route.task_id)
        if number is None:
            return _NOT_FOUND
        is_deleted = self._tasks.look(number, now) == DELETED
        if is_deleted and (self._options.deleted_show == "gone" or route.name == "stats"):
            return _NOT_FOUND
        if route.name == "stats":
            return reply(200, self._stats(number, now), request_id)
        return reply(200, self._pages.detail(number, now), request_id)

    def _stats(self, number: int, now: float) -> bytes:
        status = self._tasks.look(number, now)
        is_moving = status in STOPPABLE
        return encode(
            {
                "full_migration_progress": "50" if status == FULLMIGRATING else "100",
                "offset": f"{number}",
                "source_dbsize": "1000",
                "target_dbsize": "1000",
                "target_input_kbps": "12.5" if is_moving else "0",
                "target_ops": "7" if is_moving else "0",
                "is_migrating": is_moving,
            }
        )

    def _stop(self, route: Route, now: float, request_id: str) -> Reply | Problem:
        number = self._known(route.task_id, now)
        effect = Effect.UNKNOWN if number is None else self._lifecycle.stop(number, now)
        self._books.asked("stop", route.task_id, now, effect)
        if number is None or not effect.is_success:
            code = self._code(effect)
            return Problem(400, code, _MESSAGES.get(code, "The operation failed."))
        if route.name == "stop":
            return reply(200, self._pages.detail(number, now), request_id)
        # The synchronous stop answers when the task is down.
        ends = (at for at, status in self._tasks.steps(number) if status in {TERMINATED, ERROR})
        return replace(reply(204, b"", request_id), delay=next(ends, now) - now)

    def _known(self, task_id: str, now: float) -> int | None:
        number = self._tasks.find(task_id)
        if number is None or self._tasks.look(number, now) == DELETED:
            return None
        return number

    def _mentions(self, number: int | None) -> int:
        if number is None:
            return 1
        traits = self._tasks.traits[number]
        if traits & tasks.UNMENTIONED:
            return 0
        return 2 if traits & tasks.REPEATED else 1

    def _code(self, effect: Effect) -> str:
        match effect:
            case Effect.ACCEPTED | Effect.AGAIN | Effect.FORGOTTEN:
                return ""
            case Effect.REFUSED_ONCE:
                return self._options.refuse_once_code
            case Effect.REFUSED:
                return self._options.refuse_always_code
            case Effect.WRONG_STATE | Effect.EXCHANGING:
                return "DCS.4957"
            case Effect.UNKNOWN | Effect.SPOILED:
                return "DCS.4133"
            case _:
                assert_never(effect)


def _whole(text: str, low: int, high: int) -> int | None:
    if not text.isascii() or not text.isdigit() or len(text) > 10:  # noqa: PLR2004  longer is out of any range
        return None
    return int(text) if low <= int(text) <= high else None
