"""What can be known of the image where nothing can build it: the linter, the locks, the context, the steps.

The steps themselves are carried out on demand (they install everything from the package index):
    ORCHESTRATOR_TEST_IMAGE=1 python -m pytest tests/cluster/test_image.py
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LOCKS = ("requirements.lock", "requirements-build.lock")
EXTRAS = ("huawei", "otel")
RELOCK = "make it anew with the command in its first lines"


def instructions(name: str) -> list[str]:
    """The Dockerfile's instructions of one name, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    return [line.partition(" ")[2].strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def locked(name: str) -> dict[str, str]:
    """Name and version of all that a lock installs."""
    found = re.findall(r"(?m)^([A-Za-z0-9_.-]+)==([^ ;\\\n]+)", (ROOT / name).read_text(encoding="utf-8"))
    return {canonicalize_name(package): version for package, version in found}


class TestDockerfile:
    """Small, locked, without rights."""

    @pytest.mark.skipif(shutil.which("hadolint", path=Path(sys.executable).parent) is None, reason="no linter here")
    def test_the_linter_has_nothing_to_say(self) -> None:
        linter = Path(sys.executable).with_name("hadolint")
        done = subprocess.run(  # noqa: S603 - the linter of this environment
            [linter, "--format", "json", ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60
        )
        assert json.loads(done.stdout) == []
        assert done.returncode == 0

    def test_runs_as_a_number_that_is_not_root(self) -> None:
        assert instructions("USER") == ["10001:10001"]

    def test_the_console_script_is_the_entry_point(self) -> None:
        assert json.loads(instructions("ENTRYPOINT")[0]) == ["/opt/orchestrator/bin/orchestrator"]

    def test_installs_only_what_has_a_hash_and_compiles_nothing(self) -> None:
        installs = [part for run in instructions("RUN") for part in run.split("&&") if "pip install" in part]
        for install in installs:
            assert "--require-hashes --only-binary :all:" in install or "--no-deps --no-index" in install

    def test_no_installer_and_no_builder_is_left(self) -> None:
        assert DOCKERFILE.count("uninstall --yes") == 2
        *_, last_stage = DOCKERFILE.split("\nFROM ")
        assert re.findall(r"(?m)^COPY .*", last_stage) == ["COPY --from=build /opt/orchestrator /opt/orchestrator"]

    def test_the_context_has_what_is_copied_and_no_more(self) -> None:
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        allowed = {line[1:] for line in ignored if line.startswith("!")}
        copied = {
            part.removeprefix("./")
            for copy in instructions("COPY")
            if "--from" not in copy
            for part in copy.split()[:-1]
        }
        assert ignored[1] == "*"
        assert allowed == copied
        assert all((ROOT / name).exists() for name in copied)


class TestLocks:
    """Exact, hashed, and in step with pyproject.toml."""

    @pytest.mark.parametrize("name", LOCKS)
    def test_every_package_has_hashes(self, name: str) -> None:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert text.startswith("# ")
        for block in re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]:
            assert re.match(r"[A-Za-z0-9_.-]+==", block)
            assert "--hash=sha256:" in block

    def test_covers_what_the_project_asks_for(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
        found = locked("requirements.lock")
        for requirement in map(Requirement, [*project["dependencies"], *extras]):
            version = found.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement}: not in requirements.lock; {RELOCK}"
            assert requirement.specifier.contains(version), f"{requirement}: locked at {version}; {RELOCK}"

    def test_covers_the_builder(self) -> None:
        build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
        found = locked("requirements-build.lock")
        for requirement in map(Requirement, build["requires"]):
            assert requirement.specifier.contains(found[canonicalize_name(requirement.name)]), RELOCK


@pytest.mark.skipif(os.environ.get("ORCHESTRATOR_TEST_IMAGE") != "1", reason="on demand: installs from the index")
@pytest.mark.timeout(600)
def test_the_same_steps_work_in_a_bare_environment(tmp_path: Path) -> None:
    """The first stage's commands, paths moved; where this is root, as a user without rights, then read-only."""
    context, place = tmp_path / "src", tmp_path / "root"
    shutil.copytree(ROOT / "orchestrator", context / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    for copy in instructions("COPY"):
        for name in copy.split()[:-1]:
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, context)
    place.mkdir()
    steps = " && ".join(run for run in instructions("RUN")[:2])
    user = {"user": 10001, "group": 10001} if os.geteuid() == 0 else {}
    python = "/usr/bin/python3" if user else sys.executable  # one that every user may run
    script = re.sub(r"/(opt|wheels)\b", rf"{place}/\1", steps).replace("python -m venv", f"{python} -m venv")
    if user:
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, 10001, 10001)
        for parent in (tmp_path, *tmp_path.parents[:-2]):
            parent.chmod(0o755)
    environ = {"PATH": os.defpath, "HOME": str(place), "PIP_NO_CACHE_DIR": "1"}
    environ |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    subprocess.run(["/bin/sh", "-ec", script], cwd=context, env=environ, check=True, timeout=500, **user)  # type: ignore[call-overload]  # noqa: S603
    installed = place / "opt/orchestrator"
    assert not list(installed.glob("lib/python*/site-packages/pip"))
    for path in (installed, *installed.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    output = tmp_path / "out"
    job = tmp_path / "job.yaml"
    job.write_text("version: 1\nservice: {simulator: {tasks: 20, stop_seconds: {median: 0.1, sigma: 0.1}}}\n")
    command = [installed / "bin/orchestrator", "run", job, "--output", output, "--yes"]
    done = subprocess.run(command, cwd="/", env={"HOME": "/nonexistent"}, check=False, timeout=60, **user)  # type: ignore[call-overload]  # noqa: S603
    assert done.returncode == 0
