from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.harmless import FORMULA_STARTS, cell, one_line


class TestOneLine:
    def test_plain_text_stays_as_it_is(self) -> None:
        assert one_line("Zürich 日本 <b>") == "Zürich 日本 <b>"

    def test_no_escape_sequence_line_break_or_direction_mark_reaches_a_terminal(self) -> None:
        assert one_line("a\x1b[31m\nb\u202ec\u0000") == "a [31m b c"

    @given(st.text(), st.integers(1, 50))
    def test_is_always_printable_and_bounded(self, text: str, limit: int) -> None:
        line = one_line(text, limit)
        assert line.isprintable()
        assert len(line) <= limit


class TestCell:
    def test_formulas_get_an_apostrophe(self) -> None:
        for start in FORMULA_STARTS:
            assert cell(f"{start}1+1").startswith("'")

    def test_a_formula_behind_blanks_is_one(self) -> None:
        assert cell("  =1+1") == "'  =1+1"

    def test_carriage_returns_become_line_feeds(self) -> None:
        assert cell("a\r\nb\rc") == "a\nb\nc"
        assert cell("\ra") == "'\na"

    def test_other_text_stays_line_breaks_included(self) -> None:
        assert cell("two\nlines") == "two\nlines"

    def test_control_characters_are_replaced(self) -> None:
        assert cell("a\x00b\x1b") == "a\ufffdb\ufffd"

    @given(st.text())
    def test_never_starts_a_formula(self, text: str) -> None:
        assert not cell(text).lstrip().startswith(FORMULA_STARTS)
