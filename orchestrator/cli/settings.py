"""What a command was told, by its options and by the environment, in one typed value."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator.cluster.options import ClusterOptions
from orchestrator.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

PREFIX: Final = "ORCHESTRATOR_"
PROGRESS: Final = ("auto", "bar", "plain", "none")
LOG_FORMATS: Final = ("auto", "json", "console")
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}  # as the standard library numbers them
LOG_LEVELS: Final = tuple(LEVELS)
# Outcomes that a finished run can be reopened for: those that leave a task not over, in any operation.
RETRYABLE: Final = ("not_found", "rejected", "skipped", "timed_out", "unconfirmed", "not_attempted")
YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})
MAX_PORT: Final = 65_535
ADDRESS: Final = re.compile(
    r"(?:(?:\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):)?(?P<port>[0-9]{1,5})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen; without a host, on this machine only."""

    host: str
    port: int  # 0: any free one

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One command line, understood. Every verb has the same; what a verb does not use stands at its default."""

    verb: str
    job: Path | None = None  # run, validate: the job file; init: the file to write (None: stdout)
    assignments: tuple[str, ...] = ()  # `key.path=value`, the environment's first: the later one wins
    output: Path | None = None
    yes: bool = False
    fresh: bool = False
    retry: frozenset[str] | None = None  # None: not asked for; empty: all tasks that are not over
    progress: str = "auto"
    log_format: str = "auto"
    log_level: str = "info"
    job_name: str = ""  # run: what a cluster calls this run; in its log lines
    serve: Address | None = None  # run: where metrics and health are answered
    metrics_file: Path | None = None  # run: where the metrics are written
    traits: tuple[str, ...] = ()  # simulate: `key=value` of the simulator's options
    port: int = 0  # simulate; 0: any free one
    tasks: int | None = None  # simulate
    seed: int | None = None  # simulate
    ids: Path | None = None  # simulate: where to write the ids
    directory: Path | None = None  # verify, undo, report: of a recorded run
    json: bool = False  # plan: a document instead of a table
    targets: tuple[Path | None, Path | None, Path | None] = (None, None, None)  # report: HTML, CSV, JSON; - is stdout
    shell: str = ""  # completion
    cluster: ClusterOptions = field(default_factory=ClusterOptions)  # kubernetes
    directories: tuple[Path, ...] = ()  # merge: what to join

    @property
    def overrides(self) -> tuple[str, ...]:
        """The assignments for the job file, `--output` among them (last: it is the more particular)."""
        if self.output is None:
            return self.assignments
        return (*self.assignments, f"output.dir={json.dumps(str(self.output), ensure_ascii=False)}")

    @property
    def repeated(self) -> tuple[str, ...]:
        """The options without which the same command would be another run, or lie elsewhere."""
        assigned = [part for text in self.assignments for part in ("--set", _without_secret(text))]
        return (*assigned, *(("--output", str(self.output)) if self.output is not None else ()))

    @property
    def level(self) -> int:
        """The log level as a number."""
        return LEVELS[self.log_level]

    @property
    def debug(self) -> bool:
        """Whether tracebacks are wanted."""
        return self.log_level == "debug"

    def log_json(self, *, terminal: bool) -> bool:
        """Whether log lines are JSON, given whether stderr is a terminal."""
        return self.log_format == "json" or (self.log_format == "auto" and not terminal)


def gather(given: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Make settings of parsed options and the environment; an option wins over its variable.

    Raises `InputError` with every bad value at once, the variable named where it came from there.
    """
    reader = _Reader(given, environ)
    job = getattr(given, "job", None)
    settings = Settings(
        verb=given.verb,
        job=None if job in {None, "-"} and given.verb == "init" else Path(job) if job else None,
        assignments=reader.assignments(),
        output=reader.path("output"),
        yes=reader.flag("yes"),
        fresh=bool(getattr(given, "fresh", False)),  # by hand only: a pod that is started again must not start over
        retry=reader.retry(),
        progress=reader.choice("progress", PROGRESS, "auto"),
        log_format=reader.choice("log_format", LOG_FORMATS, "auto"),
        log_level=reader.choice("log_level", LOG_LEVELS, "info"),
        job_name=reader.text("job_name"),
        serve=reader.address("serve"),
        metrics_file=reader.path("metrics_file"),
        traits=reader.traits(),
        port=reader.number("port", 0, 65_535) or 0,
        tasks=reader.number("tasks", 0),
        seed=reader.number("seed", 0),
        ids=Path(given.ids) if getattr(given, "ids", None) else None,
        directory=reader.path("directory"),
        json=bool(getattr(given, "json", False)),
        targets=(reader.path("html_file"), reader.path("csv_file"), reader.path("json_file")),
        shell=getattr(given, "shell", ""),
        cluster=ClusterOptions.of(vars(given)) if given.verb == "kubernetes" else ClusterOptions(),
        directories=tuple(map(Path, getattr(given, "directories", None) or ())),
    )
    if settings.fresh and settings.retry is not None:
        reader.problems.append(
            "--fresh and --retry contradict each other: one starts over, the other goes on; give one of them"
        )
    if reader.problems:
        raise InputError(*reader.problems)
    return settings


