"""`--serve`: what a scraper and a probe are answered while a run lasts."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from orchestrator.cli.serve import served
from orchestrator.cli.settings import Address
from orchestrator.engine import events as ev
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.model import Phase
from orchestrator.errors import InputError
from orchestrator.telemetry.metrics import RunMetrics
from orchestrator.testing import FakeOperation
from tests.telemetry.watched import INFO

ANY = Address(host="127.0.0.1", port=0)


@pytest.fixture
def metrics() -> RunMetrics:
    return RunMetrics(ledger=Ledger(2, phase=lambda _: Phase.GOAL), operation=FakeOperation({}), info=INFO)


async def ask(url: str, **plain: object) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url, **plain) as answer:  # type: ignore[arg-type]
        return answer.status, answer.headers["Content-Type"], await answer.text()


class TestServed:
    async def test_answers_metrics_in_the_format_that_is_accepted(self, metrics: RunMetrics) -> None:
        async with served(ANY, metrics) as url:
            status, kind, text = await ask(f"{url}/metrics")
            assert (status, kind.split(";")[0]) == (200, "text/plain")
            assert 'orchestrator_tasks_open{run="night",state="to_send"} 2.0' in text
            _, kind, text = await ask(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"})
            assert kind.split(";")[0] == "application/openmetrics-text"
            assert text.endswith("# EOF\n")

    async def test_lives_from_the_start_and_is_ready_when_the_service_has_answered(self, metrics: RunMetrics) -> None:
        async with served(ANY, metrics) as url:
            assert await ask(f"{url}/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
            assert (await ask(f"{url}/readyz"))[::2] == (503, "starting\n")
            metrics(ev.RunStarted(at=1.0, attempt=1, items=2))
            metrics(ev.RequestEnded(at=2.0, api="list", result="ok", seconds=0.1, attempt=1))
            assert (await ask(f"{url}/readyz"))[::2] == (200, "ok\n")

    async def test_answers_nothing_else_and_takes_nothing(self, metrics: RunMetrics) -> None:
        async with served(ANY, metrics) as url, aiohttp.ClientSession() as session:
            assert (await ask(url))[0] == 404
            async with session.post(f"{url}/metrics", data=b"x") as answer:
                assert answer.status == 405

    async def test_is_gone_after_the_block(self, metrics: RunMetrics) -> None:
        async with served(ANY, metrics) as url:
            pass
        with pytest.raises(aiohttp.ClientConnectionError):
            await ask(f"{url}/healthz")

    async def test_an_address_that_is_taken_is_the_users_to_mend(self, metrics: RunMetrics) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(InputError, match=f"--serve 127.0.0.1:{port}: .*choose another address"):
                async with served(Address(host="127.0.0.1", port=port), metrics):
                    raise AssertionError("served")

    async def test_speaks_ipv6_where_there_is_any(self, metrics: RunMetrics) -> None:
        try:
            async with served(Address(host="::1", port=0), metrics) as url:
                assert url.startswith("http://[::1]:")
                assert (await ask(f"{url}/healthz"))[0] == 200
        except InputError as error:
            assert "[::1]:0" in str(error)  # noqa: PT017  # a machine without IPv6 says so
