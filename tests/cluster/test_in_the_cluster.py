"""The printed pod's command, run as a cluster runs it, against a service over real sockets."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.simulator.options import Secrets
from tests.cluster.kubelet import Kubelet, mount
from tests.stories.stage import Account, Stage, until

if TYPE_CHECKING:
    from pathlib import Path

AK, SK, NEW_SK = "PLANTEDACCESSKEY0001", "planted-secret-key-1", "planted-secret-key-2"
KEYS: dict[str, Any] = {"auth": "signature", "secrets": {"ak": AK, "sk": SK}}


async def test_a_pod_stops_its_tasks_and_leaves_its_last_word(tmp_path: Path) -> None:
    """Its files are links in read-only directories, its environment is the manifest's and no other."""
    async with Stage.opened(tmp_path, 60) as stage:
        kubelet = Kubelet(stage, tmp_path / "node")
        ran = await kubelet.run()
        assert ran.code == 0, ran.err
        assert kubelet.told() == {
            "outcome": "succeeded",
            "exit_code": 0,
            "name": "story",
            "run_id": Account(kubelet.output).summary["run_id"],
            "unique": 60,
            "not_over": 0,
            "outcomes": {"stopped": 60},
            "output": str(kubelet.output),
        }
        assert {line["job"] for line in ran.events} == {"the-job"}


async def test_a_finished_job_that_runs_again_is_an_instant_no_op(tmp_path: Path) -> None:
    async with Stage.opened(tmp_path, 60) as stage:
        kubelet = Kubelet(stage, tmp_path / "node")
        first = await kubelet.run()
        before, files = len(stage.arrivals()), sorted(kubelet.output.iterdir())
        again = await kubelet.run()
        assert (first.code, again.code) == (0, 0)
        assert len(stage.arrivals()) == before
        assert sorted(kubelet.output.iterdir()) == files
        assert kubelet.told()["outcome"] == "succeeded"


async def test_a_pod_that_is_drained_is_resumed_by_the_next(tmp_path: Path) -> None:
    """SIGTERM ends it with 75 well within its grace period; the pod that replaces it finishes the job."""
    async with Stage.opened(tmp_path, 400, stop_seconds={"median": 1.5, "sigma": 0.2}) as stage:
        kubelet = Kubelet(stage, tmp_path / "node")
        running = await kubelet.start()
        await until(lambda: stage.arrivals("stop"))
        running.process.send_signal(signal.SIGTERM)
        ran = await running.ended()
        assert ran.code == 75, ran.err
        assert kubelet.told()["outcome"] == "interrupted"
        assert kubelet.told()["reason"] == "SIGTERM received"
        next_one = await kubelet.run()
        assert next_one.code == 0, next_one.err
        summary = Account(kubelet.output).summary
        assert (summary["attempts"], summary["counts"]["outcomes"]["stopped"]) == (2, 400)


async def test_a_pod_that_is_killed_is_resumed_by_the_next(tmp_path: Path) -> None:
    """A lost node gives no notice: there is no last word, and nothing is lost."""
    async with Stage.opened(tmp_path, 400, stop_seconds={"median": 1.5, "sigma": 0.2}) as stage:
        kubelet = Kubelet(stage, tmp_path / "node")
        running = await kubelet.start()
        await until(lambda: stage.arrivals("stop"))
        running.process.kill()
        assert (await running.ended()).code == -signal.SIGKILL
        assert kubelet.last_word.read_bytes() == b""
        assert (await kubelet.run()).code == 0
        assert Account(kubelet.output).counted == {"stopped": 400}


async def test_tasks_that_are_not_over_fail_the_job_and_are_named(tmp_path: Path) -> None:
    async with Stage.opened(tmp_path, 30, refuse_always=0.3) as stage:
        kubelet = Kubelet(stage, tmp_path / "node", options=("--set", "limits.max_failures=100%"))
        assert (await kubelet.run()).code == 1
        word = kubelet.told()
        assert (word["outcome"], word["exit_code"]) == ("partial", 1)
        assert 0 < len(word["first"]) <= 10
        assert {each["outcome"] for each in word["first"]} == {"rejected"}


@pytest.mark.parametrize(
    ("assignment", "code", "outcome"),
    [
        ("limits.max_tasks=3", 4, "aborted"),
        ("service.credentials=env", 2, "aborted"),
    ],
)
async def test_what_another_pod_would_only_repeat_fails_the_job(
    tmp_path: Path, assignment: str, code: int, outcome: str
) -> None:
    async with Stage.opened(tmp_path, 30) as stage:
        kubelet = Kubelet(stage, tmp_path / "node", options=("--set", assignment))
        assert (await kubelet.run()).code == code
        word = kubelet.told()
        assert (word["outcome"], word["exit_code"]) == (outcome, code)


