"""The job file that `init` writes: every key with its default and a word about it."""

from __future__ import annotations

from typing import Final

_STARTER: Final = """\
# A job for `orchestrator`: stop many DCS migration tasks, and know for each of them what came of it.
#   orchestrator validate THIS_FILE     check it, offline
#   orchestrator run THIS_FILE          do it; the same command again resumes it
#
# Unknown keys are errors. Durations are 500ms, 10s, 5m, 1h30m or seconds. ${VAR} and ${VAR:-default} are replaced
# from the environment. No secret may stand in here: credentials come from the environment, a file or the cluster.
# What has a value below has its default; change or remove what you like, down to service and tasks.

version: 1
# name: stop-old-migrations        # names the run; default: this file's name
operation: stop                    # stop | restart | delete
# reason: "INC-1234 source frozen" # kept in the record and the report

service:
  region: ${HUAWEICLOUD_SDK_REGION:-cn-north-4}   # gives the endpoint
  # endpoint: https://dcs.cn-north-4.myhuaweicloud.com   # wins over region; plain http only to loopback
  project_id: ${HUAWEICLOUD_SDK_PROJECT_ID}
  credentials: auto                # auto | env | profile | token | oidc | pod | metadata | none (loopback only)
  # ca_file: company-ca.pem        # relative to this file
  # proxy: ${HTTPS_PROXY}          # default: the usual proxy variables
  connect_timeout: 10s
  read_timeout: 60s
  # simulator: {tasks: 500}        # practise: a stand-in of the service inside this process, nothing else is touched

tasks:
  ids:                             # quote ids that look like numbers
    - put-your-task-id-here
  # file: ids.txt                  # one id a line; or .csv with a task_id column; or .jsonl; each also .gz; "-": stdin
  # or, instead of both, select from the service: where: {status: [MIGRATING], name: "nightly-*"}
  exclude: []
  malformed: error                 # error | skip (counted and listed)
  stop_states: [MIGRATING, FULLMIGRATING, INCRMIGEATING]   # only these are stopped; both spellings of INCR… count

submit:
  batch_size: 50                   # 1 to 50, the service's ceiling
  workers: 8                       # requests in flight at most, of all kinds together

pace:
  requests_per_second: null        # a ceiling of yours on top of what is learned from the service
  burst: null
  learn: true                      # read the quota out of the service's 429 answers

retry:
  attempts: 8                      # per request, the first one included
  base_backoff: 500ms              # doubling, full jitter
  max_backoff: 60s

poll:
  first_after: 2s
  interval: 2s                     # the shortest time between two looks at the same task
  max_interval: 60s                # the longest between two looks at a task that is overdue
  reissue_after: 5m                # accepted, yet still in a stop state after this long: send the stop again
  max_reissues: 1
  confirmations: 1                 # TERMINATED must be seen this many times

limits:
  deadline: 2h                     # of the whole run: time spent running, over all its attempts
  max_tasks: 100000                # more than this in the input: refuse
  max_failures: 50%                # a count or a share of the unique ids; 100% is off
  failure_sample: 100              # a share is judged only after this many tasks
  give_up_after: 5m                # no successful answer at all for this long: interrupted
  canary: 0                        # stop this many first and see them TERMINATED before the rest goes

output:
  dir: out/                        # run.db, summary.json, tasks.csv, report.html
  formats: [json, csv, html]

shard: auto                        # none | {index: 0, count: 4} | auto: the cluster's index, if there is one
"""


def starter() -> str:
    """The text; `validate` accepts it where `HUAWEICLOUD_SDK_PROJECT_ID` is set."""
    return _STARTER
