from __future__ import annotations

import io
import json
import logging

import structlog

from orchestrator.cli.logs import open_log


class TestLog:
    def test_json_lines_begin_with_when_how_bad_and_what(self) -> None:
        stream = io.StringIO()
        open_log(stream, json_lines=True).info("run.started", tasks=5, reason="größer")
        line = json.loads(stream.getvalue())
        assert list(line) == ["timestamp", "level", "event", "tasks", "reason"]
        assert line["timestamp"].endswith("Z")
        assert (line["level"], line["event"], line["tasks"]) == ("info", "run.started", 5)

    def test_lines_for_people_are_aligned_and_coloured_only_if_wanted(self) -> None:
        plain, coloured = io.StringIO(), io.StringIO()
        open_log(plain, json_lines=False).warning("batch.lost", batch=7)
        open_log(coloured, json_lines=False, colour=True).warning("batch.lost", batch=7)
        assert "[warning  ] batch.lost" in plain.getvalue()
        assert "batch=7" in plain.getvalue()
        assert "\x1b[" not in plain.getvalue()
        assert "\x1b[" in coloured.getvalue()

    def test_foreign_text_stays_one_bounded_line(self) -> None:
        stream = io.StringIO()
        open_log(stream, json_lines=False).info("a.b", message="x\n\x1b[31m" + "y" * 1_000)
        assert stream.getvalue().count("\n") == 1
        assert "\x1b" not in stream.getvalue()
        assert len(stream.getvalue()) < 700

    def test_what_is_below_the_level_is_not_written(self) -> None:
        stream = io.StringIO()
        log = open_log(stream, json_lines=True, level=logging.WARNING)
        log.info("quiet")
        log.warning("loud")
        assert "quiet" not in stream.getvalue()
        assert "loud" in stream.getvalue()

    def test_nothing_global_is_configured(self) -> None:
        before = structlog.get_config().copy()
        open_log(io.StringIO(), json_lines=True).info("a.b")
        assert structlog.get_config() == before
        assert not structlog.is_configured()

    def test_a_reader_that_has_gone_ends_nothing(self) -> None:
        tried: list[str] = []

        class Gone(io.StringIO):
            def write(self, text: str, /) -> int:
                tried.append(text)
                raise BrokenPipeError

        open_log(Gone(), json_lines=True).error("a.b")
        assert len(tried) == 1
