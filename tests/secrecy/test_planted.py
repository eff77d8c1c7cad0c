"""Secrets are planted wherever one can be, a run is made to talk, and everything that it wrote is searched."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.simulator.options import SimulatorOptions
from orchestrator.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "0123456789abcdef0123456789abcdef"
SK = "planted-secret-key-0000000000000000000000"
SECURITY_TOKEN = "planted-security-token-11111111111111111"
TOKEN = "planted-iam-token-2222222222222222222222222"
PASSWORD = "planted-redis-password-33333333333333"
PROXY_PASSWORD = "planted-proxy-password-444444444444"
PLANTED = (SK, SECURITY_TOKEN, TOKEN, PASSWORD, PROXY_PASSWORD)

SIGNED = {
    "HUAWEICLOUD_SDK_AK": "AKIDPLANTED000000000",
    "HUAWEICLOUD_SDK_SK": SK,
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": SECURITY_TOKEN,
}
SERVICE: dict[str, Any] = {
    "tasks": 60,
    "states": {"MIGRATING": 5, "TERMINATED": 1, "RUNNING": 1},
    "stop_seconds": 0.2,
    "unlisted": 0.3,  # looked at singly: those answers carry the passwords in plain text
    "unknown": 0.05,
    "refuse_always": 0.1,
    "faults": {"rate": 0.1, "kinds": ["error_500", "truncated", "not_json", "error_401"], "seconds": 0.1},
    "password": PASSWORD,
}


async def run(directory: Path, url: str, environ: dict[str, str], *extra: str) -> tuple[int, bytes]:
    """Run the command with everything turned up; its exit code and all that it said."""
    job = directory / "job.yaml"
    job.write_text(
        f"""
version: 1
service: {{endpoint: "{url}", project_id: "{PROJECT}", credentials: auto, read_timeout: 2s}}
tasks: {{file: ids.txt}}
poll: {{first_after: 100ms, interval: 100ms, reissue_after: 2s}}
retry: {{attempts: 3, base_backoff: 10ms}}
limits: {{deadline: 10s, max_failures: 100%, give_up_after: 3s}}
output: {{dir: "{directory / "out"}"}}
"""
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HUAWEI", "ORCHESTRATOR"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator", "run", str(job), "--log-level", "debug", *extra),
        env={
            **clean,
            "HTTPS_PROXY": f"http://user:{PROXY_PASSWORD}@127.0.0.1:1",
            "ORCHESTRATOR_TERMINATION_LOG": str(directory / "termination.log"),
            **environ,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said


def search(directory: Path, said: bytes) -> list[str]:
    """Where any planted secret stands, in what was said or written."""
    places = {"what it said": said}
    places |= {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    return [f"{secret} in {place}" for place, text in places.items() for secret in PLANTED if secret.encode() in text]


class TestPlanted:
    @pytest.mark.parametrize(
        ("service", "environ"),
        [
            ({"auth": "signature", "secrets": {"ak": SIGNED["HUAWEICLOUD_SDK_AK"], "sk": SK,
                                               "security_token": SECURITY_TOKEN}}, SIGNED),
            ({"auth": "token", "secrets": {"token": TOKEN}}, {"HUAWEICLOUD_SDK_TOKEN": TOKEN}),
        ],
    )  # fmt: skip
    async def test_a_talkative_run_gives_no_secret_away(
        self, service: dict[str, Any], environ: dict[str, str], tmp_path: Path
    ) -> None:
        """Debug logs, record, account, page: none has a key, a token or a Redis password in it."""
        async with SimulatorServer(SimulatorOptions.from_mapping({**SERVICE, **service})) as server:
            (tmp_path / "ids.txt").write_text("\n".join(server.service.ids))
            code, said = await run(tmp_path, server.url, environ)
        assert code in {0, 1}, said[-2000:]
        assert b"request.ended" in said  # it did talk
        assert (tmp_path / "out" / "report.html").exists()
        assert search(tmp_path, said) == []

    async def test_a_refused_key_is_not_told(self, tmp_path: Path) -> None:
        """The service echoes what was signed when a signature is wrong; we do not pass it on."""
        options = {**SERVICE, "auth": "signature", "secrets": {"ak": "AKIDPLANTED000000000", "sk": "another"}}
        async with SimulatorServer(SimulatorOptions.from_mapping(options)) as server:
            (tmp_path / "ids.txt").write_text("\n".join(server.service.ids))
            code, said = await run(tmp_path, server.url, SIGNED)
        assert code == 3, said[-2000:]
        assert search(tmp_path, said) == []

    async def test_the_record_and_every_copy_of_it_are_for_their_owner_only(self, tmp_path: Path) -> None:
        """Even where the umask is generous, and when the old record is put aside."""
        async with SimulatorServer(SimulatorOptions.from_mapping({**SERVICE, "faults": {}})) as server:
            (tmp_path / "ids.txt").write_text("\n".join(server.service.ids))
            for extra in ((), ("--fresh",)):
                await run(tmp_path, server.url, {}, *extra)
        records = sorted((tmp_path / "out").glob("run*.db*"))
        assert len(records) == 2
        assert {stat.S_IMODE(path.stat().st_mode) for path in records} == {0o600}
