"""The grammar of the command line: verbs, their options, their help."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator.cli import verbs as more
from orchestrator.cli import verbs_cluster
from orchestrator.cli.settings import LOG_FORMATS, LOG_LEVELS, PROGRESS, RETRYABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION: Final = "Stop Huawei Cloud DCS migration tasks by the thousand, and know for each of them what came of it."

EPILOG: Final = """\
Examples:
  orchestrator init job.yaml             a commented job file to start from
  orchestrator validate job.yaml         check it and the id list, offline
  orchestrator run job.yaml              stop the tasks, wait for each, write the report
  orchestrator VERB --help               more about a verb

Exit codes:
  0   every task is over
  1   the run finished; some tasks are not over, the report names each
  2   bad usage, job file, id list or missing credentials; no stop was sent
  3   the service refused the whole run: authentication, permission, project, region
  4   a guard ended the run
  70  a bug of ours; the run record is kept
  75  interrupted with work left; the same command resumes
"""

RUN: Final = """\
Examples:
  orchestrator run job.yaml
      stop the tasks that the job file names; the same command again resumes an
      unfinished run, and answers from the record on a finished one
  orchestrator run job.yaml --set limits.deadline=30m --set submit.workers=4
      override parts of the job file
  orchestrator run job.yaml --yes --progress plain --output out/2026-11-23
      ask nothing, say a line now and then, write the files elsewhere
  orchestrator run job.yaml --retry timed_out,rejected
      reopen a finished run for the tasks that came to these outcomes

Exit codes: 0 all over; 1 some not; 2 usage; 3 refused; 4 guard; 70 bug; 75 same command resumes.
"""

VALIDATE: Final = """\
Examples:
  orchestrator validate job.yaml
      every problem of the job file and the id list, each with its line and remedy
  orchestrator validate job.yaml --set tasks.file=other-ids.txt
      the same with another list
  cat ids.txt | orchestrator validate job.yaml --set tasks.file=-
      the same with a list from a pipe

Exit codes: 0 all is well; 2 something is not. Nothing is ever sent.
"""

SIMULATE: Final = """\
Examples:
  orchestrator simulate --tasks 2000 --ids ids.txt
      serve 2,000 tasks on any free port, and write their ids for a job file
  orchestrator simulate --port 8080 --seed 7 --set stop_seconds=3
      on a port of your choice, with tasks that take about 3 s to stop
  orchestrator simulate --set 'quotas.stop={limit: 20, seconds: 5}'
      with a quota of 20 stops in 5 s

It listens on this machine only and runs until Ctrl-C or SIGTERM. Exit codes: 0; 2 usage.
"""

INIT: Final = """\
Examples:
  orchestrator init
      write job.yaml here, commented; an existing file is left alone
  orchestrator init jobs/stop-old.yaml
      under another name
  orchestrator init -
      on stdout

Exit codes: 0 written; 2 the file is there already or cannot be written.
"""

SCHEMA: Final = """\
Examples:
  orchestrator schema > job.schema.json
      for an editor; a job file names it in its first line:
      # yaml-language-server: $schema=job.schema.json

