from __future__ import annotations

import io
import json
import logging
from typing import Any, get_args

import pytest

from orchestrator.cli.logs import open_log
from orchestrator.cli.progress import Numbers
from orchestrator.cli.sink import BURST, LogSink
from orchestrator.engine import events as ev
from orchestrator.engine.model import Ending, Failure, Quota, Verdict

FAILURE = Failure(verdict=Verdict.LOST, status=502, code="APIGW.0202", message="backend unavailable", request_id="r-1")
THROTTLED = Failure(verdict=Verdict.THROTTLED, status=429)
EVENTS: list[tuple[ev.Event, str, list[str]]] = [
    (ev.RunStarted(at=0, attempt=1, items=5), "info", ["run.started"]),
    (ev.Seen(at=0, source="list", statuses={"MIGRATING": [1, 2]}), "debug", ["page.seen"]),
    (ev.Seen(at=0, source="look", statuses={"MIGRATING": [1]}), "debug", ["task.seen"]),
    (ev.Missed(at=0, items=[1]), "debug", ["tasks.missed"]),
    (ev.Gone(at=0, item=1, failure=FAILURE), "warning", ["task.gone"]),
    (ev.BatchIntended(at=0, batch=1, items=[1]), "debug", ["batch.intended"]),
    (ev.BatchAnswered(at=0, batch=1, accepted=[1]), "debug", ["batch.first_accepted", "batch.accepted"]),
    (
        ev.BatchAnswered(at=0, batch=1, accepted=[], refused={1: FAILURE}, rejected={2: FAILURE}, unmentioned=[3]),
        "warning",
        ["batch.refused", "batch.rejected", "batch.unmentioned"],
    ),
    (ev.BatchReturned(at=0, batch=1, items=[1], failure=THROTTLED), "debug", ["batch.throttled"]),
    (ev.BatchReturned(at=0, batch=1, items=[1], failure=FAILURE), "warning", ["batch.returned"]),
    (ev.BatchLost(at=0, batch=1, items=[1], failure=FAILURE), "warning", ["batch.lost"]),
    (ev.BatchSpoiled(at=0, batch=1, items=[1], failure=FAILURE), "warning", ["batch.spoiled"]),
    (ev.Resubmitted(at=0, items=[1], reissue=True), "warning", ["tasks.reissued"]),
    (ev.Resubmitted(at=0, items=[1], reissue=False), "info", ["tasks.resubmitted"]),
    (ev.Rejected(at=0, items={1: FAILURE}), "warning", ["task.rejected"]),
    (ev.Reopened(at=0, items=[1]), "info", ["tasks.reopened"]),
    (ev.RequestEnded(at=0, api="stop", result="ok", seconds=0.1, attempt=1), "debug", ["request.ended"]),
    (ev.RequestEnded(at=0, api="stop", result="throttled", seconds=0.1, attempt=1), "info", ["request.throttled"]),
    (
        ev.RequestEnded(at=0, api="stop", result="retried", seconds=0.1, attempt=3, delay=12.0, failure=FAILURE),
        "warning",
        ["request.retried"],
    ),
    (ev.RequestEnded(at=0, api="stop", result="failed", seconds=0.1, attempt=8), "warning", ["request.failed"]),
    (ev.Tallied(at=0, requests={}), "debug", []),
    (ev.QuotaLearned(at=0, api="stop", quota=Quota(policy="user", limit=20, seconds=5)), "info", ["quota.learned"]),
    (ev.CurveLearned(at=0, buckets=[0, 3]), "debug", ["curve.learned"]),
    (ev.ListingRefused(at=0, failure=FAILURE), "warning", ["listing.refused"]),
    (ev.Noted(at=0, name="deadline.forecast", text="late"), "info", ["deadline.forecast"]),
    (ev.RunEnded(at=0, ending=Ending.FINISHED), "info", ["run.ended"]),
    (ev.RunEnded(at=0, ending=Ending.ABORTED, reason="too many"), "warning", ["run.ended"]),
]


class Gauge:
    def __init__(self, throttled_until: float | None = None) -> None:
        self._throttled_until = throttled_until

    def numbers(self) -> Numbers:
        return Numbers(total=5, over=1, waiting=2, failed=1, to_send=1, throttled_until=self._throttled_until)


class Lines:
    """A sink with what it wrote, read back."""

    def __init__(self, level: int = logging.DEBUG, **options: Any) -> None:
        self._stream = io.StringIO()
        self.sink = LogSink(open_log(self._stream, json_lines=True, level=level), level=level, **options)

    def after(self, *events: ev.Event) -> list[dict[str, Any]]:
        for event in events:
            self.sink(event)
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


