"""`--serve`: metrics and health of a run over HTTP, while it lasts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import web

from orchestrator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from orchestrator.cli.settings import Address
    from orchestrator.telemetry.metrics import RunMetrics

CLOSING_SECONDS = 1.0  # an answer under way may take so long when the run has ended
SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


@contextlib.asynccontextmanager
async def served(address: Address, metrics: RunMetrics) -> AsyncIterator[str]:
    """Answer `/metrics`, `/healthz` and `/readyz` on `address` for the block; gives the URL that it is known under.

    Raises `InputError` where nothing can listen there.
    """
    runner = web.AppRunner(_app(metrics), access_log=None, handle_signals=False, shutdown_timeout=CLOSING_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(
                f"--serve {address}: {reason}; choose another address, or port 0 for any free one"
            ) from error
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _app(metrics: RunMetrics) -> web.Application:
    async def expose(request: web.Request) -> web.Response:
        body, content_type = metrics.exposition(",".join(request.headers.getall("Accept", [])))
        return web.Response(body=body, headers={**SAFE, "Content-Type": content_type})

    async def health(_: web.Request) -> web.Response:
        """The loop answers: the process lives."""
        return web.Response(text="ok\n", headers=SAFE)

    async def readiness(_: web.Request) -> web.Response:
        why_not = metrics.unready
        return web.Response(text=f"{why_not or 'ok'}\n", status=503 if why_not else 200, headers=SAFE)

    app = web.Application(client_max_size=1024)
    app.add_routes([web.get("/metrics", expose), web.get("/healthz", health), web.get("/readyz", readiness)])
    return app
