"""`orchestrator init` and `orchestrator schema`: what one needs to write a job file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.errors import InputError

if TYPE_CHECKING:
    from orchestrator.cli.console import Console
    from orchestrator.cli.settings import Settings


def init(settings: Settings, console: Console) -> int:
    """Write a commented starter job file, to stdout where no file is named.

    Raises `InputError` where the file is there already, or cannot be written.
    """
    from orchestrator.job.starter import starter

    text = starter()
    path = settings.job
    if path is None:
        console.say(text)
        return 0
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise InputError(f"{path} is there already and was left alone: name another file, or - for stdout") from error
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}: name a file in a directory you may write to"
        ) from error
    console.tell(f"wrote {path}; next: set HUAWEICLOUD_SDK_PROJECT_ID, edit it, then run: orchestrator validate {path}")
    return 0


def schema(_: Settings, console: Console) -> int:
    """Print the job file's JSON Schema."""
    from orchestrator.job.schema import schema as job_schema

    console.say(json.dumps(job_schema(), indent=2, ensure_ascii=False) + "\n")
    return 0
