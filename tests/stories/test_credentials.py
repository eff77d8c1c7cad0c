"""Credentials: found wherever they may stand, renewed while the run goes on, and never tried often when wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.simulator.options import Secrets
from tests.stories.referee import judge
from tests.stories.stage import Ran, Stage, until

if TYPE_CHECKING:
    from pathlib import Path

AK, SK, TOKEN, STS = "PLANTEDACCESSKEY0001", "planted-secret-key-1", "planted-token-1", "planted-security-token-1"
NEW_SK = "planted-secret-key-2"
KEYS: dict[str, Any] = {"auth": "signature", "secrets": {"ak": AK, "sk": SK}}
TEMPORARY: dict[str, Any] = {"auth": "signature", "secrets": {"ak": AK, "sk": SK, "security_token": STS}}
TOKENS: dict[str, Any] = {"auth": "token", "secrets": {"token": TOKEN}}
IN_ENV = {"HUAWEICLOUD_SDK_AK": AK, "HUAWEICLOUD_SDK_SK": SK}
MOUNTED = {"HUAWEICLOUD_SDK_AK_FILE": "ak", "HUAWEICLOUD_SDK_SK_FILE": "sk"}


def mount(folder: Path, sk: str = SK) -> None:
    """Put mounted secrets there, as a cluster does: by renaming."""
    for name, text in {"ak": AK, "sk": sk, "token": TOKEN, "sts": STS}.items():
        (folder / f".{name}").write_text(f"{text}\n", "utf-8")
        (folder / f".{name}").rename(folder / name)
    profile = f"[basic]\nak = {AK}\nsk = {sk}\n"
    (folder / "credentials").write_text(profile, "utf-8")


def refused(stage: Stage) -> int:
    """How many authentications failed."""
    return sum(arrival.status == 401 for arrival in stage.arrivals())


def check_no_secret(stage: Stage, ran: Ran) -> None:
    """No secret was written anywhere: streams, record, account."""
    written = [ran.out.encode(), ran.err.encode(), *(path.read_bytes() for path in stage.out.glob("*"))]
    for secret in (SK, NEW_SK, TOKEN, STS, "planted-redis-password"):
        assert not any(secret.encode() in text for text in written), secret


@pytest.mark.parametrize(
    ("service", "source", "environ"),
    [
        (KEYS, "env", IN_ENV),
        (KEYS, "auto", {"CLOUD_SDK_AK": AK, "CLOUD_SDK_SK": SK}),
        (TEMPORARY, "env", {**MOUNTED, "HUAWEICLOUD_SDK_SECURITY_TOKEN_FILE": "sts"}),
        (KEYS, "profile", {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "credentials"}),
        (TOKENS, "token", {"HUAWEICLOUD_SDK_TOKEN": TOKEN}),
        (TOKENS, "auto", {"HUAWEICLOUD_SDK_TOKEN_FILE": "token"}),
    ],
    ids=["env", "auto-other-names", "files-temporary", "profile", "token", "auto-token-file"],
)
async def test_credentials_are_found(
    tmp_path: Path, service: dict[str, Any], source: str, environ: dict[str, str]
) -> None:
    """Each place in which credentials may stand serves; the service verifies every request, and none fails."""
    mount(tmp_path)
    async with Stage.opened(tmp_path, 60, unlisted=0.05, **service) as stage:
        stage.set(service={"credentials": source})
        ran = await stage.run("--log-level", "debug", environ=environ)
        assert ran.code == 0
        assert judge(stage, ran).counted == {"stopped": 60}
        assert refused(stage) == 0
        check_no_secret(stage, ran)


async def test_a_wrong_secret_key_is_tried_twice_at_most(tmp_path: Path) -> None:
    """A key that is not accepted ends the run with 3 before it is locked, and a right one resumes it."""
    async with Stage.opened(tmp_path, 300, **KEYS) as stage:
        stage.set(service={"credentials": "env"})
        ran = await stage.run(environ={**IN_ENV, "HUAWEICLOUD_SDK_SK": "planted-secret-key-2"})
        assert ran.code == 3
        assert refused(stage) == len(stage.arrivals()) <= 2
        assert stage.account().counted == {"not_attempted": 300}
        assert "401" in ran.out
        check_no_secret(stage, ran)
        ran = await stage.run(environ=IN_ENV)
        assert ran.code == 0
        account = judge(stage, ran)
        assert account.counted == {"stopped": 300}
        assert account.summary["attempts"] == 2


async def test_no_credentials_for_a_service_that_wants_them_end_with_3(tmp_path: Path) -> None:
    """`none` is believed, and refused by the service after at most two requests."""
    async with Stage.opened(tmp_path, 60, **KEYS) as stage:
        ran = await stage.run()
        assert ran.code == 3
        assert refused(stage) == len(stage.arrivals()) <= 2


@pytest.mark.parametrize("source", ["env", "profile"])
async def test_renewed_credentials_are_read_again(tmp_path: Path, source: str) -> None:
    """Keys that expire while the run goes on are read again from their file, and the run ends well."""
    mount(tmp_path)
    environ = {**MOUNTED, "HUAWEICLOUD_SDK_CREDENTIALS_FILE": "credentials"}
    async with Stage.opened(tmp_path, 300, stop_seconds={"median": 2, "sigma": 0.2}, **KEYS) as stage:
        stage.set(service={"credentials": source})
        running = await stage.start(environ=environ)
        await until(lambda: len(stage.arrivals("stop")) >= 6)
        mount(tmp_path, NEW_SK)
        stage.server.service.rotate(Secrets(ak=AK, sk=NEW_SK))
        ran = await running.ended()
        assert ran.code == 0, ran.err
        assert judge(stage, ran).counted == {"stopped": 300}
        assert 1 <= refused(stage) <= 1 + 8
        check_no_secret(stage, ran)


async def test_expired_credentials_that_nobody_renews_end_the_run_without_a_storm(tmp_path: Path) -> None:
    """After a 401 nothing new leaves but one request; a second 401 ends the run with 3."""
    async with Stage.opened(tmp_path, 300, stop_seconds=600, **KEYS) as stage:
        stage.set(service={"credentials": "env"}, submit={"workers": 4})
        running = await stage.start(environ=IN_ENV)
        await until(lambda: len(stage.arrivals("stop")) >= 6)
        stage.server.service.rotate(Secrets(ak=AK, sk=NEW_SK))
        ran = await running.ended()
        assert ran.code == 3
        assert 2 <= refused(stage) <= 2 + 4
        assert stage.account().counted == {"unconfirmed": 300}


@pytest.mark.parametrize(
    ("source", "environ", "word"),
    [
        ("env", {}, "HUAWEICLOUD_SDK_AK"),
        ("env", {"HUAWEICLOUD_SDK_AK": AK}, "HUAWEICLOUD_SDK_SK"),
        ("env", {**MOUNTED, "HUAWEICLOUD_SDK_SK_FILE": "nowhere"}, "nowhere"),
        ("token", {}, "HUAWEICLOUD_SDK_TOKEN"),
        ("profile", {}, "HUAWEICLOUD_SDK_CREDENTIALS_FILE"),
        ("auto", {"HUAWEICLOUD_SDK_SK": SK}, "HUAWEICLOUD_SDK_AK"),
    ],
)
async def test_missing_credentials_end_with_2_before_any_request(
    tmp_path: Path, source: str, environ: dict[str, str], word: str
) -> None:
    """Who has no credentials is told what was looked for; no request leaves, no record stays."""
    (tmp_path / "ak").write_text(AK, "utf-8")
    async with Stage.opened(tmp_path, 10, **KEYS) as stage:
        stage.set(service={"credentials": source})
        ran = await stage.run(environ=environ)
        assert ran.code == 2
        assert word in ran.problems
        assert SK not in ran.err
        assert not stage.arrivals()
        assert not (stage.out / "run.db").exists()


class TestDeniedCalls:
    """What an identity may not call."""

    async def test_without_the_list_every_task_is_looked_at(self, tmp_path: Path) -> None:
        """Who may stop but not list is served by single looks, and told which permission is missing."""
        states = {"MIGRATING": 3, "TERMINATED": 1}
        async with Stage.opened(tmp_path, 40, states=states, deny=["list"], strangers=10) as stage:
            ran = await stage.run()
            assert ran.code == 0
            assert set(judge(stage, ran).counted) == {"stopped", "already_stopped"}
            assert len(stage.arrivals("list")) == 1
            assert "dcs:migrationTask:list" in ran.out
            assert "dcs:migrationTask:list" in str(ran.named("listing.refused"))

    @pytest.mark.parametrize("code", ["DCS.2003", "PAP5.0001"])
    async def test_without_the_stop_the_run_is_refused(self, tmp_path: Path, code: str) -> None:
        """Who may not stop is told so once, with exit code 3."""
        async with Stage.opened(tmp_path, 300, deny=["stop"], deny_code=code) as stage:
            ran = await stage.run()
            assert ran.code == 3
            assert 1 <= len(stage.arrivals("stop")) <= 8
            assert stage.account().counted == {"not_attempted": 300}
            assert "dcs:migrationTask:modify" in ran.out

    async def test_without_the_look_missing_ids_cannot_be_judged(self, tmp_path: Path) -> None:
        """Where an id is in no list and may not be looked at, the run is refused rather than guessed."""
        async with Stage.opened(tmp_path, 60, unknown=0.1, deny=["show"]) as stage:
            ran = await stage.run()
            assert ran.code == 3
            assert "dcs:migrationTask:get" in ran.out
            assert "not_found" not in stage.account().counted

    async def test_without_the_look_a_list_that_shows_everything_suffices(self, tmp_path: Path) -> None:
        """A permission that is not needed is not asked for, not even for the last few."""
        stragglers = {"median": 0.3, "sigma": 1.0}
        async with Stage.opened(tmp_path, 60, deny=["show"], stop_seconds=stragglers) as stage:
            stage.set(poll={"reissue_after": "60s"})  # before it asks again it looks singly
            ran = await stage.run()
            assert ran.code == 0
            assert judge(stage, ran).counted == {"stopped": 60}

    async def test_another_project_than_the_key_s_own(self, tmp_path: Path) -> None:
        """A project that the identity may not touch ends the run with 3, and no stop is sent."""
        async with Stage.opened(tmp_path, 60, project_id="f" * 32) as stage:
            ran = await stage.run()
            assert ran.code == 3
            assert not stage.books.effects
