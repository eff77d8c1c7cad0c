"""Fakes of the dcs tests: a transport that records what it was asked and answers what it was told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.dcs.wire import Request, Response

PROJECT = "0123456789abcdef0123456789abcdef"
AK = "AKIDEXAMPLE0000000000"
SK = "SKEXAMPLE000000000000000000000000000000"
AT = 1767323045.0  # 2026-01-02T03:04:05Z, when the vendor's test vectors were signed


def sample(name: str) -> list[Any]:
    """The recorded answers of `samples/NAME.json`."""
    content: list[Any] = json.loads((Path(__file__).parent / "samples" / f"{name}.json").read_text())
    return content


def answer(body: Any = None, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer: bytes and text go as they are, anything else as JSON."""
    content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, headers=headers or {}, body=content)


@dataclass
class FakeTransport:
    """Answers in the given order, the last one for ever."""

    answers: list[Response] = field(default_factory=lambda: [answer({"count": 0, "migration_tasks": []})])
    requests: list[Request] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    closed: bool = False

    async def send(self, request: Request, *, url: str) -> Response:
        """Note and answer."""
        self.requests.append(request)
        self.urls.append(url)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def aclose(self) -> None:
        """Note."""
        self.closed = True
