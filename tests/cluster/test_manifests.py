"""Tests of cluster/: what the manifests say, variant by variant."""

from __future__ import annotations

import base64
import gzip
import os
import threading
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.kubernetes import _Looked
from orchestrator.cluster.manifests import object_name
from tests.cli.streams import call
from tests.cluster.printing import IDS, JOB, PROJECT, VARIANTS, Desk

if TYPE_CHECKING:
    from tests.cluster.printing import Printed

NAME = "stop-old-migrations"
SECRET_WORDS = {
    "HUAWEICLOUD_SDK_AK": "PLANTEDAK000",
    "HUAWEICLOUD_SDK_SK": "planted-sk-secret",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "planted-security-token",
    "HUAWEICLOUD_SDK_TOKEN": "planted-token",
}


def rules(printed: Printed) -> list[tuple[str, object]]:
    return [
        (rule["action"], rule.get("onExitCodes", {}).get("values") or rule["onPodConditions"][0]["type"])
        for rule in printed.job["spec"]["podFailurePolicy"]["rules"]
    ]


class TestJob:
    """How often, how long, and what an exit code means."""

    def test_exit_codes_are_the_contracts(self, desk: Desk) -> None:
        assert rules(desk.print()) == [
            ("FailJob", [1, 2, 3, 4, 70]),
            ("Ignore", "DisruptionTarget"),
            ("Count", [75]),
        ]

    def test_of_shards_1_and_4_fail_their_own_index_only(self, desk: Desk) -> None:
        assert rules(desk.print("--shards", "3")) == [
            ("FailIndex", [1, 4]),
            ("FailJob", [2, 3, 70]),
            ("Ignore", "DisruptionTarget"),
            ("Count", [75]),
        ]

    def test_two_pods_never_run_at_once(self, desk: Desk) -> None:
        printed = desk.print()
        assert printed.job["spec"]["podReplacementPolicy"] == "Failed"
        assert printed.pod["restartPolicy"] == "Never"
        assert "lost node" in printed.result.out

    def test_its_patience_is_longer_than_the_job_files_deadline(self, desk: Desk) -> None:
        spec = desk.print("--set", "limits.deadline=50m", "--set", "limits.give_up_after=10m").job["spec"]
        assert spec["backoffLimit"] == 5
        waiting = 10 + 20 + 40 + 80 + 160
        assert spec["activeDeadlineSeconds"] == 3000 + waiting + 6 * (300 + 30)
        assert spec["ttlSecondsAfterFinished"] == 7 * 86_400

    def test_its_patience_has_bounds(self, desk: Desk) -> None:
        assert desk.print("--set", "limits.deadline=1m").job["spec"]["backoffLimit"] == 3
        assert desk.print("--set", "limits.deadline=100h").job["spec"]["backoffLimit"] == 10

    def test_shards_are_an_indexed_job_with_retries_of_their_own(self, desk: Desk) -> None:
        printed = desk.print("--shards", "4")
        spec = printed.job["spec"]
        assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
        assert spec["backoffLimitPerIndex"] == 10
        assert "backoffLimit" not in spec
        assert printed.env["ORCHESTRATOR_SHARD_COUNT"] == "4"
        assert "--set=shard=auto" in printed.container["args"]

    def test_shards_come_with_a_job_that_joins_them(self, desk: Desk) -> None:
        job = desk.print("--shards", "4").of_kind("Job", "-merge")
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert job["spec"]["suspend"] is True
        assert container["args"] == ["merge", "/var/lib/orchestrator/out", "--output", "/var/lib/orchestrator/merged"]
        assert "env" not in container

    def test_a_share_in_the_job_file_contradicts_shards(self, desk: Desk) -> None:
        desk.write(JOB + "shard: {index: 0, count: 2}\n")
        assert "let --shards number the pods" in desk.refused("--shards", "2")


