"""Neither a metric nor a span gives a planted secret away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.server import SimulatorServer
from tests.secrecy.test_planted import SECURITY_TOKEN, SERVICE, SIGNED, SK, run, search

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_watched_run_gives_no_secret_away(tmp_path: Path) -> None:
    """The service misbehaves and its answers carry passwords; everything is traced, and the metrics are written."""
    secrets = {"ak": SIGNED["HUAWEICLOUD_SDK_AK"], "sk": SK, "security_token": SECURITY_TOKEN}
    options = {**SERVICE, "auth": "signature", "secrets": secrets}
    watched = {"OTEL_TRACES_EXPORTER": "console", "ORCHESTRATOR_METRICS_FILE": str(tmp_path / "run.prom")}
    async with SimulatorServer(SimulatorOptions.from_mapping(options)) as server:
        (tmp_path / "ids.txt").write_text("\n".join(server.service.ids))
        code, said = await run(tmp_path, server.url, {**SIGNED, **watched}, "--serve", "0")
    assert code in {0, 1}, said[-2000:]
    assert b"orchestrator.request_id" in said
    assert b"metrics.served" in said
    assert "orchestrator_request_duration_seconds_count" in (tmp_path / "run.prom").read_text()
    assert search(tmp_path, said) == []
