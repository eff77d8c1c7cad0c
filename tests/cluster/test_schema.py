"""Every variant is valid, strictly, for every Kubernetes version that it is said to be for."""

from __future__ import annotations

import gzip
from functools import cache
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest

from orchestrator.cli.kubernetes import LEAST_VERSION
from tests.cluster.printing import VARIANTS, Desk, Printed

if TYPE_CHECKING:
    from collections.abc import Iterator


def minor(version: str) -> int:
    return int(version.split(".")[1])


VERSIONS = [v for v in kubernetes_validate.utils.all_versions() if minor(v) >= minor(LEAST_VERSION)]


@pytest.fixture(autouse=True, scope="module")
def read_each_schema_once() -> Iterator[None]:
    """They are megabytes of JSON, which the library reads anew for every object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


def judge(printed: Printed, version: str) -> None:
    for document in printed.documents:
        kubernetes_validate.validate(document, version, strict=True)


class TestStrictly:
    """`strict` refuses fields that the API does not know."""

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_a_variant_is_valid_for_all_versions(self, desk: Desk, variant: str) -> None:
        printed = desk.print(*VARIANTS[variant])
        for version in VERSIONS:
            judge(printed, version)

    def test_the_versions_are_current_ones(self) -> None:
        assert len(VERSIONS) >= 6

    def test_a_list_that_is_carried_apart_is_valid_too(self, desk: Desk) -> None:
        desk.write(ids="".join(f"task-{n:032d}\n" for n in range(30_000)))
        judge(desk.print("--shards", "2"), VERSIONS[-1])

    def test_a_compressed_list_is_valid_too(self, desk: Desk) -> None:
        desk.write(job="version: 1\nservice: {region: cn-north-4, project_id: p}\ntasks: {file: ids.txt.gz}\n")
        (desk.directory / "ids.txt.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
        judge(desk.print(), VERSIONS[-1])

    def test_the_judge_sees_a_wrong_field(self, desk: Desk) -> None:
        printed = desk.print()
        spec: dict[str, Any] = printed.job["spec"]
        spec["podReplacmentPolicy"] = spec.pop("podReplacementPolicy")
        with pytest.raises(kubernetes_validate.ValidationError):
            judge(printed, VERSIONS[-1])
