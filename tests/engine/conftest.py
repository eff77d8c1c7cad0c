"""What every engine test is spared: to close the records that it leaves lying, as a crash would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.engine.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _records_are_let_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python 3.13 and later warn of a connection that nobody closed; what is in its buffer stays unwritten."""
    made: list[Record] = []
    make = Record.__init__

    def note(record: Record, *args: Any, **kwargs: Any) -> None:
        make(record, *args, **kwargs)
        made.append(record)

    monkeypatch.setattr(Record, "__init__", note)
    yield
    for record in made:
        record._connection.close()
