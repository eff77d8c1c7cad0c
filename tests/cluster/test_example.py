"""The printed examples are what the command prints.

After a change on purpose: python -m tests.cluster.test_example
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.streams import call

HERE = Path(__file__).parents[2]
JOB = "configs/kubernetes/job.yaml"
OPTIONS = ("--namespace", "dcs", "--image", "registry.example.com/dcs-orchestrator:1.0")
EXAMPLES = {
    "manifests.yaml": OPTIONS,
    "sharded.yaml": (*OPTIONS, "--shards", "4", "--storage-class", "nfs", "--serve", "0.0.0.0:8080"),
}
ENVIRON = {"HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef"}


def printed(name: str) -> str:
    result = call("kubernetes", JOB, *EXAMPLES[name], environ=ENVIRON)
    assert result.code == 0, result.err
    return result.out


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_is_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    assert (HERE / "configs/kubernetes" / name).read_text(encoding="utf-8") == printed(name)


if __name__ == "__main__":
    for each in EXAMPLES:
        (Path("configs/kubernetes") / each).write_text(printed(each), encoding="utf-8")
