"""Runs a printed pod's command as the kubelet would: its mounts, its environment and no other, its signals."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.cli.streams import call
from tests.stories.stage import COMMAND, PATIENCE, Ran

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.stage import Stage


@dataclass
class Pod:
    """A command under way."""

    process: asyncio.subprocess.Process
    began: float = field(default_factory=time.monotonic)

    async def ended(self) -> Ran:
        """Wait for the end; one that does not end fails the story."""
        try:
            out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            raise
        return Ran(
            code=self.process.returncode or 0,
            out=out.decode(),
            err=err.decode(),
            seconds=time.monotonic() - self.began,
        )


def mount(folder: Path, files: dict[str, bytes]) -> None:
    """Files as a ConfigMap or a Secret shows them: links to a directory that is exchanged as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir()
    for name, content in files.items():
        (version / name).write_bytes(content)
        (version / name).chmod(0o440)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    version.chmod(0o550)
    (folder / "..new").symlink_to(version.name)
    (folder / "..new").rename(folder / "..data")


@dataclass
class Kubelet:
    """One node that has a root directory of its own for all mounts."""

    stage: Stage
    root: Path
    options: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)  # of the shell that prints
    documents: list[dict[str, Any]] = field(default_factory=list)
    last_word: Path = field(init=False)

    def __post_init__(self) -> None:
        result = call("kubernetes", str(self.stage.folder / "job.yaml"), *self.options, environ=self.environ)
        assert result.code == 0, result.err
        self.documents = [document for document in yaml.safe_load_all(result.out) if document]
        (config,) = [each for each in self.documents if each["kind"] == "ConfigMap"]
        files = {name: text.encode() for name, text in config.get("data", {}).items()}
        files |= {name: base64.b64decode(text) for name, text in config.get("binaryData", {}).items()}
        mount(self.root / "etc/orchestrator/job", files)
        (self.root / "var/lib/orchestrator").mkdir(parents=True)
        (self.root / "tmp").mkdir()
        self.last_word = self.root / "termination-log"

    def container(self, suffix: str = "") -> dict[str, Any]:
        jobs = [each for each in self.documents if each["kind"] == "Job"]
        (job,) = [each for each in jobs if each["metadata"]["name"].endswith("-merge") == (suffix == "-merge")]
        container: dict[str, Any] = job["spec"]["template"]["spec"]["containers"][0]
        return container

    @property
    def output(self) -> Path:
        return self.root / "var/lib/orchestrator/out"

    async def start(self, *, index: int | None = None, suffix: str = "") -> Pod:
        container = self.container(suffix)
        environ = self._environ(container, index)
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            *(self._placed(self._expanded(text, environ)) for text in container["args"]),
            cwd=self.root / "tmp",
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return Pod(process)

    async def run(self, *, index: int | None = None, suffix: str = "") -> Ran:
        return await (await self.start(index=index, suffix=suffix)).ended()

    def told(self) -> dict[str, Any]:
        """The termination message."""
        data = self.last_word.read_bytes()
        assert len(data) <= 4096
        word: dict[str, Any] = json.loads(data)
        return word

    def _environ(self, container: dict[str, Any], index: int | None) -> dict[str, str]:
        """What the manifest says, and what every pod has."""
        environ = {
            "PATH": os.defpath,
            "HOSTNAME": "stop-xyz",
            "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "PYTHONWARNINGS": "error",
            # In a pod this is a mounted file at a fixed place.
            "ORCHESTRATOR_TERMINATION_LOG": str(self.last_word),
        }
        for each in container.get("env", ()):
            value = each.get("value", "the-job")  # the one that is taken from the pod's labels
            environ[each["name"]] = self._placed(value.replace("$$(", "$("))
        if index is not None:
            environ["JOB_COMPLETION_INDEX"] = str(index)
        self.last_word.write_bytes(b"")
        return environ

    def _placed(self, text: str) -> str:
        """Absolute paths, below this node's root instead of a container's."""
        return re.sub(r"(?<![\w/:])/(etc|var)/", rf"{self.root}/\1/", text)

    @staticmethod
    def _expanded(text: str, environ: dict[str, str]) -> str:
        return re.sub(r"(?<!\$)\$\((\w+)\)", lambda match: environ[match[1]], text).replace("$$(", "$(")
