"""Resume: the same command again goes on, and where all is said it answers from the record."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.stories.referee import Leeway, judge
from tests.stories.stage import Stage, make_ids, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.stories.stage import Ran

CUT_SHORT = Leeway(cut_short=True)


async def interrupt(stage: Stage, number: int = signal.SIGTERM) -> Ran:
    """Run until the first stop has arrived, then send a signal."""
    running = await stage.start()
    await until(lambda: stage.arrivals("stop"))
    running.process.send_signal(number)
    return await running.ended()


class TestFinished:
    """A run that is finished."""

    @pytest.mark.parametrize(("traits", "code"), [({}, 0), ({"refuse_always": 0.1, "unknown": 0.05}, 1)])
    async def test_again_it_only_says_the_same(self, tmp_path: Path, traits: dict[str, Any], code: int) -> None:
        """The same command answers from the record: no request, same exit code, same files."""
        async with Stage.opened(tmp_path, 120, **traits) as stage:
            stage.set(service={"credentials": "auto"})
            first = await stage.run()
            assert first.code == code
            judge(stage, first)
            files, arrived, record = stage.files(), len(stage.arrivals()), (stage.out / "run.db").read_bytes()
            again = await stage.run()
            assert again.code == code
            assert len(stage.arrivals()) == arrived
            assert stage.files() == files
            assert (stage.out / "run.db").read_bytes() == record
            assert again.out == first.out
            (stage.out / "tasks.csv").unlink()
            await stage.run()
            assert stage.files() == files, "the account is made from the record"

    async def test_it_needs_neither_credentials_nor_a_service(self, tmp_path: Path) -> None:
        """A cluster may run a finished job again long after its secrets are gone."""
        secrets = {"ak": "PLANTEDACCESSKEY0001", "sk": "planted-secret-key-1"}
        async with Stage.opened(tmp_path, 30, auth="signature", secrets=secrets) as stage:
            stage.set(service={"credentials": "env"})
            environ = {"HUAWEICLOUD_SDK_AK": secrets["ak"], "HUAWEICLOUD_SDK_SK": secrets["sk"]}
            assert (await stage.run(environ=environ)).code == 0
        assert (await stage.run()).code == 0

    async def test_fresh_keeps_the_old_record(self, tmp_path: Path) -> None:
        """`--fresh` starts over and keeps the old record under a dated name."""
        async with Stage.opened(tmp_path, 60) as stage:
            first = await stage.run()
            run_id = stage.account().summary["run_id"]
            record = (stage.out / "run.db").read_bytes()
            ended = await (await stage.start("--fresh")).ended()
            assert (first.code, ended.code) == (0, 0)
            account = stage.account()
            assert account.summary["run_id"] != run_id
            assert account.summary["attempts"] == 1
            assert account.counted == {"already_stopped": 60}
            (kept,) = stage.out.glob("run-*.db")
            assert kept.read_bytes() == record
            assert kept.stat().st_mode & 0o777 == 0o600
            assert kept.name in ended.err


class TestTheSameRun:
    """What counts as the same run, and what does not."""

    async def test_the_same_ids_in_another_order_resume(self, tmp_path: Path) -> None:
        """The input is known by its ids: another file, order, case of duplicates or comments change nothing."""
        async with Stage.opened(tmp_path, 120, stop_seconds=1) as stage:
            assert (await interrupt(stage)).code == 75
            shuffled = [*reversed(stage.ids), *stage.ids[:7]]
            stage.write_ids("# sorted anew\r\n" + "\r\n".join(shuffled), "others.txt")
            stage.set(tasks={"file": "others.txt"}, poll={"interval": "150ms"})
            ran = await stage.run()
            assert ran.code == 0
            account = judge(stage, ran)
            assert account.counted == {"stopped": 120}
            assert account.summary["attempts"] == 2
            assert ran.named("run.resumed")[0]["attempt"] == 2

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"tasks": {"file": "others.txt"}}, "ids"),
            ({"operation": "restart"}, "operation"),
            ({"service": {"project_id": "f" * 32}}, "project"),
            ({"service": {"endpoint": "http://127.0.0.1:9"}}, "endpoint"),
        ],
        ids=["ids", "operation", "project", "endpoint"],
    )
    async def test_another_run_s_directory_is_refused(self, tmp_path: Path, change: dict[str, Any], word: str) -> None:
        """Exit 2, the difference named, nothing sent, nothing overwritten."""
        async with Stage.opened(tmp_path, 40) as stage:
            assert (await stage.run()).code == 0
            arrived, files = len(stage.arrivals()), stage.files()
            record = (stage.out / "run.db").read_bytes()
            stage.write_ids("\n".join(make_ids(40, seed=99)), "others.txt")
            stage.set(**change)
            ran = await stage.run()
            assert ran.code == 2
            assert word in ran.problems
            assert "--fresh" in ran.problems
            assert len(stage.arrivals()) == arrived
            assert stage.files() == files
            assert (stage.out / "run.db").read_bytes() == record

    async def test_a_learned_quota_is_known_to_the_resumed_run(self, tmp_path: Path) -> None:
        """What one attempt learned the next one knows: it does not run into a window that is still full."""
        quotas = {"stop": {"limit": 3, "seconds": 3, "kind": "sliding"}}
        async with Stage.opened(tmp_path, 350, quotas=quotas) as stage:
            running = await stage.start()
            await until(lambda: any(arrival.throttled for arrival in stage.arrivals("stop")))
            await until(lambda: running.says("quota.learned"))
            running.process.send_signal(signal.SIGTERM)
            assert (await running.ended()).code == 75
            before = sum(arrival.throttled for arrival in stage.arrivals())
            ran = await stage.run()
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 350}
            assert sum(arrival.throttled for arrival in stage.arrivals()) <= before + 2


class TestAttempts:
    """How often a run was taken up is visible."""

    async def test_an_attempt_that_died_in_its_survey_counts(self, tmp_path: Path) -> None:
        """Killed after its first request and before its first stop, it was an attempt all the same."""
        async with Stage.opened(tmp_path, 60, latency=0.3) as stage:
            running = await stage.start()
            await until(lambda: stage.arrivals("list"))
            running.process.kill()
            await running.ended()
            assert not stage.arrivals("stop")
            ran = await stage.run()
            assert ran.code == 0
            account = judge(stage, ran, Leeway(losses=True))
            assert account.summary["attempts"] == 2
            assert ran.named("run.resumed")[0]["attempt"] == 2


class TestRetry:
    """`--retry` reopens a finished run."""

    async def test_for_tasks_that_timed_out(self, tmp_path: Path) -> None:
        """They get a new deadline; what is over is not asked about again, and nobody is stopped twice."""
        states = {"MIGRATING": 3, "TERMINATED": 1}
        async with Stage.opened(tmp_path, 80, stop_seconds=6, states=states) as stage:
            stage.set(limits={"deadline": "3s"})
            ran = await stage.run()
            assert ran.code == 1
            before = judge(stage, ran, CUT_SHORT)
            assert set(before.counted) == {"timed_out", "already_stopped"}
            arrived = len(stage.arrivals())
            assert (await stage.run()).code == 1
            assert len(stage.arrivals()) == arrived
            ran = await stage.run("--retry", "timed_out", "--set", "limits.deadline=20s")
            assert ran.code == 0
            after = judge(stage, ran)
            assert set(after.counted) == {"stopped", "already_stopped"}
            over = {item for item, outcome in before.outcomes.items() if outcome == "already_stopped"}
            assert {item for item, outcome in after.outcomes.items() if outcome == "already_stopped"} == over
            assert not [item for item in stage.ids if len(stage.books.stops(item)) > 1]

    @pytest.mark.parametrize("words", [("--retry",), ("--retry=rejected,timed_out",)])
    async def test_for_tasks_that_were_rejected(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        """Who was refused is asked again, and nobody else."""
        async with Stage.opened(tmp_path, 80, refuse_once=0.2, refuse_once_code="DCS.4027") as stage:
            ran = await stage.run()
            assert ran.code == 1
            assert judge(stage, ran).counted == {"stopped": 64, "rejected": 16}
            refused = {item for item, outcome in stage.account().outcomes.items() if outcome == "rejected"}
            sent = len(stage.arrivals("stop"))
            looked = len(stage.arrivals("show"))
            ran = await stage.run(*words)
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 80}
            assert {item for arrival in stage.arrivals("stop")[sent:] for item in arrival.ids} == refused
            assert {item for arrival in stage.arrivals("show")[looked:] for item in arrival.ids} <= refused

    async def test_for_outcomes_that_do_not_occur(self, tmp_path: Path) -> None:
        """Where nobody came to that outcome there is nothing to do, and nothing is sent."""
        async with Stage.opened(tmp_path, 40) as stage:
            assert (await stage.run()).code == 0
            sent = len(stage.arrivals())
            ran = await stage.run("--retry", "rejected")
            assert ran.code == 0
            assert len(stage.arrivals()) == sent
            assert stage.account().counted == {"stopped": 40}

    async def test_with_a_word_that_is_no_outcome(self, tmp_path: Path) -> None:
        """A slip in the outcome's name is a usage error."""
        async with Stage.opened(tmp_path, 10) as stage:
            ended = await (await stage.start("--retry=rejectd")).ended()
            assert ended.code == 2
            assert "rejectd" in ended.err
            assert not stage.arrivals()


