"""Inputs and verbs: every way to name tasks, shards, restart and delete, and the two ways to call the command."""

from __future__ import annotations

import gzip
import json
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tests.stories.referee import HEADER, check_summary, check_table, judge
from tests.stories.stage import COMMAND, Stage, make_ids

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODULE = (sys.executable, "-m", "orchestrator")


def as_text(ids: list[str]) -> str:
    return "".join(f"{item}\r\n" for item in ids)


def as_csv(ids: list[str]) -> str:
    return "name,task_id,note\r\n" + "".join(f'"a, ""b""",{item},\r\n' for item in ids)


def as_jsonl(ids: list[str]) -> str:
    return "".join(json.dumps({"name": "é", "task_id": item}) + "\n" for item in ids) + "\n"


class TestIdLists:
    """Where ids come from."""

    @pytest.mark.parametrize(
        ("name", "write"),
        [("list.txt.gz", as_text), ("list.csv", as_csv), ("list.csv.gz", as_csv), ("list.jsonl", as_jsonl)],
    )
    async def test_files_of_every_form(self, tmp_path: Path, name: str, write: Callable[[list[str]], str]) -> None:
        """Text, CSV and JSON lines, packed or not, name the same tasks; the file may be a link."""
        async with Stage.opened(tmp_path, 60) as stage:
            content = write([*stage.ids, stage.ids[3]]).encode()
            (tmp_path / "data").mkdir()
            (tmp_path / "data" / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
            (tmp_path / name).symlink_to(tmp_path / "data" / name)
            stage.set(tasks={"file": name})
            ran = await stage.run()
            assert ran.code == 0
            account = judge(stage, ran)
            assert account.counted == {"stopped": 60}
            assert account.summary["counts"]["duplicates"] == 1

    async def test_standard_input(self, tmp_path: Path) -> None:
        """`-` reads the ids from a pipe, and the same pipe again resumes or answers."""
        async with Stage.opened(tmp_path, 60) as stage:
            stage.set(tasks={"file": "-"})
            ran = await stage.run(stdin=as_text(stage.ids).encode())
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 60}
            arrived = len(stage.arrivals())
            again = await stage.run(stdin=as_text(stage.ids[::-1]).encode())
            assert again.code == 0
            assert len(stage.arrivals()) == arrived

    async def test_ids_in_the_job_and_in_a_file_and_exclusions(self, tmp_path: Path) -> None:
        """Inline ids come first, excluded ones are not touched, malformed ones are counted when so wished."""
        ids = make_ids(60)
        async with Stage.opened(tmp_path, ids) as stage:
            stage.write_ids(as_text([*ids[10:], "not an id"]))
            tasks = {"ids": ids[:20], "exclude": ids[5:9], "malformed": "skip"}
            stage.set(tasks=tasks)
            stage.ids = [item for item in ids if item not in ids[5:9]]
            ran = await stage.run()
            assert ran.code == 0
            account = judge(stage, ran)
            counts = account.summary["counts"]
            assert (counts["input"], counts["unique"], counts["duplicates"]) == (71, 56, 10)
            assert (counts["malformed"], counts["excluded"]) == (1, 4)
            assert not [item for item in ids[5:9] if stage.books.stops(item)]

    async def test_a_list_of_some_thousands(self, tmp_path: Path) -> None:
        """Several pages and fifty batches: no more requests than it takes."""
        async with Stage.opened(tmp_path, 2_500, strangers=500) as stage:
            ran = await stage.run()
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 2_500}
            assert len(stage.arrivals("stop")) <= 52


class TestShards:
    """A share of the list."""

    async def test_shares_add_up_to_the_whole(self, tmp_path: Path) -> None:
        """Each shard stops its own tasks in a directory of its own; together they are everybody, once."""
        async with Stage.opened(tmp_path, 90) as stage:
            whole, stopped = stage.ids, []
            for index in range(3):
                environ = {"JOB_COMPLETION_INDEX": str(index), "ORCHESTRATOR_SHARD_COUNT": "3"}
                ran = await stage.run(environ=environ)
                assert ran.code == 0
                stage.out = tmp_path / "out" / f"shard-{index}"
                account = stage.account()
                assert account.summary["shard"] == {"index": index, "count": 3, "input": 90}
                check_summary(account, ran)
                stopped += list(account.outcomes)
            assert sorted(stopped) == sorted(whole)
            assert not [item for item in whole if len(stage.books.stop_times(item)) != 1]

    async def test_an_empty_share_is_a_success(self, tmp_path: Path) -> None:
        """Where a shard gets no id there is nothing to do: exit 0, no stop, and an account that says so."""
        async with Stage.opened(tmp_path, 1) as stage:
            codes, uniques = [], []
            for index in range(2):
                stage.set(shard={"index": index, "count": 2}, output={"dir": f"out-{index}"})
                ran = await stage.run()
                stage.out = tmp_path / f"out-{index}"
                codes.append(ran.code)
                uniques.append(stage.account().summary["counts"]["unique"])
                assert stage.account().summary["shard"]["input"] == 1
            assert codes == [0, 0]
            assert sorted(uniques) == [0, 1]
            assert len(stage.arrivals("stop")) == 1


