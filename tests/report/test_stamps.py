import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report import stamps as module
from orchestrator.report.stamps import Stamps, duration, stamp


class TestStamps:
    def test_is_rfc_3339_in_utc_with_milliseconds(self) -> None:
        assert stamp(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"

    def test_rounding_up_carries_into_the_next_second(self) -> None:
        assert stamp(1_700_000_000.9996) == "2023-11-14T22:13:21.000Z"

    @given(st.integers(0, 4_000_000_000_000))
    def test_agrees_with_the_standard_library(self, milliseconds: int) -> None:
        expected = dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC) + dt.timedelta(
            milliseconds=milliseconds % 1000
        )
        assert dt.datetime.fromisoformat(stamp(milliseconds / 1000)) == expected

    def test_keeps_no_more_seconds_than_it_promises(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_CACHED", 3)
        stamps = Stamps()
        assert [stamps(float(n))[-5:] for n in range(10)] == [".000Z"] * 10
        assert len(stamps._seconds) <= 3


class TestDuration:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (-1, "0.0 s"),
            (0.44, "0.4 s"),
            (12.4, "12 s"),
            (59.7, "1 min 00 s"),
            (200, "3 min 20 s"),
            (7_500, "2 h 05 min"),
        ],
    )
    def test_reads_as_people_say_it(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text
