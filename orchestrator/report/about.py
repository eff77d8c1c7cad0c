"""The page's section on the run itself: when, with which versions, under which job file."""

from __future__ import annotations

import html
import io
import platform
from typing import TYPE_CHECKING

from orchestrator._version import __version__
from orchestrator.report.markup import code, escape, number, row, table
from orchestrator.report.stamps import duration, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.engine.account import Report

MAX_JOB = 20_000  # letters of the job file; the record has it whole


def about(report: Report) -> Iterator[str]:
    """When it ran and for how long, what it was made with, and the job file as it was understood."""
    timed = report.timing
    yield '<section id="about"><h2>About this run</h2>'
    yield from table(
        ("Started", "Finished", "Time spent running", "Attempts#"),
        [
            row(
                escape(stamp(timed.started_at)),
                escape(stamp(timed.finished_at)),
                escape(duration(timed.elapsed_seconds)),
                number(report.attempts),
            )
        ],
    )
    made = ", ".join(f"{escape(name)} {code(version)}" for name, version in report.versions.items())
    begun = f"Begun with {made}; this" if made else "This"
    yield (
        f'<p class="facts">{begun} page was written by dcs-orchestrator {code(__version__)} '
        f"on Python {code(platform.python_version())}.</p>"
    )
    if report.job:
        yield "<h3>Job file, as it was understood</h3>"
        yield f"<pre>{html.escape(job_text(report))}</pre>"
    yield "</section>"


def job_text(report: Report) -> str:
    """The resolved job as YAML, without what is not set; it never had secrets in it."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # untyped there: keep the given order
    stream = io.StringIO()
    yaml.dump(_set(dict(report.job)), stream)
    text = stream.getvalue()
    lines = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
    return lines if len(lines) <= MAX_JOB else lines[:MAX_JOB] + "\n… the rest is in run.db"


def _set(value: object) -> object:
    """`value` without the keys that say nothing."""
    if isinstance(value, dict):
        return {key: _set(part) for key, part in value.items() if part not in (None, [], {})}
    return value
