"""Exit codes: each one is reached as the contract says, and nothing is sent that must not be."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.stories.referee import Leeway, judge
from tests.stories.stage import Stage, until

if TYPE_CHECKING:
    from pathlib import Path

NEVER: dict[str, Any] = {"stop_seconds": 600}
CUT_SHORT = Leeway(cut_short=True)


class TestOne:
    """1: finished, or out of time, and not everything is over."""

    async def test_the_deadline_passes(self, tmp_path: Path) -> None:
        """What was asked and is not over is `timed_out`; the account says so in time."""
        async with Stage.opened(tmp_path, 120, states={"MIGRATING": 3, "TERMINATED": 1}, **NEVER) as stage:
            stage.set(limits={"deadline": "3s"})
            ran = await stage.run()
            assert ran.code == 1
            assert set(judge(stage, ran, CUT_SHORT).counted) == {"timed_out", "already_stopped"}
            assert stage.account().summary["timing"]["elapsed_seconds"] < 8
            assert "deadline" in ran.out

    async def test_what_the_deadline_left_unsent_is_not_attempted(self, tmp_path: Path) -> None:
        """A quota that is too small for the deadline leaves tasks that nobody was asked to stop."""
        quotas = {"stop": {"limit": 1, "seconds": 60}}
        async with Stage.opened(tmp_path, 200, quotas=quotas) as stage:
            stage.set(limits={"deadline": "3s"})
            ran = await stage.run()
            assert ran.code == 1
            assert judge(stage, ran, CUT_SHORT).counted == {"stopped": 50, "not_attempted": 150}

    async def test_a_task_that_is_refused_for_good(self, tmp_path: Path) -> None:
        """A refusal is kept with code and message; the others are stopped."""
        async with Stage.opened(tmp_path, 120, refuse_always=0.1) as stage:
            ran = await stage.run()
            assert ran.code == 1
            account = judge(stage, ran)
            assert account.counted == {"stopped": 108, "rejected": 12}
            rejected = [row for row in account.rows if row["outcome"] == "rejected"]
            assert {(row["error_code"], row["error_message"]) for row in rejected} == {
                ("DCS.4027", "The operation is not supported.")
            }


class TestTwo:
    """2: it was asked wrongly, and no request left."""

    async def check(self, stage: Stage, *words: str, **plain: Any) -> None:
        ran = await stage.run(**plain)
        assert ran.code == 2, ran.err[-1_000:]
        missing = [word for word in words if word not in ran.problems]
        assert not missing, ran.problems
        assert not stage.arrivals()
        assert not (stage.out / "run.db").exists()

    async def test_all_problems_of_a_job_file_at_once(self, tmp_path: Path) -> None:
        """Every problem is named with its line, not only the first."""
        text = (
            "version: 1\nservise: {}\nservice:\n  endpoint: http://dcs.example.com\ntasks: {file: ids.txt}\n"
            "submit: {batch_size: 51}\npoll: {interval: soon}\nlimits: {max_failures: 120%}\n"
        )
        async with Stage.opened(tmp_path, 10) as stage:
            (tmp_path / "job.yaml").write_text(text, "utf-8")
            lines = [f"job.yaml:{number}" for number in (2, 6, 7, 8)]
            await self.check(stage, *lines, "service", "51", "soon", "120%")

    async def test_an_unknown_key_is_met_with_a_suggestion(self, tmp_path: Path) -> None:
        """A slip of the pen in a key is no setting that is silently passed over."""
        async with Stage.opened(tmp_path, 10) as stage:
            stage.set(submit={"batchsize": 10})
            await self.check(stage, "batchsize", "batch_size", "job.yaml:")

    async def test_every_bad_line_of_an_id_file(self, tmp_path: Path) -> None:
        """Each bad id is named with file and line."""
        async with Stage.opened(tmp_path, 10) as stage:
            stage.write_ids(f"{stage.ids[0]}\n\n# no id:\nnot an id\n{stage.ids[1]}\r\n{'x' * 65}\nümlaut\n")
            await self.check(stage, "ids.txt:4", "ids.txt:6", "ids.txt:7", "not an id")

    @pytest.mark.parametrize("text", ["", "\n# nothing\n\r\n"])
    async def test_an_empty_list(self, tmp_path: Path, text: str) -> None:
        """Nothing to do is a mistake somewhere, not a success."""
        async with Stage.opened(tmp_path, 10) as stage:
            stage.write_ids(text)
            await self.check(stage, "ids.txt", "empty")

    async def test_files_that_are_not_there(self, tmp_path: Path) -> None:
        """A missing id file and a missing job file are named."""
        async with Stage.opened(tmp_path, 10) as stage:
            stage.set(tasks={"file": "gone.txt"})
            await self.check(stage, "gone.txt")
            await self.check(stage, "nowhere.yaml", verb=("run", "nowhere.yaml"))

    async def test_a_variable_that_is_not_set(self, tmp_path: Path) -> None:
        """A `${VAR}` without a value is no empty text."""
        async with Stage.opened(tmp_path, 10) as stage:
            stage.set(service={"project_id": "${NOWHERE_SET}"})
            await self.check(stage, "NOWHERE_SET", "job.yaml:")

    async def test_options_that_are_none(self, tmp_path: Path) -> None:
        """Unknown options and bad overrides are usage errors."""
        async with Stage.opened(tmp_path, 10) as stage:
            await self.check(stage, "limits.dedline", verb=("run", "job.yaml", "--set", "limits.dedline=1s"))
            ended = await (await stage.start("--nonsense")).ended()
            assert ended.code == 2
            assert "--nonsense" in ended.err
            assert not stage.arrivals()

    async def test_validate_says_the_same_and_sends_nothing(self, tmp_path: Path) -> None:
        """`validate` finds what `run` would find, and is content with what is right."""
        async with Stage.opened(tmp_path, 10) as stage:
            good = await (await stage.start(verb=("validate", "job.yaml"))).ended()
            assert good.code == 0
            stage.write_ids("not an id\n")
            bad = await (await stage.start(verb=("validate", "job.yaml"))).ended()
            assert bad.code == 2
            assert "ids.txt:1" in bad.out + bad.err
            assert not stage.arrivals()
            assert not stage.out.exists()


class TestFour:
    """4: a guard ended it."""

    async def test_more_tasks_than_allowed(self, tmp_path: Path) -> None:
        """A list that is too long is not taken at its word: nothing is sent at all."""
        async with Stage.opened(tmp_path, 120) as stage:
            stage.set(limits={"max_tasks": 119})
            ran = await stage.run()
            assert ran.code == 4
            assert not stage.arrivals()
            assert judge(stage, ran, CUT_SHORT).counted == {"not_attempted": 120}
            ran = await stage.run("--set", "limits.max_tasks=120")
            assert ran.code == 0, "the guard is judged again first"
            assert judge(stage, ran).counted == {"stopped": 120}

    @pytest.mark.parametrize(("allowed", "most"), [(5, 6), ("10%", 31)])
    async def test_more_failures_than_allowed(self, tmp_path: Path, allowed: int | str, most: int) -> None:
        """Refusal after refusal ends the run before many more are asked."""
        async with Stage.opened(tmp_path, 300, refuse_always=1) as stage:
            stage.set(limits={"max_failures": allowed, "failure_sample": 20})
            ran = await stage.run()
            assert ran.code == 4
            account = judge(stage, ran, CUT_SHORT)
            assert account.counted["rejected"] <= most
            assert "max_failures" in ran.out

    async def test_a_canary_that_fails(self, tmp_path: Path) -> None:
        """Only the canary is asked when it is refused."""
        async with Stage.opened(tmp_path, 120, refuse_always=1) as stage:
            stage.set(limits={"canary": 5, "max_failures": "100%"})
            ran = await stage.run()
            assert ran.code == 4
            assert len({item for arrival in stage.arrivals("stop") for item in arrival.ids}) <= 5
            assert judge(stage, ran, CUT_SHORT).counted["not_attempted"] >= 115
            assert "canary" in ran.out

    async def test_a_canary_that_lives(self, tmp_path: Path) -> None:
        """The first few are seen TERMINATED before anybody else is asked."""
        async with Stage.opened(tmp_path, 120) as stage:
            stage.set(limits={"canary": 5})
            ran = await stage.run()
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 120}
            first, *rest = stage.arrivals("stop")
            assert len(first.ids) == 5
            down = max(stage.books.history(item, rest[0].time)[-1][0] for item in first.ids)
            assert down <= rest[0].time
            assert {stage.books.status_of(item, rest[0].time) for item in first.ids} == {"TERMINATED"}


class TestSeventyFive:
    """75: interrupted, and the same command resumes."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal(self, tmp_path: Path, number: signal.Signals) -> None:
        """The account is written, without the page; the same command goes on."""
        async with Stage.opened(tmp_path, 200, stop_seconds=1.5) as stage:
            running = await stage.start()
            await until(lambda: len(stage.arrivals("stop")) >= 2)
            running.process.send_signal(number)
            ran = await running.ended()
            assert ran.code == 75
            account = judge(stage, ran, CUT_SHORT)
            assert set(account.counted) <= {"unconfirmed", "not_attempted"}
            assert number.name in ran.out
            assert "orchestrator run job.yaml" in ran.out
            assert not (stage.out / "report.html").exists()
            assert ran.seconds < 10
            ran = await stage.run()
            assert ran.code == 0
            account = judge(stage, ran)
            assert account.counted == {"stopped": 200}
            assert account.summary["attempts"] == 2
            assert not [item for item in stage.ids if len(stage.books.stops(item)) > 1]

    async def test_a_service_that_is_not_there(self, tmp_path: Path) -> None:
        """Who cannot be reached for `give_up_after` ends the run; once back, the run goes on."""
        async with Stage.opened(tmp_path, 60) as stage:
            with socket.socket() as held:
                held.bind(("127.0.0.1", 0))  # ours, so that nobody else comes to listen there
                endpoint = f"http://127.0.0.1:{held.getsockname()[1]}"
                stage.set(service={"endpoint": endpoint}, limits={"give_up_after": "1s"})
                ran = await stage.run()
            assert ran.code == 75
            assert judge(stage, ran, Leeway(cut_short=True, losses=True)).counted == {"not_attempted": 60}
            assert "give_up_after" in ran.out
            assert stage.account().summary["timing"]["elapsed_seconds"] < 5

    async def test_a_service_that_goes_away_for_good(self, tmp_path: Path) -> None:
        """An outage in the midst of it is given up too, and what was sent stays known."""
        outage = {"after": 0.2, "seconds": 4, "kind": "reset_before"}
        async with Stage.opened(tmp_path, 120, stop_seconds=1, faults={"outages": [outage]}) as stage:
            stage.set(limits={"give_up_after": "1s"})
            ran = await stage.run()
            assert ran.code == 75
            judge(stage, ran, CUT_SHORT)
            ran = await stage.run("--set", "limits.give_up_after=20s")
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 120}

    async def test_a_directory_that_another_runner_holds(self, tmp_path: Path) -> None:
        """The second process ends at once and says who holds it; the first is not disturbed."""
        async with Stage.opened(tmp_path, 120, **NEVER) as stage:
            running = await stage.start()
            await until(lambda: len(stage.arrivals("stop")) >= 3)
            second = await stage.run()
            assert second.code == 75
            assert str(running.process.pid) in second.problems
            assert socket.gethostname() in second.problems
            fresh = await stage.run("--fresh")
            assert fresh.code == 75, "the lock comes before anything is renamed"
            assert json.loads((stage.out / "run.lock").read_text("utf-8"))["pid"] == running.process.pid
            assert running.process.returncode is None
            running.process.send_signal(signal.SIGTERM)
            ran = await running.ended()
            assert ran.code == 75
            assert judge(stage, ran, CUT_SHORT).counted == {"unconfirmed": 120}
            assert not list(stage.out.glob("run-*"))

    async def test_a_dead_holder_blocks_nobody(self, tmp_path: Path) -> None:
        """A lock file that names a process which died is no lock."""
        async with Stage.opened(tmp_path, 30) as stage:
            stage.out.mkdir()
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": "2026-01-01T00:00:00Z"}
            (stage.out / "run.lock").write_text(json.dumps(holder), "utf-8")
            ran = await stage.run()
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 30}
