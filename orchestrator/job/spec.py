"""The job file's shape: one model a section, with the engine's defaults and a sentence for each key."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
)

from orchestrator.dcs.states import DELETED, OVER, TERMINATING, canonical
from orchestrator.engine.idfile import show
from orchestrator.engine.options import (
    LimitOptions,
    PaceOptions,
    PollOptions,
    RetryOptions,
    SubmitOptions,
)
from orchestrator.job.values import (
    FROM_ENVIRONMENT,
    Duration,
    Failures,
    FilePath,
    Moment,
    OptionalPath,
    OptionalText,
    PositiveDuration,
    Switch,
    Unique,
    settle,
)

MAX_BATCH: Final = 50  # the service's ceiling for one request
STOP_STATES: Final = ("MIGRATING", "FULLMIGRATING", "INCRMIGEATING")

Format: TypeAlias = Literal["json", "csv", "html"]
Place: TypeAlias = Callable[[int], str]

FORMATS: Final[tuple[Format, ...]] = ("json", "csv", "html")

_SUBMIT: Final = SubmitOptions()
_PACE: Final = PaceOptions()
_RETRY: Final = RetryOptions()
_POLL: Final = PollOptions()
_LIMITS: Final = LimitOptions()

_NEVER_STOPPED: Final = OVER | {TERMINATING, DELETED}


def _shaped(pattern: str, hint: str) -> AfterValidator:
    """A check that text is of one shape; `hint` ends the message."""
    shape = re.compile(pattern)

    def check(value: str | None) -> str | None:
        if value is not None and not shape.fullmatch(value):
            raise ValueError(f"{show(value)} {hint}")
        return value

    return AfterValidator(check)


def _version(value: object) -> object:
    if type(value) is not int or value != 1:
        raise ValueError(f"{show(value)} is not a version that is read here; write version: 1")
    return value


def _stoppable(status: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z_]{0,39}", status):
        raise ValueError(f"{show(status)} is not a status; statuses are words in capitals, such as MIGRATING")
    if canonical(status) in _NEVER_STOPPED:
        raise ValueError(f"a task that is {status} is never stopped: it is over or on its way; remove it")
    return status


class Section(BaseModel):
    """What all sections share: unknown keys are errors, and nothing is guessed into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Service(Section):
    """Which service, as whom, and how it is reached."""

    region: OptionalText = Field(default=None, description="The region; gives the endpoint.", examples=["cn-north-4"])
    endpoint: OptionalText = Field(
        default=None,
        description="The service's address; wins over region. Plain http only to loopback.",
        examples=["https://dcs.cn-north-4.myhuaweicloud.com"],
    )
    project_id: Annotated[
        OptionalText, _shaped(r"[A-Za-z0-9_-]{1,64}", "is not a project id; see My Credentials in the console")
    ] = Field(
        default=None,
        description="The project that the tasks belong to.",
        examples=["${HUAWEICLOUD_SDK_PROJECT_ID}"],
    )
    credentials: Literal["auto", "env", "profile", "token", "metadata", "oidc", "pod", "none"] = Field(
        default="auto", description="Where the credentials come from; never from here. none: loopback only."
    )
    ca_file: OptionalPath = Field(default=None, description="Certificates to trust (PEM); relative to this file.")
    proxy: OptionalText = Field(default=None, description="A proxy; by default the usual variables are read.")
    connect_timeout: PositiveDuration = Field(default=10.0, description="For one connection.")
    read_timeout: PositiveDuration = Field(default=60.0, description="For one answer.")
    simulator: Annotated[dict[str, Any] | None, BeforeValidator(settle)] = Field(
        default=None,
        description="Start a stand-in of the service inside this process, of this kind, and use it.",
        examples=[{"tasks": 500}],
    )


class Where(Section):
    """Select tasks from the service instead of naming them; all that is given must hold."""

    status: Annotated[list[str], Unique] | None = Field(default=None, description="One of these statuses.")
    name: OptionalText = Field(default=None, description="A glob over task names.", examples=["nightly-*"])
    created_before: Moment | None = Field(default=None, description="RFC 3339, or a date (UTC).")
    created_after: Moment | None = Field(default=None, description="RFC 3339, or a date (UTC).")
    source_instance_id: OptionalText = Field(default=None, description="The instance migrated from.")
    target_instance_id: OptionalText = Field(default=None, description="The instance migrated to.")


