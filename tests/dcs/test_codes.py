"""Tests of dcs/codes.py: the tables agree with themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dcs import codes
from orchestrator.engine.model import Verdict


class TestCanonical:
    """One name for the gateway, no blanks, capitals."""

    @pytest.mark.parametrize("code", ["APIG.0301", "APIGW.0301", "APIC.0301", " apigw.0301 "])
    def test_the_gateway_has_one_name(self, code: str) -> None:
        assert codes.canonical(code) == "APIG.0301"

    @pytest.mark.parametrize(("code", "canonical"), [("DCS. 4855", "DCS.4855"), ("APIG.1", "APIG.1"), ("", "")])
    def test_all_others_keep_theirs(self, code: str, canonical: str) -> None:
        assert codes.canonical(code) == canonical


class TestJudge:
    """Every answer has a verdict that its API can use."""

    apis = st.sampled_from(sorted(codes.SCOPES))

    @given(
        api=apis,
        status=st.integers(100, 599),
        code=st.text(max_size=12),
        text=st.text(max_size=40),
        foreign=st.booleans(),
    )
    def test_always_answers(self, api: str, status: int, code: str, text: str, *, foreign: bool) -> None:
        verdict, remedy = codes.judge(api, status, code, text, foreign=foreign)
        assert isinstance(verdict, Verdict)
        assert len(remedy) < 200

    @given(st.integers(200, 599), st.sampled_from(["DCS.4855", "DCS.4957", "DCS.4027", "DCS.4133", ""]))
    def test_the_list_never_speaks_of_items(self, status: int, code: str) -> None:
        verdict, _ = codes.judge("list", status, code, "not found")
        assert verdict not in {Verdict.BAD_ITEM, Verdict.BUSY, Verdict.GONE, Verdict.REJECTED}

    @given(st.integers(200, 599), st.sampled_from(["DCS.4855", "DCS.4957", "DCS.4027", "DCS.4133", ""]))
    def test_a_look_is_never_isolated_or_busy(self, status: int, code: str) -> None:
        verdict, _ = codes.judge("show", status, code, "")
        assert verdict not in {Verdict.BAD_ITEM, Verdict.BUSY}

    @given(
        api=apis,
        status=st.sampled_from([500, 502, 503, 504, 599, 408, 425]),
        code=st.text(max_size=5),
        foreign=st.booleans(),
    )
    def test_what_is_in_doubt_is_lost(self, api: str, status: int, code: str, *, foreign: bool) -> None:
        assert codes.judge(api, status, code, "", foreign=foreign)[0] is Verdict.LOST

    def test_a_code_counts_only_under_its_status(self) -> None:
        """The vendor reuses numbers: DCS.4001 under 404 is a missing API, under 400 it is something else."""
        assert codes.judge("stop", 404, "DCS.4001", "")[0] is Verdict.RUN_REFUSED
        assert codes.judge("stop", 400, "DCS.4001", "")[0] is Verdict.BAD_ITEM


class TestJudgeItem:
    """A refusal of one item is for good only where the code says so."""

    @pytest.mark.parametrize(
        ("code", "text", "verdict"),
        [
            ("DCS.4133", "", Verdict.GONE),
            ("DCS.3022", "", Verdict.GONE),
            ("IAM.0004", "", Verdict.GONE),
            ("DCS.4062", "", Verdict.REJECTED),
            ("DCS.4027", "", Verdict.REJECTED),
            ("DCS.4957", "", Verdict.BUSY),
            ("DCS.4117", "", Verdict.BUSY),
            ("APIG.0308", "", Verdict.BUSY),
            ("DCS.9999", "", Verdict.BUSY),
            ("", "", Verdict.BUSY),
            ("", "No such task", Verdict.GONE),
        ],
    )
    def test_verdicts(self, code: str, text: str, verdict: Verdict) -> None:
        assert codes.judge_item(code, text) is verdict
