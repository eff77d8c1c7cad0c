"""Help and options of the verbs about a plan or a recorded run: plan, verify, undo, report, completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

SHELLS: Final = ("bash", "zsh", "fish")

PLAN: Final = """\
Looks at every task as a run would (list pages, or single looks where those are cheaper) and shows how many would be
stopped, skipped, are over or not there, the requests and the time that it takes, and what deserves a second look.
Nothing is sent and nothing is written.

Examples:
  orchestrator plan job.yaml
      a table for people
  orchestrator plan job.yaml --json > plan.json
      the same for programs, schema orchestrator.plan/1
  orchestrator plan job.yaml --set 'tasks.where={status: [MIGRATING], name: "nightly-*"}' --set tasks.file=null
      what a selection by the service would take today

Exit codes: 0 shown; 2 usage; 3 the service refused; 75 it does not answer.
"""

VERIFY: Final = """\
Looks at every task of a recorded run, at the endpoint that the record names and with the credentials of now, and names
each that is no longer as reported. Nothing is changed, there or here.

Examples:
  orchestrator verify out/
      are all tasks still as that run reported them?
  orchestrator verify out/ --set service.credentials=profile
      with credentials from elsewhere
  orchestrator verify out/ --set service.endpoint=https://dcs.example.com
      an endpoint outside the vendor's domains must be repeated by hand

Exit codes: 0 yes; 1 no, each difference is named; 2 usage; 3 the service refused; 75 a run holds the directory, or
some tasks could not be seen.
"""

UNDO: Final = """\
Restarts (batch-restart) exactly the tasks that a recorded run stopped: those with the outcome `stopped`, and no others.
It shows its plan first and asks once. Record and account go to OUT_DIR/undo; the same command again resumes.

Examples:
  orchestrator undo out/
      show the plan, ask, restart, wait for each, write the account to out/undo/
  orchestrator undo out/ --yes --progress plain
      ask nothing
  orchestrator undo out/ --retry
      reopen a finished undo for the tasks that are not running again
  orchestrator verify out/undo
      are they still running, any time later?

Exit codes: as of run.
"""

REPORT: Final = """\
Renders the account of a recorded run again from its run.db alone; the directory may be read-only, and nobody is asked.

Examples:
  orchestrator report out/
      the text summary
  orchestrator report out/ --html report.html --csv tasks.csv --json summary.json
      the files of a run, wherever they are wanted
  orchestrator report out/ --csv - | grep rejected
      one of them on stdout

Exit codes: 0 rendered; 2 no record, or a file cannot be written; 75 a run holds the directory.
"""

COMPLETION: Final = """\
Prints a script that teaches your shell to complete verbs, options and files.

Examples:
  orchestrator completion bash > ~/.local/share/bash-completion/completions/orchestrator
  orchestrator completion zsh  > ~/.zfunc/_orchestrator      # with fpath+=~/.zfunc before compinit
  orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish
      each is read by the next shell that you open

Exit codes: 0.
"""


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """What only `plan` takes."""
    parser.add_argument("--json", action="store_true", help="a document for programs instead of a table")


def add_directory(parser: argparse.ArgumentParser) -> None:
    """The directory of a recorded run."""
    parser.add_argument("directory", metavar="OUT_DIR", help="the output.dir of a run")


def add_recorded_set(parser: argparse.ArgumentParser) -> None:
    """What of a recorded job can be overridden."""
    parser.add_argument(
        "--set",
        action="append",
        metavar="KEY.PATH=VALUE",
        help="override service.*, submit.*, pace.*, retry.*, poll.* or limits.* of the recorded job; the value is read "
        "as YAML; repeatable [ORCHESTRATOR_SET, one a line]",
    )


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """What only `report` takes."""
    for form, what in (("html", "the page"), ("csv", "the table of tasks"), ("json", "the summary for programs")):
        parser.add_argument(f"--{form}", dest=f"{form}_file", metavar="FILE", help=f"write {what} to FILE; - is stdout")


def add_shell(parser: argparse.ArgumentParser) -> None:
    """For which shell."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")
