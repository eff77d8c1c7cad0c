"""Tests of cluster/emit.py: what is printed is read back as it was, whatever is in it."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cluster.emit import WIDTH, silent, to_yaml
from orchestrator.cluster.objects import ConfigMap, Metadata
from orchestrator.cluster.policy import failure_policy

# What YAML can hold at all; other characters never get past reading the job file or the list as text.
TEXTS = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\r\t", exclude_characters="\ufeff\ufffe\uffff"
    )
)


def read(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


class TestValues:
    """The cluster's tools read YAML 1.1; what is text here must be text there."""

    @given(st.dictionaries(st.from_regex(r"[a-z.]{1,20}", fullmatch=True), TEXTS, min_size=1))
    def test_texts_come_back_as_they_were(self, data: dict[str, str]) -> None:
        printed = to_yaml([ConfigMap(metadata=Metadata(name="x"), data=data)], header="h")
        assert read(printed)[0]["data"] == data

    def test_a_key_that_looks_like_something_else_stays_text(self) -> None:
        """A file may be called `no`."""
        printed = to_yaml([ConfigMap(metadata=Metadata(name="x"), data={"no": "a", "1": "b"})], header="h")
        assert read(printed)[0]["data"] == {"no": "a", "1": "b"}

    def test_what_looks_like_something_else_stays_text(self) -> None:
        data = {
            str(n): text for n, text in enumerate(["yes", "No", "1:30", "0o7", "1e3", "~", "", "null", ".5", "=", "<<"])
        }
        printed = to_yaml([ConfigMap(metadata=Metadata(name="on"), data=data)], header="h")
        (found,) = read(printed)
        assert found["data"] == data
        assert found["metadata"]["name"] == "on"


class TestComments:
    """They stand before what they are about, and are no part of it."""

    def test_stand_before_fields_and_objects(self) -> None:
        shown = ConfigMap(about="Of the whole.", metadata=Metadata(why={"name": "Of the name."}, name="x"))
        lines = to_yaml([shown], header="First.\n\nSecond.").splitlines()
        assert lines[:5] == ["# First.", "#", "# Second.", "---", "# Of the whole."]
        assert lines[lines.index("  name: x") - 1] == "  # Of the name."

    def test_are_wrapped_but_for_commands(self) -> None:
        long = "word " * 60
        command = "kubectl " + "x" * 150
        text = to_yaml([ConfigMap(about=f"{long}\n{command}", metadata=Metadata(name="x"))], header="h")
        comments = [line for line in text.splitlines() if line.startswith("# ")]
        assert f"# {command}" in comments
        assert all(len(line) <= WIDTH + 2 for line in comments if "kubectl" not in line)

    def test_can_be_left_out(self) -> None:
        policy = failure_policy(sharded=True)
        assert all(rule.about for rule in policy.rules)
        quiet = silent(policy)
        assert not any(rule.about for rule in quiet.rules)
        assert [rule.action for rule in quiet.rules] == [rule.action for rule in policy.rules]
