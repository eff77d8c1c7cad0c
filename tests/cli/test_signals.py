from __future__ import annotations

import asyncio
import os
import signal

import pytest

from orchestrator.cli import signals as module
from orchestrator.cli.signals import signals_handled


async def send(number: signal.Signals) -> None:
    """Send this process a signal and let the loop take note of it."""
    os.kill(os.getpid(), number)
    for _ in range(3):
        await asyncio.sleep(0)


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_the_first_drains_and_the_next_aborts(self, number: signal.Signals) -> None:
        heard: list[str] = []
        with signals_handled(drain=heard.append, abort=lambda: heard.append("abort")) as received:
            assert (received.draining, received.aborting) == (False, False)
            await send(number)
            assert heard == [f"{number.name} received"]
            assert (received.draining, received.aborting) == (True, False)
            await send(signal.SIGTERM)
            await send(signal.SIGINT)
        assert heard[1:] == ["abort", "abort"]
        assert received.aborting
        assert received.names == [number.name, "SIGTERM", "SIGINT"]

    async def test_the_handlers_from_before_are_put_back(self) -> None:
        before = [signal.getsignal(number) for number in module.HANDLED]
        with pytest.raises(KeyError), signals_handled(drain=print, abort=print):
            raise KeyError
        assert [signal.getsignal(number) for number in module.HANDLED] == before

    async def test_a_handler_that_is_not_ours_to_put_back_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = {number: signal.getsignal(number) for number in module.HANDLED}
        monkeypatch.setattr("orchestrator.cli.signals.signal.getsignal", lambda _: None)
        with signals_handled(drain=print, abort=print):
            pass
        left = {number: signal.signal(number, handler) for number, handler in kept.items()}
        assert left == {
            signal.SIGTERM: signal.SIG_DFL,
            signal.SIGINT: signal.default_int_handler,
        }  # as the loop leaves it