class TestSignals:
    """How a run ends that is told to, when the service does not play along."""

    HANGING: Mapping[str, Any] = {"faults": {"outages": [{"after": 0.15, "seconds": 2, "kind": "hang"}]}}

    async def test_a_hanging_service_holds_nobody_up(self, tmp_path: Path) -> None:
        """SIGTERM while every request hangs: exit 75 within ten seconds, and the next attempt finishes."""
        async with Stage.opened(tmp_path, 400, stop_seconds=1, **self.HANGING) as stage:
            running = await stage.start()
            await until(lambda: any(arrival.fault == "hang" for arrival in stage.arrivals()))
            running.process.send_signal(signal.SIGTERM)
            ran = await running.ended()
            assert ran.code == 75
            assert ran.seconds < 10
            judge(stage, ran, CUT_SHORT)
            await until(lambda: stage.server.in_flight == 0)
            ran = await stage.run("--set", "service.read_timeout=1s")
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 400}
            assert not [item for item in stage.ids if len(stage.books.stop_times(item)) > 1]

    async def test_a_second_signal_ends_at_once(self, tmp_path: Path) -> None:
        """Who cannot wait for the drain loses nothing but the account of this attempt."""
        async with Stage.opened(tmp_path, 400, stop_seconds=1, **self.HANGING) as stage:
            running = await stage.start()
            await until(lambda: any(arrival.fault == "hang" for arrival in stage.arrivals()))
            running.process.send_signal(signal.SIGTERM)
            running.process.send_signal(signal.SIGINT)
            ran = await running.ended()
            assert ran.code == 75
            assert ran.seconds < 10
            assert "Traceback" not in ran.err
            assert "same command" in ran.err
            ran = await stage.run("--set", "service.read_timeout=1s")
            assert ran.code == 0
            assert judge(stage, ran, Leeway(losses=True)).counted == {"stopped": 400}
            assert not [item for item in stage.ids if len(stage.books.stop_times(item)) > 1]
