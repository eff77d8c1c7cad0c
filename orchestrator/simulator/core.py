"""The simulated service without any I/O: a request and a time in, an answer out.

The order is that of the real one: the gateway finds the API, authenticates the caller and counts the quota; then
accidents strike; then the service behind it checks the project and carries the call out.

State is a function of time and of what was asked. The same options, requests and times give the same answers.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.simulator import chance
from orchestrator.simulator.answers import Calendar, Incoming, Problem, Reply, read_ids
from orchestrator.simulator.auth import Doorkeeper
from orchestrator.simulator.books import Arrival, Books
from orchestrator.simulator.calls import Calls
from orchestrator.simulator.faults import Accident, Accidents
from orchestrator.simulator.lifecycle import Lifecycle
from orchestrator.simulator.options import Secrets, SimulatorOptions
from orchestrator.simulator.pages import Pages
from orchestrator.simulator.population import populate
from orchestrator.simulator.quotas import Throttles
from orchestrator.simulator.routes import Route, find
from orchestrator.simulator.statuses import Statuses

__all__ = ["DEFAULT_EPOCH", "Incoming", "Reply", "Service"]

DEFAULT_EPOCH = 1_767_340_800.0  # 2026-01-02T08:00:00Z
_PROJECT = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_SUCH_API = "The API does not exist or has not been published in the environment"
_DENIALS = {
    "DCS.2003": "Policy does not allow the operation to be performed.",
    "APIGW.0302": "The IAM user is not authorized to access the API",
    "PAP5.0001": "access denied: the identity policy does not allow dcs:migrationTask",
}


class Service:
    """One simulated service.

    Args:
        options: What it is like.
        ids: The ids of a job; they become its tasks (minus the share `unknown`, and minus malformed ones).
            None: it has `options.tasks` tasks of its own.
        epoch: Seconds since 1970 at the transport's time 0; signatures are dated by it.

    """

    def __init__(
        self, options: SimulatorOptions, *, ids: Sequence[str] | None = None, epoch: float = DEFAULT_EPOCH
    ) -> None:
        statuses = Statuses(options.states)
        population = populate(options, statuses, ids)
        self.options = options
        self.ids = population.named
        """What a job would name, in its order, without repetitions; some may be unknown here."""
        self.books = Books(population.tasks, statuses, options.keep_books)
        self._tasks = population.tasks
        self._lifecycle = Lifecycle(options, statuses, population)
        self._calendar = Calendar(epoch)
        pages = Pages(options, statuses, population.tasks, self._lifecycle, self._calendar)
        self._calls = Calls(options, population, self._lifecycle, self.books, pages)
        self._doorkeeper = Doorkeeper(options)
        self._throttles = Throttles(options.quotas, options.gateway)
        self._accidents = Accidents(options)
        self._latency_key = chance.key(options.seed, "latency")
        self._request_key = chance.key(options.seed, "request ids")
        self._requests = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def rotate(self, secrets: Secrets) -> None:
        """Accept these credentials from now on, and no others."""
        self._doorkeeper.rotate(secrets)

    def handle(self, incoming: Incoming, now: float) -> Reply:
        """Answer one request.

        Args:
            incoming: The request.
            now: Seconds on any clock that does not go back; the first request starts the service's life.

        """
        self._lifecycle.advance(now)
        self._requests += 1
        request_id = self._request_id()
        route = find(incoming.method, incoming.path)
        accident: Accident | None = None
        problem = self._refusal_of_gateway(route, incoming, now)
        if route is None or problem is not None:
            answer = (problem or self._no_such_api()).reply(request_id, shape=self.options.error_shape)
        else:
            accident = self._accidents.next(route.api, self._lifecycle.elapsed(now))
            answer = self._behind_gateway(route, incoming, now, request_id, accident)
        self._enter(route, incoming, now, answer, accident)
        return self._finished(answer, now)

    def _refusal_of_gateway(self, route: Route | None, incoming: Incoming, now: float) -> Problem | None:
        if route is None:
            return self._no_such_api()
        wall = self._calendar.wall(now) + self.options.clock_skew
        refusal = self._doorkeeper.refuse(incoming, now, self._lifecycle.elapsed(now), wall)
        return refusal or self._throttles.refuse(route.api, now)

    def _behind_gateway(
        self, route: Route, incoming: Incoming, now: float, request_id: str, accident: Accident | None
    ) -> Reply:
        def answer() -> Reply:
            problem = self._refusal_of_service(route)
            if problem is not None:
                return problem.reply(request_id, shape=self.options.error_shape)
            return self._calls.answer(route, incoming, now, request_id)

        return answer() if accident is None else self._accidents.spoil(accident, request_id, answer)

    def _refusal_of_service(self, route: Route) -> Problem | None:
        if not _PROJECT.fullmatch(route.project_id):
            return Problem(400, "DCS.4002", "The project ID format is invalid.")
        served = self.options.project_id
        if served is not None and route.project_id != served:
            if self.options.auth == "token":
                return Problem(401, "DCS.1004", "The project ID does not match the token.")
            return Problem(403, "DCS.2003", _DENIALS["DCS.2003"])
        if route.api in self.options.deny:
            code = self.options.deny_code
            return Problem(403, code, _DENIALS[code], by_gateway=not code.startswith("DCS"))
        return None

    def _no_such_api(self) -> Problem:
        return Problem(404, f"{self.options.gateway}.0101", _NO_SUCH_API, by_gateway=True)

    def _enter(
        self, route: Route | None, incoming: Incoming, now: float, answer: Reply, accident: Accident | None
    ) -> None:
        is_seen = answer.fault not in {"reset", "hang"}
        self.books.arrived(
            Arrival(
                time=now,
                api="other" if route is None else route.api,
                route="other" if route is None else route.name,
                ids=self._named(route, incoming) if self.books.is_full else (),
                status=answer.status if is_seen else 0,
                throttled=answer.status == 429,  # noqa: PLR2004  Too Many Requests
                fault=None if accident is None else accident.kind,
            )
        )

    def _named(self, route: Route | None, incoming: Incoming) -> Sequence[str]:
        if route is None or route.api == "list":
            return ()
        if route.task_id:
            return (route.task_id,)
        ids = read_ids(incoming.body, "task_id_list" if route.name == "delete" else "migration_tasks")
        if isinstance(ids, Problem):
            return ()
        numbers, own = self._tasks.numbers, self._tasks.ids
        # The store's own strings: the books of a million stops should not hold every id once more.
        return tuple(own[numbers[i]] if i in numbers else i for i in ids)

    def _finished(self, answer: Reply, now: float) -> Reply:
        latency = self.options.latency
        delay = 0.0
        if latency.median:
            delay = chance.seconds(latency, chance.uniform(self._latency_key, self._requests))
        headers = {**answer.headers, "Date": self._calendar.date(now + self.options.clock_skew)}
        return replace(answer, headers=headers, delay=answer.delay + delay)

    def _request_id(self) -> str:
        first, second = 2 * self._requests, 2 * self._requests + 1
        return f"{chance.mixed(self._request_key, first):016x}{chance.mixed(self._request_key, second):016x}"