class TestLogSink:
    @pytest.mark.parametrize(("event", "level", "names"), EVENTS)
    def test_each_event_has_its_names_and_its_level(self, event: ev.Event, level: str, names: list[str]) -> None:
        lines = Lines().after(event)
        assert [line["event"] for line in lines] == names
        assert level in {line["level"] for line in lines} or not lines

    def test_every_event_there_is_has_words(self) -> None:
        assert {type(event) for event, _, _ in EVENTS} == set(get_args(ev.Event))

    def test_routine_is_not_even_composed_at_info(self) -> None:
        routine = [event for event, level, _ in EVENTS if level == "debug"]
        assert [line["event"] for line in Lines(logging.INFO).after(*routine)] == ["batch.first_accepted"]

    def test_a_failure_is_told_with_code_message_and_request(self) -> None:
        [line] = Lines().after(ev.BatchLost(at=0, batch=7, items=[1, 2], failure=FAILURE))
        assert (line["batch"], line["tasks"], line["status"], line["code"]) == (7, 2, 502, "APIGW.0202")
        assert (line["message"], line["request_id"], line["verdict"]) == ("backend unavailable", "r-1", "lost")

    def test_a_refused_task_is_named_by_its_id(self) -> None:
        lines = Lines(name_of=["id-0", "id-1"].__getitem__)
        [line] = lines.after(ev.BatchAnswered(at=0, batch=1, accepted=[], refused={1: THROTTLED}, request_id="r-9"))
        assert (line["first"], line["request_id"]) == ("id-1", "r-9")

    def test_the_first_accepted_batch_is_a_milestone_and_the_others_routine(self) -> None:
        events = [ev.BatchAnswered(at=0, batch=n, accepted=[n]) for n in range(9)]
        assert len(Lines(logging.INFO).after(*events)) == 1

    def test_repeats_are_bounded_and_counted(self) -> None:
        storm = [ev.BatchLost(at=0.1 * n, batch=n, items=[n], failure=FAILURE) for n in range(50)]
        lines = Lines()
        assert len(lines.after(*storm)) == BURST
        late = lines.after(ev.BatchLost(at=20, batch=99, items=[1], failure=FAILURE))[-1]
        assert (late["batch"], late["suppressed"]) == (99, 50 - BURST)
        assert "suppressed" not in lines.after(ev.BatchLost(at=40, batch=100, items=[1], failure=FAILURE))[-1]

    def test_repeated_notes_and_bare_failures_are_bounded_too(self) -> None:
        bare = [
            ev.RequestEnded(at=0, api="stop", result="throttled", seconds=0, attempt=1, failure=THROTTLED)
            for _ in range(9)
        ]
        lines = Lines().after(*bare)
        assert len(lines) == BURST
        assert "message" not in lines[0]

    def test_a_failure_of_few_words_is_told_in_few(self) -> None:
        bare = Failure(verdict=Verdict.LOST)
        [line] = Lines().after(ev.BatchLost(at=0, batch=1, items=[1], failure=bare))
        assert not {"status", "code", "message", "request_id"} & set(line)

    def test_a_million_rejected_at_once_are_a_few_lines(self) -> None:
        assert len(Lines().after(ev.Rejected(at=0, items=dict.fromkeys(range(10_000), FAILURE)))) == BURST

    def test_progress_is_said_every_ten_seconds_of_events(self) -> None:
        lines = Lines(logging.INFO, gauge=Gauge(throttled_until=33.0))
        beats = [ev.Tallied(at=float(at), requests={}) for at in range(1, 32)]
        said = [line for line in lines.after(ev.RunStarted(at=0, attempt=1, items=5), *beats) if "over" in line]
        assert [line["event"] for line in said] == ["run.progress"] * 3
        assert said[0] | {"over": 1, "waiting": 2, "failed": 1, "to_send": 1, "tasks": 5} == said[0]
        assert said[-1]["throttled_for"] == 3.0

    def test_no_progress_is_said_after_the_end(self) -> None:
        lines = Lines(logging.INFO, gauge=Gauge())
        lines.after(ev.RunStarted(at=0, attempt=1, items=5), ev.RunEnded(at=50, ending=Ending.FINISHED))
        assert [line["event"] for line in lines.after(ev.Tallied(at=99, requests={}))] == ["run.started", "run.ended"]

    def test_an_open_quota_is_not_mentioned(self) -> None:
        [line] = Lines(logging.INFO, gauge=Gauge(throttled_until=5.0)).after(ev.Tallied(at=30, requests={}))
        assert "throttled_for" not in line