class TestPod:
    """As few rights as can be, and no surprises from the cluster."""

    def test_is_restricted(self, desk: Desk) -> None:
        printed = desk.print()
        assert printed.pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert printed.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert printed.pod["enableServiceLinks"] is False
        assert printed.pod["automountServiceAccountToken"] is False
        assert printed.of_kind("ServiceAccount")["automountServiceAccountToken"] is False
        assert printed.pod["terminationGracePeriodSeconds"] == 30
        assert {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}} in printed.pod["volumes"]

    def test_everything_reaches_the_program_by_arguments(self, desk: Desk) -> None:
        printed = desk.print("--set", "submit.workers=4")
        assert printed.container["args"] == [
            "run",
            "/etc/orchestrator/job/job.yaml",
            "--yes",
            "--output=/var/lib/orchestrator/out",
            "--progress=none",
            "--log-format=json",
            "--job-name=$(JOB_NAME)",
            "--set=submit.workers=4",
            '--set=tasks.file="/etc/orchestrator/job/ids.txt"',
        ]
        assert set(printed.env) == {
            "JOB_NAME",
            "HUAWEICLOUD_SDK_PROJECT_ID",
            "HUAWEICLOUD_SDK_AK_FILE",
            "HUAWEICLOUD_SDK_SK_FILE",
        }

    def test_knows_the_name_of_its_job_even_in_a_copy_of_it(self, desk: Desk) -> None:
        path = desk.print().env["JOB_NAME"]["fieldRef"]["fieldPath"]
        assert path == "metadata.labels['batch.kubernetes.io/job-name']"

    def test_nothing_that_looks_like_the_kubelets_variables_is_replaced(self, desk: Desk) -> None:
        desk.environ["WHY"] = "see $(HOME)"
        desk.write(JOB + "reason: ${WHY}\n")
        printed = desk.print("--set", "name=a-$(b)", "--set", "name=x")
        assert printed.env["WHY"] == "see $$(HOME)"
        assert "--set=name=a-$$(b)" in printed.container["args"]

    def test_resources_follow_the_list(self, desk: Desk) -> None:
        small = desk.print().container["resources"]
        assert small == {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        }
        desk.write(JOB + "  max_tasks: 2000000\n".replace("  max", "  max"), IDS)
        unlisted = desk.print("--set", "service.simulator={tasks: 5}", "--set", "tasks.file=null")
        assert unlisted.container["resources"]["limits"]["memory"] == "960Mi"

    def test_resources_are_as_told(self, desk: Desk) -> None:
        told = desk.print("--cpu", "2", "--memory", "3Gi", "--storage", "9Gi", "--storage-class", "ssd")
        assert told.container["resources"]["requests"] == {"cpu": "2", "memory": "3Gi"}
        assert told.container["resources"]["limits"] == {"cpu": "2", "memory": "3Gi"}
        claim = told.of_kind("PersistentVolumeClaim")["spec"]
        assert claim["storageClassName"] == "ssd"
        assert claim["resources"]["requests"]["storage"] == "9Gi"

    def test_there_is_no_probe_unless_asked_for(self, desk: Desk) -> None:
        container = desk.print().container
        assert not {"livenessProbe", "readinessProbe", "ports"} & set(container)

    def test_probes_and_metrics_on_request(self, desk: Desk) -> None:
        printed = desk.print("--serve", "0.0.0.0:9090")
        assert "--serve=0.0.0.0:9090" in printed.container["args"]
        assert printed.container["ports"] == [{"name": "metrics", "containerPort": 9090}]
        assert printed.container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
        assert "livenessProbe" not in printed.container
        annotations = printed.job["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == "9090"
        alive = desk.print("--serve", "0.0.0.0:9090", "--liveness").container["livenessProbe"]
        assert alive["httpGet"]["path"] == "/healthz"

    def test_where_its_own_last_word_fails_the_last_lines_serve(self, desk: Desk) -> None:
        assert desk.print().container["terminationMessagePolicy"] == "FallbackToLogsOnError"


class TestClaims:
    """Storage that outlives the pod."""

    def test_one_pods_claim_is_its_own(self, desk: Desk) -> None:
        assert desk.print().of_kind("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]

    def test_the_shards_claim_is_shared_and_says_so(self, desk: Desk) -> None:
        printed = desk.print("--shards", "2")
        assert printed.of_kind("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteMany"]
        assert "# All shards use it" in printed.result.out
        assert "must be ReadWriteMany" in printed.result.err


class TestPayload:
    """The files of the job."""

    def test_the_job_file_is_carried_as_it_is(self, desk: Desk) -> None:
        awkward = "# tabs\there, and blanks at the end:  \r\n" + JOB + "# ü ☃ 🙂\n\n"
        desk.write(awkward, "\n" + IDS + "  x\n")
        data = desk.print().of_kind("ConfigMap")["data"]
        assert data == {
            "job.yaml": (desk.directory / "job.yaml").read_bytes().decode(),
            "ids.txt": "\n" + IDS + "  x\n",
        }

    def test_what_is_no_text_is_carried_as_bytes(self, desk: Desk) -> None:
        packed = gzip.compress(IDS.encode())
        (desk.directory / "list.jsonl.gz").write_bytes(gzip.compress(b'"one"\n'))
        desk.write(JOB.replace("ids.txt", "list.txt.gz"), packed, name="list.txt.gz")
        printed = desk.print()
        carried = printed.of_kind("ConfigMap")["binaryData"]["ids.txt.gz"]
        assert base64.b64decode(carried) == packed
        assert '--set=tasks.file="/etc/orchestrator/job/ids.txt.gz"' in printed.container["args"]

    def test_a_list_that_is_too_long_gets_a_claim_and_the_commands_to_fill_it(self, desk: Desk) -> None:
        desk.write(ids="".join(f"task-{n:032d}\n" for n in range(30_000)))
        printed = desk.print("--namespace", "dcs")
        assert list(printed.of_kind("ConfigMap")["data"]) == ["job.yaml"]
        assert printed.of_kind("PersistentVolumeClaim", "-ids")["spec"]["resources"]["requests"]["storage"] == "4Mi"
        assert printed.job["spec"]["suspend"] is True
        assert '--set=tasks.file="/etc/orchestrator/ids/ids.txt"' in printed.container["args"]
        assert f"kubectl -n dcs run {NAME}-fill" in printed.result.out
        assert "too long for a ConfigMap" in printed.result.err

    def test_certificates_are_carried_too(self, desk: Desk) -> None:
        (desk.directory / "company.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        printed = desk.print("--set", f"service.ca_file={desk.directory / 'company.pem'}")
        assert "ca.pem" in printed.of_kind("ConfigMap")["data"]
        assert printed.container["args"][-2] == '--set=service.ca_file="/etc/orchestrator/job/ca.pem"'

    def test_certificates_that_are_not_there_are_named(self, desk: Desk) -> None:
        assert "nowhere.pem: cannot be read" in desk.refused("--set", "service.ca_file=/nowhere.pem")

    def test_a_pod_has_no_standard_input(self, desk: Desk) -> None:
        assert "a pod has no standard input" in desk.refused("--set", "tasks.file=-")

    @pytest.mark.parametrize(("name", "text"), [("job.yaml", JOB), ("ids.txt", IDS)])
    def test_what_comes_from_a_pipe_cannot_be_carried(self, desk: Desk, name: str, text: str) -> None:
        pipe = desk.directory / name
        pipe.unlink()
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=(text,))
        writer.start()
        assert f"{name}: the manifests carry" in desk.refused()
        writer.join()

    def test_a_bad_list_is_told_as_validate_does(self, desk: Desk) -> None:
        desk.write(ids="fine\nnot an id\n")
        assert "ids.txt:2" in desk.refused()

    def test_a_selection_needs_no_list(self, desk: Desk) -> None:
        desk.write("version: 1\nservice: {simulator: {tasks: 5}}\n")
        assert list(desk.print().of_kind("ConfigMap")["data"]) == ["job.yaml"]


class TestCredentials:
    """Names of secrets, never their values."""

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_no_secret_of_this_shell_is_printed(self, desk: Desk, variant: str) -> None:
        desk.environ |= SECRET_WORDS
        printed = desk.print(*VARIANTS[variant])
        for secret in SECRET_WORDS.values():
            assert secret not in printed.result.out + printed.result.err

    def test_keys_are_mounted_files(self, desk: Desk) -> None:
        printed = desk.print()
        (volume,) = [each for each in printed.pod["volumes"] if each["name"] == "credentials"]
        assert volume["secret"]["secretName"] == f"{NAME}-credentials"
        assert [item["key"] for item in volume["secret"]["items"]] == ["ak", "sk"]
        assert volume["secret"]["defaultMode"] == 0o440
        assert printed.env["HUAWEICLOUD_SDK_SK_FILE"] == "/var/run/secrets/orchestrator/sk"
        assert f"kubectl create secret generic {NAME}-credentials --from-file=ak=FILE" in printed.result.out

    def test_temporary_keys_have_a_token(self, desk: Desk) -> None:
        desk.environ |= SECRET_WORDS
        assert "HUAWEICLOUD_SDK_SECURITY_TOKEN_FILE" in desk.print("--set", "service.credentials=env").env

    def test_auto_takes_what_this_shell_would(self, desk: Desk) -> None:
        desk.environ["HUAWEICLOUD_SDK_TOKEN_FILE"] = "/x"
        assert "HUAWEICLOUD_SDK_TOKEN_FILE" in desk.print().env

    def test_a_profile_is_one_file(self, desk: Desk) -> None:
        env = desk.print("--set", "service.credentials=profile").env
        assert env["HUAWEICLOUD_SDK_CREDENTIALS_FILE"] == "/var/run/secrets/orchestrator/credentials"

    def test_workload_identity_mounts_the_one_token_that_it_needs(self, desk: Desk) -> None:
        printed = desk.print("--set", "service.credentials=oidc", "--token-audience", "dcs")
        (volume,) = [each for each in printed.pod["volumes"] if each["name"] == "identity"]
        (source,) = volume["projected"]["sources"]
        assert source == {
            "serviceAccountToken": {"path": "token", "expirationSeconds": 3600, "audience": "dcs"},
        }
        assert printed.env["HUAWEICLOUD_OIDC_TOKEN_FILE"] == "/var/run/secrets/huaweicloud/token"
        assert printed.env["HUAWEICLOUD_OIDC_AGENCY_URN"] == "iam::d:agency:stopper"

    def test_workload_identity_needs_its_urns_here(self, desk: Desk) -> None:
        del desk.environ["HUAWEICLOUD_OIDC_AGENCY_URN"]
        assert "set HUAWEICLOUD_OIDC_AGENCY_URN here" in desk.refused("--set", "service.credentials=oidc")

    @pytest.mark.parametrize("source", ["pod", "metadata"])
    def test_the_clusters_and_the_nodes_identity_need_nothing(self, desk: Desk, source: str) -> None:
        printed = desk.print("--set", f"service.credentials={source}")
        assert not [name for name in printed.env if name.startswith("HUAWEICLOUD_SDK_AK")]
        assert "create secret" not in printed.result.out

    def test_an_address_with_a_password_is_kept_in_a_secret(self, desk: Desk) -> None:
        desk.environ["OUR_PROXY"] = "http://me:pass-word@proxy:3128"
        desk.write(JOB.replace("service:\n", "service:\n  proxy: ${OUR_PROXY}\n"))
        printed = desk.print()
        assert printed.env["OUR_PROXY"]["secretKeyRef"] == {"name": f"{NAME}-environment", "key": "OUR_PROXY"}
        assert "pass-word" not in printed.result.out
        assert f"secret generic {NAME}-environment --from-file=OUR_PROXY=FILE" in printed.result.out


class TestVariables:
    """What the job file asks of the environment comes along; nothing else does."""

    def test_only_those_that_it_asks_for(self, desk: Desk) -> None:
        desk.environ |= {"UNASKED": "1", "WHY": "because", "JOB_COMPLETION_INDEX": "1", "ORCHESTRATOR_SHARD_COUNT": "9"}
        desk.write(JOB + "# ${UNASKED}\nreason: ${WHY:-x} ${DEFAULTED:-y}\n")
        printed = desk.print()
        assert printed.env["HUAWEICLOUD_SDK_PROJECT_ID"] == PROJECT
        assert printed.env["WHY"] == "because"
        assert not {"UNASKED", "DEFAULTED", "ORCHESTRATOR_SHARD_COUNT"} & set(printed.env)

    def test_the_pods_own_variables_are_not_this_shells(self) -> None:
        looked = _Looked({"JOB_COMPLETION_INDEX": "1", "A": "2"})
        assert (dict(looked), len(looked), looked.get("B")) == ({"A": "2"}, 1, None)

    def test_one_that_is_missing_is_told(self, desk: Desk) -> None:
        desk.environ.clear()
        assert "HUAWEICLOUD_SDK_PROJECT_ID is not set" in desk.refused()


class TestWarnings:
    """What to mind goes to stderr."""

    def test_loopback_is_the_pod_itself(self, desk: Desk) -> None:
        assert "service.endpoint is loopback" in desk.print(*VARIANTS["loopback"]).result.err

    def test_a_simulator_is_a_demonstration(self, desk: Desk) -> None:
        assert "nothing real is touched" in desk.print(*VARIANTS["simulator"]).result.err

    def test_the_default_image_is_in_no_registry(self, desk: Desk) -> None:
        assert "build it from the Dockerfile" in desk.print().result.err
        assert desk.print("--image", "r/x:1").result.err == ""

    def test_the_first_lines_repeat_the_command(self, desk: Desk) -> None:
        first = desk.print("--namespace", "a", "--serve", "0.0.0.0:1", "--liveness").result.out.splitlines()[0]
        assert first.endswith("job.yaml --namespace a --serve 0.0.0.0:1 --liveness")


class TestOptions:
    """Wrong ones are told all at once."""

    def test_each_with_its_remedy(self, desk: Desk) -> None:
        told = desk.refused(
            *("--namespace", "A_b", "--image", "two words", "--cpu", "many", "--memory", "1GB", "--storage", "-1"),
            *("--storage-class", "?", "--shards", "0", "--liveness"),
        )
        for option in ("namespace", "image", "cpu", "memory", "storage", "storage-class", "shards", "liveness"):
            assert f"--{option}: " in told

    @pytest.mark.parametrize(
        ("address", "why"),
        [
            ("nowhere", "is no address"),
            ("0.0.0.0:0", "is no address"),
            ("0.0.0.0:99999", "is no address"),
            ("8080", "inside the pod only"),
            ("127.0.0.1:80", "inside the pod only"),
            ("[::1]:80", "inside the pod only"),
        ],
    )
    def test_an_address_that_nobody_can_reach_is_refused(self, desk: Desk, address: str, why: str) -> None:
        assert why in desk.refused("--serve", address)

    def test_a_missing_job_file_is_told(self) -> None:
        assert call("kubernetes", "/nowhere/job.yaml").code == 2


class TestNames:
    """A run's name in the cluster's spelling."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("Stop_old.migrations", NAME), ("a" * 80, "a" * 52), ("--x--", "x"), ("___", "orchestrator"), ("0a", "0a")],
    )
    def test_is_a_name_there(self, name: str, expected: str) -> None:
        assert object_name(name) == expected