class _Reader:
    """Reads one option after the other and collects what is wrong. A verb reads only the variables of its options."""

    def __init__(self, given: argparse.Namespace, environ: Mapping[str, str]) -> None:
        self._given = vars(given)
        self._environ = environ
        self.problems: list[str] = []

    def _variable(self, name: str) -> tuple[str, str]:
        """The variable's name, and its value where this verb has the option and the variable says something."""
        variable = PREFIX + name.upper()
        return variable, self._environ.get(variable, "").strip() if name in self._given else ""

    def assignments(self) -> tuple[str, ...]:
        variable, lines = self._variable("set")
        from_environ = [line.strip() for line in lines.splitlines() if line.strip()]
        return (
            *self._checked(variable, from_environ),
            *self._checked("--set", self._given.get("set") or []),
        )

    def _checked(self, source: str, texts: list[str]) -> list[str]:
        for text in texts:
            key, equals, _ = text.partition("=")
            if not key.strip() or not equals:
                shown = key if not equals else f"{key}=…"  # a value may be a secret
                self.problems.append(f"{source}: {shown!r} is no assignment; write key.path=value")
        return texts

    def path(self, name: str) -> Path | None:
        value = self._given.get(name) or self._variable(name)[1]
        return Path(value) if value else None

    def text(self, name: str) -> str:
        return self._given.get(name) or self._variable(name)[1]

    def address(self, name: str) -> Address | None:
        value = self.text(name)
        if not value:
            return None
        found = ADDRESS.fullmatch(value)
        if found is None or int(found["port"]) > MAX_PORT:
            self.problems.append(
                f"--{name}: {value!r} is no address; write PORT, HOST:PORT or [IPv6]:PORT, ports go up to {MAX_PORT}"
            )
            return None
        return Address(host=found["ip6"] or found["host"] or "127.0.0.1", port=int(found["port"]))

    def flag(self, name: str) -> bool:
        if self._given.get(name):
            return True
        variable, value = self._variable(name)
        if value and value.lower() not in YES | NO:
            self.problems.append(f"{variable}: {value!r} is neither yes nor no; set it to 1 or 0")
        return value.lower() in YES

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        given: str | None = self._given.get(name)
        if given is not None:
            return given
        variable, value = self._variable(name)
        if value and value not in choices:
            self.problems.append(f"{variable}: {value!r} is not one of {', '.join(choices)}{_meant(value, choices)}")
        return value or default

    def traits(self) -> tuple[str, ...]:
        return tuple(self._checked("--set", self._given.get("traits") or []))

    def number(self, name: str, low: int, high: int | None = None) -> int | None:
        value: int | None = self._given.get(name)
        if value is not None and (value < low or (high is not None and value > high)):
            top = "up" if high is None else f"to {high}"
            self.problems.append(f"--{name}: {value} is out of range; it goes from {low} {top}")
        return value

    def retry(self) -> frozenset[str] | None:
        value = self._given.get("retry")
        if value is None:
            return None
        words = [word.strip() for word in value.split(",") if word.strip()]
        for word in words:
            if word not in RETRYABLE:
                self.problems.append(
                    f"--retry: {word!r} is no outcome to retry{_meant(word, RETRYABLE)}; "
                    f"they are {', '.join(RETRYABLE)}"
                )
        return frozenset(words)


def _without_secret(assignment: str) -> str:
    """`assignment` as it may be shown: the address of a proxy may hold a password."""
    key, _, value = assignment.partition("=")
    return f"{key}=…" if "@" in value and key.strip().startswith("service") else assignment


def _meant(word: str, words: Collection[str]) -> str:
    """`; did you mean …?`, where one of `words` is near."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {near[0]}?" if near else ""
