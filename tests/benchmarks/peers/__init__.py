"""Who is measured: the product, and what people would write instead of it, each in a module of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.peers import ours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One way to stop a list of tasks."""

    name: str
    title: str
    looks_per_second: float | None = None
    """About how many single looks it manages, if it looks singly; the longest cases are skipped by it."""

    @property
    def is_ours(self) -> bool:
        """Whether this is the product."""
        return self.name == "ours"

    def command(
        self, *, endpoint: str, project: str, ids: Path, work: Path, interval: float, workers: int
    ) -> list[str]:
        """Give the command that stops the tasks listed in the file `ids`."""
        if self.is_ours:
            return ours.command(
                endpoint=endpoint, project=project, ids=ids, work=work, interval=interval, workers=workers
            )
        module = f"tests.benchmarks.peers.{self.name.replace('-', '_')}"
        pace = [f"--interval={interval:g}", f"--workers={workers}"]
        return [sys.executable, "-m", module, endpoint, project, str(ids), *pace]

    def environment(self) -> Mapping[str, str]:
        """Variables that it needs on top of the usual ones."""
        return ours.ENVIRONMENT if self.is_ours else {}

    def outcomes(self, work: Path, output: str) -> Mapping[str, int]:
        """How many tasks it says came to what."""
        if self.is_ours:
            return ours.outcomes(work)
        found: dict[str, int] = json.loads(output)
        return found

    def record_bytes(self, work: Path) -> int | None:
        """The size of its record, if it keeps one."""
        return ours.record_bytes(work) if self.is_ours else None


_PEERS = (
    Peer(name="ours", title="orchestrator run, with record and account"),
    Peer(name="script-list", title="asyncio and aiohttp by hand, looking by list"),
    Peer(name="script-looks", title="asyncio and aiohttp by hand, looking singly", looks_per_second=600),
    Peer(name="sdk-list", title="the vendor's SDK in a thread pool, looking by list"),
    Peer(name="sdk-looks", title="the vendor's SDK in a thread pool, looking singly", looks_per_second=300),
)
PEERS: Mapping[str, Peer] = {peer.name: peer for peer in _PEERS}
