import io
import json

from orchestrator.engine.account import InputCounts, ShardCounts
from orchestrator.engine.model import Ending, Quota
from orchestrator.report.summary import summary, write_summary
from tests.report.reports import WORDS, make_report, make_row


class TestSummary:
    def test_has_exactly_the_documented_keys_in_order(self) -> None:
        assert list(summary(make_report())) == [
            "schema",
            "run_id",
            "name",
            "operation",
            "reason",
            "outcome",
            "exit_code",
            "service",
            "counts",
            "requests",
            "quota",
            "timing",
            "attempts",
            "shard",
        ]

    def test_counts_every_outcome_zeros_included(self) -> None:
        rows = [make_row("a"), make_row("b", "rejected")]
        counts = summary(make_report(rows, input=InputCounts(input=4, unique=2, duplicates=1, excluded=1)))["counts"]
        assert list(counts) == ["input", "unique", "duplicates", "malformed", "excluded", "outcomes"]
        assert counts["duplicates"] == 1
        assert list(counts["outcomes"]) == list(WORDS)
        assert sum(counts["outcomes"].values()) == counts["unique"] == 2

    def test_names_the_apis_that_were_asked_and_no_others(self) -> None:
        assert summary(make_report())["requests"] == {
            "stop": {"sent": 7, "ok": 3, "throttled": 2, "retried": 1, "failed": 1},
            "list": {"sent": 1, "ok": 1, "throttled": 0, "retried": 0, "failed": 0},
        }

    def test_tells_learned_quotas_from_those_never_met(self) -> None:
        quotas = {"stop": Quota(policy="user", limit=20, seconds=5.0), "show": Quota(policy="", limit=3, seconds=0.5)}
        assert summary(make_report(quotas=quotas))["quota"] == {
            "stop": {"limit": 20, "seconds": 5, "learned": True},
            "list": {"limit": None, "seconds": None, "learned": False},
            "show": {"limit": 3, "seconds": 0.5, "learned": True},
        }

    def test_says_how_it_ended_and_when(self) -> None:
        data = summary(make_report(ending=Ending.INTERRUPTED, attempts=3))
        assert (data["outcome"], data["exit_code"], data["attempts"]) == ("interrupted", 75, 3)
        assert data["timing"] == {
            "started_at": "2023-11-14T22:13:20.000Z",
            "finished_at": "2023-11-14T22:15:00.500Z",
            "elapsed_seconds": 99.876,
        }
        assert data["shard"] is None

    def test_a_shard_names_its_share(self) -> None:
        shard = ShardCounts(index=1, count=4, input=100)
        assert summary(make_report(shard=shard))["shard"] == {"index": 1, "count": 4, "input": 100}

    def test_is_written_as_json_with_foreign_letters(self) -> None:
        stream = io.StringIO()
        report = make_report()
        write_summary(report, stream)
        assert json.loads(stream.getvalue()) == summary(report)
        assert stream.getvalue().endswith("}\n")