Exit codes: 0.
"""

WORDS: Final = re.compile(r"[a-z_]+(,[a-z_]+)*,?")


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    parser = argparse.ArgumentParser(
        prog="orchestrator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, help="show versions, for a bug report, and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")

    run = _verb(verbs, "run", "stop the tasks, wait for each, write the report", RUN)
    _job(run)
    _add_job_options(run)
    _add_run_options(run)
    verbs_cluster.add_pod_options(run)
    _add_telemetry_options(run)
    _add_log_options(run)

    plan = _verb(verbs, "plan", "show what a run would do; sends nothing", more.PLAN)
    _job(plan)
    more.add_plan_options(plan)
    _add_job_options(plan)
    _add_log_options(plan)

    validate = _verb(verbs, "validate", "check the job file and the id list, offline", VALIDATE)
    _job(validate)
    _add_job_options(validate)
    _add_log_options(validate)

    verify = _verb(verbs, "verify", "say whether the tasks of a run are still as reported", more.VERIFY)
    more.add_directory(verify)
    more.add_recorded_set(verify)
    _add_log_options(verify)

    undo = _verb(verbs, "undo", "restart exactly what a run stopped", more.UNDO)
    more.add_directory(undo)
    more.add_recorded_set(undo)
    _add_run_options(undo)
    _add_log_options(undo)

    report = _verb(verbs, "report", "render the account of a run again", more.REPORT)
    more.add_directory(report)
    more.add_report_options(report)

    simulate = _verb(verbs, "simulate", "serve a stand-in of the service on loopback, to practise on", SIMULATE)
    _add_simulate_options(simulate)
    _add_log_options(simulate)

    _add_cluster_verbs(verbs)
    init = _verb(verbs, "init", "write a commented starter job file", INIT)
    init.add_argument("job", nargs="?", default="job.yaml", metavar="FILE", help="what to write (default: job.yaml)")

    _verb(verbs, "schema", "print the job file's JSON Schema", SCHEMA)

    completion = _verb(verbs, "completion", "print a script that completes verbs and options", more.COMPLETION)
    more.add_shell(completion)
    return parser


def _add_cluster_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    merge = _verb(verbs, "merge", "join the accounts of shards into one", verbs_cluster.MERGE)
    verbs_cluster.add_merge_options(merge)

    purpose = "print the manifests that run a job file in a cluster"
    kubernetes = _verb(verbs, "kubernetes", purpose, verbs_cluster.KUBERNETES)
    _job(kubernetes)
    _add_set_option(kubernetes)
    verbs_cluster.add_cluster_options(kubernetes)


def bind_retry(argv: Sequence[str]) -> list[str]:
    """Bind to `--retry` the outcomes that follow it, and nothing else: `--retry job.yaml` names a job."""
    bound: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*bound, word, *words]
        if word == "--retry":
            follows = words[0] if words else ""
            known = all(part in RETRYABLE for part in follows.strip(",").split(","))
            is_value = bool(WORDS.fullmatch(follows)) and (known or not Path(follows).exists())
            bound.append(f"--retry={words.pop(0)}" if is_value else "--retry=")
        else:
            bound.append(word)
    return bound


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, purpose: str, epilog: str
) -> argparse.ArgumentParser:
    return verbs.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB.yaml", help="the job file")


def _add_set_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        metavar="KEY.PATH=VALUE",
        help="override the job file; the value is read as YAML; repeatable [ORCHESTRATOR_SET, one a line]",
    )


def _add_job_options(parser: argparse.ArgumentParser) -> None:
    _add_set_option(parser)
    parser.add_argument(
        "--output", metavar="DIR", help="where record and report go, instead of output.dir [ORCHESTRATOR_OUTPUT]"
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask before the start [ORCHESTRATOR_YES=1]")
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="start over; an existing record is kept under a dated name",
    )
    parser.add_argument(
        "--retry",
        nargs="?",
        const="",
        metavar="OUTCOME,…",
        help="reopen a finished run for the tasks that are not over, or that came to these outcomes: "
        f"{', '.join(RETRYABLE)}",
    )
    parser.add_argument(
        "--progress",
        choices=PROGRESS,
        help="auto is a live bar on a terminal and none elsewhere; plain is a line now and then "
        "[ORCHESTRATOR_PROGRESS]",
    )


def _add_telemetry_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--serve",
        metavar="ADDRESS",
        help="answer /metrics, /healthz and /readyz while the run lasts: PORT (this machine only) or HOST:PORT "
        "[ORCHESTRATOR_SERVE]",
    )
    parser.add_argument(
        "--metrics-file",
        metavar="FILE",
        help="write the metrics to FILE now and then and at the end, as Prometheus text [ORCHESTRATOR_METRICS_FILE]",
    )


def _add_log_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-format",
        choices=LOG_FORMATS,
        help="log lines on stderr: auto is console on a terminal and json elsewhere [ORCHESTRATOR_LOG_FORMAT]",
    )
    parser.add_argument(
        "--log-level", choices=LOG_LEVELS, help="the least that is logged (default: info) [ORCHESTRATOR_LOG_LEVEL]"
    )


def _add_simulate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the port; 0 is any free one (default: 0)")
    parser.add_argument("--tasks", type=int, metavar="N", help="how many tasks it has")
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed is the same service")
    parser.add_argument(
        "--set",
        action="append",
        dest="traits",
        metavar="KEY=VALUE",
        help="an option of the simulator, as under service.simulator in a job file; the value is read as YAML; "
        "repeatable",
    )
    parser.add_argument("--ids", metavar="FILE", help="write the ids of its tasks to FILE, one a line")


class _Version(argparse.Action):
    """Versions are looked up only when they are asked for."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nargs=0, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from orchestrator.cli.version import describe_version

        print(describe_version())  # noqa: T201 - argparse's own way of answering
        parser.exit()