async def test_an_identity_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    """The agent of a node that has just started may come later: 75, not 2."""
    async with Stage.opened(tmp_path, 30) as stage:
        kubelet = Kubelet(stage, tmp_path / "node", options=("--set", "service.credentials=pod"))
        token = tmp_path / "node/token"
        token.write_text("t")
        kubelet.container()["env"] += [
            {"name": "HC_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://127.0.0.1:9/v1"},
            {"name": "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": str(token)},
        ]
        assert (await kubelet.run()).code == 75
        assert kubelet.told()["outcome"] == "interrupted"


async def test_a_secret_that_rotates_is_read_again(tmp_path: Path) -> None:
    """The kubelet exchanges the directory behind the links; the old key is refused from then on."""
    slow = {"quotas": {"stop": {"limit": 1, "seconds": 1, "kind": "sliding"}}}
    async with Stage.opened(tmp_path, 200, **KEYS, **slow) as stage:
        stage.set(service={"credentials": "env"})
        kubelet = Kubelet(stage, tmp_path / "node")
        secret = tmp_path / "node/var/run/secrets/orchestrator"
        mount(secret, {"ak": AK.encode(), "sk": SK.encode()})
        running = await kubelet.start()
        await until(lambda: stage.arrivals("stop"))
        mount(secret, {"ak": AK.encode(), "sk": NEW_SK.encode()})
        stage.server.service.rotate(Secrets(ak=AK, sk=NEW_SK))
        ran = await running.ended()
        assert ran.code == 0, ran.err
        assert Account(kubelet.output).counted == {"stopped": 200}
        written = ran.out + ran.err + kubelet.last_word.read_text()
        assert SK not in written
        assert NEW_SK not in written


async def test_shards_divide_the_list_and_their_accounts_are_joined(tmp_path: Path) -> None:
    """Each pod writes its own directory; the joined account closes over the whole input."""
    async with Stage.opened(tmp_path, 90) as stage:
        kubelet = Kubelet(stage, tmp_path / "node", options=("--shards", "3"))
        for index in range(3):
            ran = await kubelet.run(index=index)
            assert ran.code == 0, ran.err
            assert kubelet.told()["shard"] == {"index": index, "count": 3}
            assert {line["shard"] for line in ran.events} == {index}
        shares = [Account(kubelet.output / f"shard-{index}") for index in range(3)]
        assert [share.summary["shard"]["input"] for share in shares] == [90, 90, 90]
        merged = await kubelet.run(suffix="-merge")
        assert merged.code == 0, merged.err
        whole = Account(tmp_path / "node/var/lib/orchestrator/merged")
        assert whole.summary["counts"]["unique"] == 90
        assert whole.summary["shard"] is None
        assert sorted(whole.outcomes) == sorted(stage.ids)
        assert list(whole.outcomes) == [task for share in shares for task in share.outcomes]


async def test_a_shard_that_got_nothing_is_fine(tmp_path: Path) -> None:
    async with Stage.opened(tmp_path, 1) as stage:
        kubelet = Kubelet(stage, tmp_path / "node", options=("--shards", "2"))
        codes = [(await kubelet.run(index=index)).code for index in range(2)]
        assert codes == [0, 0]
        uniques = [Account(kubelet.output / f"shard-{n}").summary["counts"]["unique"] for n in range(2)]
        assert sorted(uniques) == [0, 1]


async def test_shards_stay_within_the_quota_together(tmp_path: Path) -> None:
    """What was learned is shared: each takes its part of it."""
    quota = {"quotas": {"stop": {"limit": 4, "seconds": 1, "kind": "sliding"}}}
    async with Stage.opened(tmp_path, 700, **quota) as stage:
        kubelet = Kubelet(stage, tmp_path / "node", options=("--shards", "2"))
        pods = [await kubelet.start(index=index) for index in range(2)]
        assert [(await pod.ended()).code for pod in pods] == [0, 0]
        throttled = [arrival for arrival in stage.arrivals("stop") if arrival.status == 429]
        assert len(throttled) <= 6


async def test_a_demonstration_runs_in_a_cluster_as_well(tmp_path: Path) -> None:
    async with Stage.opened(tmp_path, 1) as stage:
        stage.job["tasks"] = {}
        stage.set(service={"endpoint": None, "simulator": {"tasks": 20, "stop_seconds": {"median": 0.1, "sigma": 0.1}}})
        kubelet = Kubelet(stage, tmp_path / "node")
        assert (await kubelet.run()).code == 0
        assert kubelet.told()["unique"] == 20