class Tasks(Section):
    """Which tasks."""

    ids: list[str] = Field(default_factory=list, description="Task ids; quote those that look like numbers.")
    file: OptionalPath = Field(
        default=None,
        description="An id list: text (one a line), .csv with a task_id column, or .jsonl, each also .gz; "
        '"-" is standard input. Relative to this file.',
        examples=["ids.txt"],
    )
    where: Where | None = Field(default=None, description="Select tasks from the service instead.")
    exclude: list[str] = Field(default_factory=list, description="Task ids to leave out.")
    malformed: Literal["error", "skip"] = Field(
        default="error", description="What to do about lines that are no ids: error, or count and list them."
    )
    stop_states: Annotated[list[Annotated[str, AfterValidator(_stoppable)]], Unique, Field(min_length=1)] = Field(
        default_factory=lambda: [*STOP_STATES],
        description="Only tasks in these statuses are stopped (both spellings of INCRMIGEATING count).",
    )


class Submit(Section):
    """How batches leave."""

    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH), FROM_ENVIRONMENT] = Field(
        default=_SUBMIT.batch_size, description="Ids a request; 50 is the service's ceiling."
    )
    workers: Annotated[int, Field(ge=1, le=256), FROM_ENVIRONMENT] = Field(
        default=_SUBMIT.workers, description="Requests in flight at most, of all kinds together."
    )


class Pace(Section):
    """A ceiling of yours on top of what is learned from the service."""

    requests_per_second: Annotated[
        Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None, FROM_ENVIRONMENT
    ] = Field(default=_PACE.requests_per_second, description="At most so many; null: no ceiling of yours.")
    burst: Annotated[Annotated[int, Field(ge=1, le=100_000)] | None, FROM_ENVIRONMENT] = Field(
        default=_PACE.burst, description="Requests at once at most under that ceiling; null: evenly spread."
    )
    learn: Switch = Field(default=_PACE.learn, description="Read the quota out of the service's throttled answers.")


class Retry(Section):
    """How often and how fast a failed request is tried again."""

    attempts: Annotated[int, Field(ge=1, le=1_000), FROM_ENVIRONMENT] = Field(
        default=_RETRY.attempts, description="Per request, the first one included."
    )
    base_backoff: Duration = Field(
        default=_RETRY.base_backoff, description="The first pause at most; doubling, full jitter."
    )
    max_backoff: PositiveDuration = Field(default=_RETRY.max_backoff, description="The longest pause.")


class Poll(Section):
    """When tasks are looked at."""

    first_after: Duration = Field(default=_POLL.first_after, description="The first look after a stop.")
    interval: PositiveDuration = Field(
        default=_POLL.interval, description="The shortest time between two looks at the same task."
    )
    max_interval: PositiveDuration = Field(
        default=_POLL.max_interval, description="The longest time between two looks at a task that is overdue."
    )
    reissue_after: PositiveDuration = Field(
        default=_POLL.reissue_after,
        description="Accepted, yet still in a stop state after this long: send the stop again.",
    )
    max_reissues: Annotated[int, Field(ge=0, le=100), FROM_ENVIRONMENT] = Field(
        default=_POLL.max_reissues, description="How often a stop is sent again at most."
    )
    confirmations: Annotated[int, Field(ge=1, le=100), FROM_ENVIRONMENT] = Field(
        default=_POLL.confirmations, description="How many times the goal must be seen."
    )


class Limits(Section):
    """Guards."""

    deadline: PositiveDuration = Field(
        default=_LIMITS.deadline, description="Of the whole run: time spent running, over all its attempts."
    )
    max_tasks: Annotated[int, Field(ge=1), FROM_ENVIRONMENT] = Field(
        default=_LIMITS.max_tasks, description="More tasks than this in the input: refuse."
    )
    max_failures: Failures = Field(
        default=_LIMITS.max_failures,
        description="End the run at so many failures: a count, or a share of the unique ids; 100% is off. "
        "What is in flight may fail, too: a small count makes small requests.",
    )
    failure_sample: Annotated[int, Field(ge=1), FROM_ENVIRONMENT] = Field(
        default=_LIMITS.failure_sample, description="A share is judged only after this many tasks."
    )
    give_up_after: PositiveDuration = Field(
        default=_LIMITS.give_up_after, description="No successful answer at all for this long: interrupted."
    )
    canary: Annotated[int, Field(ge=0), FROM_ENVIRONMENT] = Field(
        default=_LIMITS.canary, description="Stop this many first and see them TERMINATED before the rest goes."
    )


