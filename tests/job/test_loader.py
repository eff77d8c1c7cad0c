"""Promises of the loader: everything that is wrong at once, each with its line; paths, variables, overrides, shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import InputError
from orchestrator.job import reader
from orchestrator.job.loader import load_job, resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.job.spec import JobSpec

GOOD = """\
version: 1
service: {region: cn-north-4, project_id: p1}
tasks: {ids: [a, b]}
"""


class Jobs:
    """Job files in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "stop-them.yaml"

    def load(self, text: str | bytes, *overrides: str, environ: Mapping[str, str] | None = None) -> JobSpec:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_job(self.path, overrides=overrides, environ=environ or {})

    def problems(self, text: str | bytes, *overrides: str, environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(InputError) as caught:
            self.load(text, *overrides, environ=environ)
        return [problem.replace(f"{self.path}:", "") for problem in caught.value.problems]


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


class TestAJob:
    def test_needs_little(self, jobs: Jobs) -> None:
        spec = jobs.load(GOOD)
        assert (spec.name, spec.operation, spec.shard, spec.tasks.ids) == ("stop-them", "stop", "none", ["a", "b"])

    def test_may_leave_sections_empty(self, jobs: Jobs) -> None:
        assert jobs.load(GOOD + "submit:\npace: ~\nshard:\n").submit.workers == 8

    def test_is_named_after_its_file_as_far_as_that_is_a_name(self, tmp_path: Path) -> None:
        for stem, name in (("_über uns", "ber-uns"), ("ж", "job"), ("x" * 80, "x" * 63)):
            path = tmp_path / f"{stem}.yaml"
            path.write_text(GOOD)
            assert load_job(path, environ={}).name == name

    def test_may_be_practised_without_a_project(self, jobs: Jobs) -> None:
        text = "version: 1\nservice: {simulator: {tasks: 5}}\ntasks: {ids: [a]}\n"
        assert jobs.load(text).service.simulator == {"tasks": 5}
        text = "version: 1\nservice:\n  simulator:\n    tasks: ${N}\n    stop_seconds: 1\ntasks: {ids: [a]}\n"
        assert jobs.load(text, environ={"N": "7"}).service.simulator == {"tasks": 7, "stop_seconds": 1}


class TestComplaints:
    def test_come_all_at_once_in_the_order_of_the_file(self, jobs: Jobs) -> None:
        found = jobs.problems(
            """\
version: 2
servce: {}
batchsize: 3
operation: stopp
service:
  region: ${UNSET}
  project_id: 0123
  credentials: []
  simulator: 5
tasks:
  ids: [012, abc, 1e5, ~, [x]]
  fil: x
  stop_states: []
submit:
  batch-size: 3
  workers: 0
pace: {burst: 3, requests_per_second: 0, learn: 1}
poll:
  interval: 1:30
limits: {max_failures: 0.5, canary: true, zzzzzz: 1}
output:
  dir: 5
  formats: json
shard: {index: 4, cnt: x}
""",
            "submit.batch_size=70",
            "retry.max_backoff=10ms",
            "foo",
            "service.region.x=3",
            "batch.size=3",
            "reason={a: 1}",
            "tasks.where={created_before: 5}",
        )
        assert found == [
            "1: version: 2 is not a version that is read here; write version: 1",
            "2: unknown key 'servce'; did you mean service?",
            "3: unknown key 'batchsize'; did you mean submit.batch_size?",
            "4: operation: 'stopp' is none of stop, restart, delete; did you mean stop?",
            "6: service.region: the variable UNSET is not set; set it, or write ${UNSET:-default}",
            '7: service.project_id: 0123 is read as a number or a word of YAML, not as text; quote it: "0123"',
            "8: service.credentials: [] is none of auto, env, profile, token, metadata, oidc, pod, none",
            "9: service.simulator: '5' will not do; it must be a section of keys and values",
            '11: tasks.ids[0]: 012 is read as a number or a word of YAML, not as text; quote it: "012"',
            '11: tasks.ids[2]: 1e5 is read as a number or a word of YAML, not as text; quote it: "1e5"',
            '11: tasks.ids[3]: ~ is read as a number or a word of YAML, not as text; quote it: "~"',
            "11: tasks.ids[4]: must be text; write it behind the key, in quotes",
            "12: tasks: unknown key 'fil'; did you mean file?",
            "13: tasks.stop_states: must not be empty; name at least one, or leave the key out",
            "15: submit: unknown key 'batch-size'; did you mean batch_size?",
            "16: submit.workers: '0' is out of range; it must be at least 1",
            "17: pace.requests_per_second: '0' is out of range; it must be more than 0",
            "17: pace.learn: '1' will not do; it must be true or false",
            "19: poll.interval: '1:30' is not a duration; write 500ms, 10s, 5m, 1h30m or a number of seconds",
            "20: limits.max_failures: 0.5 is neither a count nor a share; write 25, or 50%",
            "20: limits.canary: 'true' will not do; it must be a whole number",
            (
                "20: limits: unknown key 'zzzzzz'; known here: deadline, max_tasks, max_failures, failure_sample, "
                "give_up_after, canary"
            ),
            "22: output.dir: '5' will not do; it must be text",
            "23: output.formats: 'json' will not do; it must be a list, such as [a, b]",
            "24: shard.count: missing; add count: …",
            "24: shard: unknown key 'cnt'; did you mean count?",
            "--set 'foo': write --set key.path=value",
            "--set service.region.x=3: service.region: this is a value, not a section; it has no keys of its own",
            "--set reason={a: 1}: reason: must be text; write it behind the key, in quotes",
            "--set tasks.where={created_before: 5}: tasks.where.created_before: Input should be a valid datetime",
            "--set submit.batch_size=70: submit.batch_size: '70' is out of range; it must be at most 50",
            "--set batch.size=3: unknown key 'batch'; did you mean submit.batch_size?",
            (
                "--set retry.max_backoff=10ms: retry.max_backoff: is shorter than retry.base_backoff; "
                "make it at least as long"
            ),
        ]

    def test_are_a_hundred_at_most(self, jobs: Jobs) -> None:
        found = jobs.problems(GOOD.replace("[a, b]", str(list(range(500)))))
        assert (len(found), found[-1]) == (101, "and 400 more")

    def test_name_an_unknown_key_however_odd(self, jobs: Jobs) -> None:
        found = jobs.problems(GOOD + '"\\e[31m": {x: 1}\n? "' + "k" * 300 + '"\n: 1\n')
        assert all(line.isprintable() and len(line) < 250 for line in found)

    def test_are_made_of_broken_yaml_and_bad_options_together(self, jobs: Jobs) -> None:
        found = jobs.problems("a: 1\na: 2\nb: [\n", "x")
        assert [line.split(":")[0] for line in found] == ["2", "4", "--set 'x'"]

    @pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "text", "5"])
    def test_say_that_it_is_no_job_file(self, jobs: Jobs, text: str) -> None:
        (found,) = jobs.problems(text)
        assert found.startswith("1: ")
        assert "init" in found or "keys and values" in found

    def test_say_why_the_file_cannot_be_read(self, jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for path in (tmp_path, tmp_path / "none.yaml", Path("a\0b")):
            with pytest.raises(InputError, match="cannot be read: "):
                load_job(path, environ={})
        assert "UTF-16" in jobs.problems(GOOD.encode("utf-16"))[0]
        assert jobs.problems(b"a: 1\nb: \xff\n") == ["2: a byte here is not UTF-8; save the file as UTF-8"]
        assert jobs.load(GOOD.encode("utf-8-sig")).version == 1
        monkeypatch.setattr(reader, "MAX_BYTES", 10)
        monkeypatch.setattr("orchestrator.job.loader.MAX_BYTES", 10)
        assert "tasks.file" in jobs.problems(GOOD)[0]


class TestContradictions:
    @pytest.mark.parametrize(
        ("override", "key", "what"),
        [
            ("service={project_id: p}", "service.region", "no region and no endpoint"),
            ("service={region: cn-north-4}", "service.project_id", "missing; write project_id: ${HUAWEI"),
            ("service.region=cn_north_4", "service.region", "cn-north-4"),
            ("service.endpoint=http://example.com", "service.endpoint", "must be https"),
            ("service.credentials=none", "service.credentials", "loopback only"),
            ("service.simulator={tasks: -1}", "service.simulator", "tasks"),
            ("service.proxy=socks5://x", "service.proxy", "write http://host:port"),
            ("tasks={}", "tasks", "no tasks; name them"),
            ("tasks.where={status: [MIGRATING]}", "tasks.where", "cannot stand beside ids or file"),
            ("tasks={where: {status: []}}", "tasks.where.status", "names no status"),
            ("tasks={where: {}}", "tasks.where", "selects everything"),
            ("poll.max_interval=1s", "poll.max_interval", "shorter than poll.interval"),
            ("pace.burst=3", "pace.burst", "without pace.requests_per_second"),
            ("shard={index: 4, count: 4}", "shard.index", "4 is not below count 4"),
        ],
    )
    def test_are_found(self, jobs: Jobs, override: str, key: str, what: str) -> None:
        found = jobs.problems(GOOD, override)[0]
        assert found.startswith(f"--set {override}: {key}: ")
        assert what in found

    def test_stop_states_mean_nothing_to_a_restart(self, jobs: Jobs) -> None:
        found = jobs.problems(GOOD, "operation=restart", "tasks.stop_states=[RUNNING]")
        assert "means nothing to operation: restart" in found[0]
        assert jobs.load(GOOD, "operation=delete").operation == "delete"

    def test_need_no_project_key_on_a_line_to_name_one(self, jobs: Jobs) -> None:
        assert jobs.problems("version: 1\ntasks: {ids: [a]}\n") == [
            "1: service.project_id: missing; write project_id: ${HUAWEICLOUD_SDK_PROJECT_ID}, or the id itself",
            "1: service.region: no region and no endpoint; write region: cn-north-4, or endpoint: https://…",
        ]

    def test_are_not_made_of_keys_that_are_wrong_already(self, jobs: Jobs) -> None:
        text = "version: 1\nservice: {project_id: p, endpoint: 5}\ntasks: {ids: [1]}\n"
        assert len(jobs.problems(text)) == 2
        assert len(jobs.problems("version: 1\nservice: {simulator: 5}\ntasks: {ids: [a]}\n")) == 1

    def test_an_exclusion_needs_something_to_exclude_from(self, jobs: Jobs) -> None:
        text = "version: 1\nservice: {simulator: {tasks: 5}}\n"
        assert jobs.load(text).tasks.ids == []
        (found,) = jobs.problems(text, "tasks.exclude=[a]")
        assert "tasks.exclude: means nothing without ids or file" in found

    def test_loopback_may_be_unsigned(self, jobs: Jobs) -> None:
        spec = jobs.load(GOOD, "service.endpoint=http://127.0.0.1:8080", "service.credentials=none")
        assert spec.service.credentials == "none"


class TestVariables:
    def test_are_replaced_in_values_of_every_kind(self, jobs: Jobs) -> None:
        text = """\
version: 1
reason: "${A:-x}${B:-} $${B} ${C}"
service:
  region: ${R:-cn-north-4}
  project_id: ${P}
  proxy: ${NO_PROXY_HERE:-}
tasks: {ids: [a], file: "${D:-/x}/ids.txt"}
submit:
  workers: ${W:-3}
pace:
  learn: ${L:-false}
poll:
  interval: ${I:-5s}
limits:
  max_failures: ${F:-10%}
  deadline: ${S:-90}
"""
        spec = jobs.load(text, environ={"A": "", "C": "${P}", "P": "0123", "R": "", "F": "7"})
        assert (spec.reason, spec.service.project_id, spec.service.proxy) == ("x ${B} ${P}", "0123", None)
        assert (spec.submit.workers, spec.pace.learn, spec.poll.interval) == (3, False, 5.0)
        assert (spec.limits.max_failures, spec.limits.deadline, spec.tasks.file) == (7, 90.0, Path("/x/ids.txt"))

    @pytest.mark.parametrize("text", ["${", "${}", "${1X}", "${A-b}", "a ${A b}", "${A:b}"])
    def test_are_written_in_one_way(self, jobs: Jobs, text: str) -> None:
        (found,) = jobs.problems(GOOD + f"reason: '{text}'\n", environ={"A": "1"})
        assert found.startswith("4: reason: ")
        assert "is not ${NAME} or ${NAME:-default}; write $${" in found

    @pytest.mark.parametrize("name", ["HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_AK", "X_TOKEN", "DB_PASSWORD", "api_key"])
    def test_bring_no_secret_in(self, jobs: Jobs, name: str) -> None:
        (found,) = jobs.problems(GOOD + f"reason: ${{{name}}}\n", environ={name: "hunter2"})
        assert "would bring a secret into the job" in found
        assert "hunter2" not in found

    def test_that_are_shared_by_an_alias_are_replaced_once(self, jobs: Jobs) -> None:
        spec = jobs.load(GOOD.replace("[a, b]", '&x ["$${A}"], exclude: *x'), environ={"A": "1"})
        assert (spec.tasks.ids, spec.tasks.exclude) == (["${A}"], ["${A}"])

    def test_a_number_that_a_variable_does_not_hold_is_shown(self, jobs: Jobs) -> None:
        (found,) = jobs.problems(GOOD + "submit:\n  workers: ${W}\n", environ={"W": "many"})
        assert found == "5: submit.workers: 'many' will not do; it must be a whole number"


class TestSecrets:
    @pytest.mark.parametrize(
        "key", ["ak", "SK", "token", "password", "security_token", "secretKey", "access-key-id", "my_sk", "apiKey"]
    )
    def test_are_refused_wherever_they_stand_and_never_repeated(self, jobs: Jobs, key: str) -> None:
        for text, options in (
            (GOOD + f"{key}: hunter2\n", ()),
            (GOOD + f"poll: {{{key}: hunter2}}\n", ()),
            (GOOD.replace("p1}", f"p1, simulator: {{a: {{{key}: hunter2}}}}}}"), ()),
            (GOOD, (f"service={{region: x, {key}: hunter2}}",)),
        ):
            found = jobs.problems(text, *options)
            assert "no secret may stand in a job file" in "".join(found)
            assert "hunter2" not in "".join(found)

    @pytest.mark.parametrize(
        "option", ["service.sk=hunter2", "service.sk=[hunter2", "sk-hunter2.token", "a.sk.b=hunter2"]
    )
    def test_of_the_command_line_are_not_repeated(self, jobs: Jobs, option: str) -> None:
        found = "".join(jobs.problems(GOOD, option))
        assert "hunter2" not in found or option.startswith("sk-")

    def test_in_an_address_are_refused(self, jobs: Jobs) -> None:
        for bad in ("http://u:hunter2@proxy:1", "see HTTP://:hunter2@proxy/x", "http://[u:hunter2@proxy"):
            for found in (
                jobs.problems(GOOD + f"reason: '{bad}'\n"),
                jobs.problems(GOOD, f"service.proxy='{bad}'"),
            ):
                assert "no password may stand in a job file" in found[0]
                assert "hunter2" not in "".join(found)

    def test_of_a_proxy_variable_do_not_reach_the_record(self, jobs: Jobs) -> None:
        text = GOOD.replace("p1}", 'p1, proxy: "${HTTPS_PROXY}"}')
        spec = jobs.load(text, environ={"HTTPS_PROXY": "http://u:hunter2@proxy:3128/"})
        assert spec.service.proxy == "http://u:hunter2@proxy:3128/"
        assert resolved(spec)["service"]["proxy"] == "http://…@proxy:3128/"
        assert "hunter2" not in json.dumps(resolved(spec))
        broken = jobs.load(text, environ={"HTTPS_PROXY": "http://[u:hunter2@proxy"})
        assert resolved(broken)["service"]["proxy"] == "…"

    def test_words_that_only_sound_like_it_are_fine(self, jobs: Jobs) -> None:
        assert jobs.load(GOOD, "reason=the token is in http://x/@home").reason


class TestOverrides:
    def test_win_over_the_file_and_the_last_one_over_all(self, jobs: Jobs) -> None:
        spec = jobs.load(
            GOOD,
            "submit.workers=3",
            "submit.workers=${W:-4}",
            "tasks.ids=[c]",
            "reason=a=b",
            "service.simulator.tasks=9",
            "limits={canary: 5}",
            "limits.max_failures=5%",
        )
        assert (spec.submit.workers, spec.tasks.ids, spec.reason) == (4, ["c"], "a=b")
        assert (spec.service.simulator, spec.limits.canary, spec.limits.max_failures) == ({"tasks": 9}, 5, 0.05)

    def test_may_empty_a_key_and_fill_an_empty_section(self, jobs: Jobs) -> None:
        spec = jobs.load(GOOD + "poll:\nname: x\n", "name=", "poll.interval=3s")
        assert (spec.name, spec.poll.interval) == ("stop-them", 3.0)

    @pytest.mark.parametrize("option", ["", "=", "a", "a..b=1", "a b=1", ".a=1", "tasks.ids[0]=x"])
    def test_have_one_form(self, jobs: Jobs, option: str) -> None:
        (found,) = jobs.problems(GOOD, option)
        assert found.endswith("write --set key.path=value")

    def test_that_are_not_yaml_say_how_to_quote(self, jobs: Jobs) -> None:
        (found,) = jobs.problems(GOOD, "reason=[")
        assert found == "--set reason=…: the value is not YAML; quote it: --set 'reason=\"…\"'"

    def test_are_repeated_within_bounds(self, jobs: Jobs) -> None:
        (found,) = jobs.problems(GOOD, f"submit.workers={'x' * 500}")
        assert len(found) < 250


class TestPaths:
    def test_of_the_file_are_relative_to_it_and_of_options_to_here(self, jobs: Jobs, tmp_path: Path) -> None:
        text = GOOD.replace("p1}", "p1, ca_file: ca.pem}").replace("ids: [a, b]", "file: in/ids.txt")
        spec = jobs.load(text)
        assert (spec.tasks.file, spec.service.ca_file) == (tmp_path / "in/ids.txt", tmp_path / "ca.pem")
        assert spec.output.dir == Path("out")
        spec = jobs.load(text, "tasks={file: x.csv}", "service.ca_file=y.pem")
        assert (spec.tasks.file, spec.service.ca_file) == (Path("x.csv"), Path("y.pem"))
        assert jobs.load(text, "tasks.file=-").tasks.file == Path("-")
        assert jobs.load(text.replace("in/ids.txt", '"-"')).tasks.file == Path("-")

    def test_standard_input_is_read_once(self, jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        text = GOOD.replace("ids: [a, b]", 'file: "-"')
        monkeypatch.setattr("orchestrator.job.loader._STDIN_FILES", {str(tmp_path / "stop-them.yaml")})
        assert jobs.problems(text) == ["3: tasks.file: standard input is the job file already; put the ids into a file"]


class TestShards:
    CLUSTER: Mapping[str, str] = {"JOB_COMPLETION_INDEX": "2", "ORCHESTRATOR_SHARD_COUNT": "4"}

    def test_auto_takes_the_clusters_and_a_directory_of_its_own(self, jobs: Jobs) -> None:
        spec = jobs.load(GOOD, environ=self.CLUSTER)
        assert (spec.share, spec.output.dir) == ((2, 4), Path("out/shard-2"))

    def test_only_where_both_variables_are_set(self, jobs: Jobs) -> None:
        for gone in self.CLUSTER:
            assert jobs.load(GOOD, environ={**self.CLUSTER, gone: ""}).share is None

    def test_what_the_file_says_wins(self, jobs: Jobs) -> None:
        assert jobs.load(GOOD + "shard: none\n", environ=self.CLUSTER).share is None
        spec = jobs.load(GOOD + "shard: {index: 0, count: 2}\n", environ=self.CLUSTER)
        assert (spec.share, spec.output.dir) == ((0, 2), Path("out"))

    @pytest.mark.parametrize(("index", "count"), [("4", "4"), ("-1", "4"), ("x", "4"), ("0", "0"), ("0", "9" * 20)])
    def test_that_make_no_sense_are_told(self, jobs: Jobs, index: str, count: str) -> None:
        environ = {"JOB_COMPLETION_INDEX": index, "ORCHESTRATOR_SHARD_COUNT": count}
        (found,) = jobs.problems(GOOD, environ=environ)
        assert "not a share" in found


class TestTheRecordsCopy:
    def test_is_plain_json_and_short(self, jobs: Jobs) -> None:
        text = GOOD.replace("[a, b]", str([f"t{n}" for n in range(1_000)])) + "limits: {max_failures: 33.3%}\n"
        job = resolved(jobs.load(text))
        assert json.loads(json.dumps(job)) == job
        assert (len(job["tasks"]["ids"]), job["tasks"]["ids"][-1]) == (21, "… and 980 more")
        assert (job["limits"]["deadline"], job["limits"]["max_failures"]) == ("2h", "33.3%")

    def test_of_a_plain_proxy_is_whole(self, jobs: Jobs) -> None:
        spec = jobs.load(GOOD, "service.proxy=http://proxy:3128")
        assert resolved(spec)["service"]["proxy"] == "http://proxy:3128"


KEYS = st.sampled_from(
    [*("version", "name", "service", "tasks", "ids", "file", "region", "shard", "limits", "where", "simulator", "x")]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["${A}", "-", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5),
    max_leaves=15,
)


class TestAnything:
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary() | st.text().map(str.encode), st.lists(st.text(), max_size=2))
    def test_is_a_job_or_an_input_error(self, jobs: Jobs, data: bytes, overrides: list[str]) -> None:
        with pytest.raises(InputError) as caught:
            jobs.load(data, *overrides)
        assert caught.value.problems

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(st.dictionaries(KEYS, TREES))
    def test_of_nearly_the_right_shape_is_too(self, jobs: Jobs, job: dict[str, object]) -> None:
        text = json.dumps({"version": 1, **job}).encode("utf-8", "replace")
        try:
            spec = jobs.load(text, environ={"A": "1"})
        except InputError:
            return
        json.dumps(resolved(spec), allow_nan=False)
