import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.account import Row
from orchestrator.report import table as module
from orchestrator.report.table import COLUMNS, write_table
from tests.report.reports import make_row, stretches


def written(*rows: Row) -> list[list[str]]:
    stream = io.StringIO(newline="")
    write_table(stretches(rows), stream)
    return list(csv.reader(io.StringIO(stream.getvalue(), newline="")))


class TestTable:
    def test_has_the_documented_header(self) -> None:
        assert ",".join(written()[0]) == (
            "task_id,outcome,status,first_status,error_code,error_message,stop_requests,accepted_at,finished_at,"
            "seconds_to_stop,request_id"
        )

    def test_a_stopped_task_reads_as_it_happened(self) -> None:
        assert written(make_row("t1"))[1] == [
            *("t1", "stopped", "TERMINATED", "MIGRATING", "", "", "1"),
            *("2023-11-14T22:13:21.000Z", "2023-11-14T22:13:29.250Z", "8.250", "r-1"),
        ]

    def test_what_is_not_known_is_empty(self) -> None:
        row = make_row("t1", "not_attempted", first_status="", stop_requests=0, request_id="")
        assert written(row)[1] == ["t1", "not_attempted", "", "", "", "", "0", "", "", "", ""]

    def test_stamps_of_neighbours_are_not_mixed_up(self) -> None:
        table = written(
            make_row("a", accepted_at=1.0, finished_at=2.0),
            make_row("b", accepted_at=None, finished_at=None),
            make_row("c", accepted_at=1.0, finished_at=3.0),
        )
        assert [(row[7][17:19], row[8][17:19]) for row in table[1:]] == [("01", "02"), ("", ""), ("01", "03")]

    @given(st.lists(st.tuples(*(st.sampled_from(["", "x"]) for _ in range(5)), st.booleans()), min_size=1, max_size=7))
    def test_what_is_the_same_in_many_rows_stands_in_each(
        self, cells: list[tuple[str, str, str, str, str, bool]]
    ) -> None:
        """Whichever columns differ within a stretch, first and last ones too."""
        rows = [
            make_row(
                f"t{place}", outcome or "o", status=status, error_code=code, error_message=message, request_id=said
            )._replace(accepted_at=1.0 if known else None)
            for place, (outcome, status, code, message, said, known) in enumerate(cells)
        ]
        alone = [written(row)[1] for row in rows]
        assert written(*rows)[1:] == alone

    def test_no_time_has_no_sign(self) -> None:
        assert [row[9] for row in written(make_row("a", accepted_at=1.0, finished_at=0.9996))[1:]] == ["0.000"]

    def test_task_ids_are_never_altered(self) -> None:
        assert written(make_row("-1-2"))[1][0] == "-1-2"

    def test_cells_that_a_spreadsheet_would_run_are_defused(self) -> None:
        row = make_row("t", status="=A", first_status="@B", error_code="+C", error_message="-D", request_id="=E")
        assert [written(row)[1][n] for n in (2, 3, 4, 5, 10)] == ["'=A", "'@B", "'+C", "'-D", "'=E"]

    @given(st.text(), st.text())
    def test_hostile_text_neither_breaks_rows_nor_runs(self, message: str, status: str) -> None:
        table = written(make_row("a", error_message=message, status=status), make_row("b"))
        assert [len(row) for row in table] == [len(COLUMNS)] * 3
        assert [row[0] for row in table] == ["task_id", "a", "b"]

    def test_remembers_only_so_many_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_FATES", 2)
        assert [row[2] for row in written(*(make_row("a", status=f"S{n}") for n in range(5)))[1:]] == [
            f"S{n}" for n in range(5)
        ]