class TestOtherVerbs:
    """`restart` and `delete`, by the same engine."""

    MIX: ClassVar = {"TERMINATED": 6, "INCRMIGEATING": 2, "SUCCESS": 1, "FAILED": 1, "CREATING": 1}

    async def run(self, stage: Stage, operation: str) -> tuple[int, dict[str, str]]:
        """Run `operation`, check what is the same for all, and give exit code and outcomes."""
        stage.set(operation=operation)
        ran = await stage.run()
        account = stage.account()
        check_summary(account, ran)
        check_table(stage, account)
        assert tuple(account.header) == HEADER
        assert not stage.arrivals("stop")
        for arrival in stage.arrivals(operation):
            assert len(arrival.ids) <= 50
            assert set(arrival.ids) <= set(stage.ids)
        arrived = {api: len(stage.arrivals(api)) for api in account.summary["requests"]}
        assert {api: numbers["sent"] for api, numbers in account.summary["requests"].items()} == arrived
        again, count = await stage.run(), len(stage.arrivals())
        assert again.code == ran.code
        assert len(stage.arrivals()) == count
        return ran.code, account.outcomes

    async def test_restart(self, tmp_path: Path) -> None:
        """Only TERMINATED tasks are restarted; the account says what each came to."""
        traits: dict[str, Any] = {"restart_seconds": {"median": 0.3}, "refuse_once": 0.1, "unknown": 0.03}
        async with Stage.opened(tmp_path, 120, states=self.MIX, strangers=40, **traits) as stage:
            code, outcomes = await self.run(stage, "restart")
            assert code == 1
            words = {"TERMINATED": "restarted", "FAILED": "ended", "CREATING": "skipped", None: "not_found"}
            words |= {"INCRMIGEATING": "already_running", "SUCCESS": "already_running"}
            assert outcomes == {item: words[stage.books.first_status(item)] for item in stage.ids}
            for item in stage.ids:
                asked = stage.books.requests_for(item)
                assert len([a for a in asked if a.effect.is_success]) == (outcomes[item] == "restarted")

    async def test_delete(self, tmp_path: Path) -> None:
        """What is over is deleted and seen to be gone; what runs is not touched; unknown ones count as over."""
        traits: dict[str, Any] = {"delete_seconds": {"median": 0.2}, "unknown": 0.03}
        async with Stage.opened(tmp_path, 120, states=self.MIX, strangers=40, **traits) as stage:
            code, outcomes = await self.run(stage, "delete")
            assert code == 1
            words: dict[str | None, str] = dict.fromkeys(("TERMINATED", "SUCCESS", "FAILED"), "deleted")
            words |= {"INCRMIGEATING": "skipped", "CREATING": "skipped", None: "not_found"}
            assert outcomes == {item: words[stage.books.first_status(item)] for item in stage.ids}
            gone = {item for item, outcome in outcomes.items() if outcome == "deleted"}
            assert {stage.books.status_of(item, time.monotonic()) for item in gone} == {"DELETED"}

    async def test_delete_of_nothing_but_what_is_over(self, tmp_path: Path) -> None:
        """Where all could be deleted the run is a success, even if a single look still finds the deleted."""
        states = {"TERMINATED": 3, "SUCCESS": 1}
        traits: dict[str, Any] = {"delete_seconds": {"median": 0.2}, "deleted_show": "success"}
        async with Stage.opened(tmp_path, 60, states=states, **traits) as stage:
            stage.set(limits={"deadline": "15s"})
            code, outcomes = await self.run(stage, "delete")
            assert code == 0
            assert set(outcomes.values()) == {"deleted"}


class TestTheCommand:
    """The console script and the module are one command."""

    async def test_the_module_is_the_script(self, tmp_path: Path) -> None:
        """`python -m orchestrator` says and does the same."""
        async with Stage.opened(tmp_path, 40) as stage:
            for verb in (("--help",), ("run", "--help"), ("--version",), ("nonsense",)):
                one, two = [await (await stage.start(verb=verb, command=c)).ended() for c in ((COMMAND,), MODULE)]
                assert (one.code, one.out, one.err) == (two.code, two.out, two.err)
            ran = await stage.run(command=MODULE)
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 40}

    async def test_options_may_come_from_the_environment(self, tmp_path: Path) -> None:
        """`ORCHESTRATOR_…` stands in for an option, and the option wins."""
        async with Stage.opened(tmp_path, 20) as stage:
            environ = {"ORCHESTRATOR_OUTPUT": "elsewhere", "ORCHESTRATOR_SET": "limits.max_tasks=5"}
            ran = await stage.run("--set", "limits.max_tasks=50", environ=environ)
            assert ran.code == 0
            assert (tmp_path / "elsewhere" / "summary.json").exists()
            assert not stage.out.exists()

    async def test_the_simulator_inside_the_process_starts_over_every_time(self, tmp_path: Path) -> None:
        """With an embedded service there is nothing to resume: it died with the last run."""
        async with Stage.opened(tmp_path, 5) as stage:
            job = {**stage.job, "service": {"simulator": {"tasks": 80, "stop_seconds": 0.2}}, "tasks": {}}
            (tmp_path / "job.yaml").write_text(json.dumps(job), "utf-8")
            for _ in range(2):
                ran = await stage.run()
                assert ran.code == 0
                assert stage.account().summary["attempts"] == 1
                assert stage.account().summary["requests"]["stop"]["ok"] >= 1
            assert not stage.arrivals()