class Output(Section):
    """Where the account goes."""

    dir: FilePath = Field(default=Path("out"), description="run.db and the reports; relative to the current directory.")
    formats: Annotated[list[Format], Unique] = Field(
        default_factory=lambda: [*FORMATS], description="summary.json, tasks.csv, report.html."
    )


class Shard(Section):
    """One share of the input: the ids whose stable hash falls to `index`."""

    index: Annotated[int, Field(ge=0), FROM_ENVIRONMENT] = Field(description="Which share, from 0.")
    count: Annotated[int, Field(ge=1, le=10_000), FROM_ENVIRONMENT] = Field(description="Of how many.")


def _shard_kind(value: object) -> str:
    return "share" if isinstance(value, (dict, Shard)) else "word"


ShardChoice = Annotated[
    Annotated[Shard, Tag("share")] | Annotated[Literal["auto", "none"], Tag("word")],
    Discriminator(_shard_kind),
    BeforeValidator(lambda value: "none" if value is None else value),
]

_NAME: Final = _shaped(
    r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})?",
    "is not a name; use up to 63 letters, digits, dots, - or _, a letter or digit first",
)
_REASON: Final = _shaped(r"[^\x00-\x1f\x7f]{0,1000}", "is not a reason; one line, up to 1,000 characters")


class JobSpec(Section):
    """A job: one operation on many migration tasks."""

    version: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="Of this format.")
    name: Annotated[OptionalText, _NAME] = Field(default=None, description="Names the run; default: this file's.")
    operation: Literal["stop", "restart", "delete"] = Field(default="stop", description="What is done to the tasks.")
    reason: Annotated[OptionalText, _REASON] = Field(
        default=None, description="Kept in the record and the report.", examples=["INC-1234 source frozen"]
    )
    service: Service = Field(default_factory=Service, description="Which service, as whom, and how.")
    tasks: Tasks = Field(default_factory=Tasks, description="Which tasks.")
    submit: Submit = Field(default_factory=Submit, description="How batches leave.")
    pace: Pace = Field(default_factory=Pace, description="A ceiling of yours on the request rate.")
    retry: Retry = Field(default_factory=Retry, description="How failed requests are tried again.")
    poll: Poll = Field(default_factory=Poll, description="When tasks are looked at.")
    limits: Limits = Field(default_factory=Limits, description="Guards.")
    output: Output = Field(default_factory=Output, description="Where the account goes.")
    shard: ShardChoice = Field(
        default="auto",
        description="auto: the cluster's index, if there is one (JOB_COMPLETION_INDEX, ORCHESTRATOR_SHARD_COUNT).",
    )

    _places: dict[str, Place] = PrivateAttr(default_factory=dict)

    @property
    def share(self) -> tuple[int, int] | None:
        """`(index, count)` of the shard, or None for the whole. Of a loaded job; `auto` is settled there."""
        return (self.shard.index, self.shard.count) if isinstance(self.shard, Shard) else None

    def place(self, key: Literal["ids", "exclude"]) -> Place:
        """What to call the n-th entry of `tasks.<key>` in a message: `job.yaml:7: tasks.ids[3]`."""
        return self._places.get(key, f"tasks.{key}[{{}}]".format)

    def remember(self, places: dict[str, Place]) -> None:
        """Note where the entries of `tasks.ids` and `tasks.exclude` stand."""
        self._places.update(places)


SECTIONS: Final[dict[tuple[str, ...], type[Section]]] = {
    (): JobSpec,
    ("service",): Service,
    ("tasks",): Tasks,
    ("tasks", "where"): Where,
    ("submit",): Submit,
    ("pace",): Pace,
    ("retry",): Retry,
    ("poll",): Poll,
    ("limits",): Limits,
    ("output",): Output,
    ("shard",): Shard,
}
