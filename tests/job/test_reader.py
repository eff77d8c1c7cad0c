"""Promises of the YAML reader: YAML 1.2 with lines, and nothing but `YamlError` whatever the text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.job.reader import MAX_COPIES, Node, YamlError, plain, read_yaml


def data(node: Node) -> Any:
    match node.value:
        case dict(entries):
            return {key: data(child) for key, child in entries.items()}
        case list(items):
            return [data(child) for child in items]
        case value:
            return value


def complaint(text: str) -> str:
    with pytest.raises(YamlError) as caught:
        read_yaml(text, name="job.yaml")
    return str(caught.value)


class TestScalars:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            *(("~", None), ("null", None), ("true", True), ("False", False), ("no", "no"), ("on", "on")),
            *(("1:30", "1:30"), ("012", 12), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"), ("-3", -3)),
            *(
                ("1e3", 1000.0),
                (".5", 0.5),
                ("-.inf", float("-inf")),
                (".inf", float("inf")),
                ("2026-01-01", "2026-01-01"),
            ),
            *(("'1'", "1"), ('"a\\tb"', "a\tb"), ("!!str 12", "12"), ("! 12", "12"), ("=", "="), ("a<<b", "a<<b")),
        ],
    )
    def test_follow_the_core_schema(self, text: str, value: object) -> None:
        node = read_yaml(f"a: {text}\n", name="job.yaml")
        assert data(node) == {"a": value}
        assert type(data(node)["a"]) is type(value)

    def test_not_a_number_is_one(self) -> None:
        value = plain(".nan")
        assert value != value  # noqa: PLR0124  that is how one knows it

    def test_a_number_of_a_hundred_thousand_digits_is_text(self) -> None:
        assert isinstance(plain("1" * 100_000), str)

    def test_keep_what_was_written(self) -> None:
        root = read_yaml("a: 007\n", name="job.yaml")
        assert isinstance(root.value, dict)
        assert root.value["a"].text == "007"


class TestLines:
    def test_are_those_of_the_keys(self) -> None:
        root = read_yaml("# c\na:\n  b: >\n    text\n  c:\n    - x\n    - y\n", name="job.yaml")
        assert isinstance(root.value, dict)
        a = root.value["a"]
        assert isinstance(a.value, dict)
        c = a.value["c"]
        assert isinstance(c.value, list)
        assert [a.origin, a.value["b"].origin, c.origin, c.value[1].origin] == [
            *("job.yaml:2", "job.yaml:3", "job.yaml:5", "job.yaml:7")
        ]

    def test_of_an_alias_are_its_own(self) -> None:
        root = read_yaml("a: &x [1]\nb: *x\n", name="job.yaml")
        assert isinstance(root.value, dict)
        assert root.value["b"].origin == "job.yaml:2"
        assert data(root) == {"a": [1], "b": [1]}

    def test_are_left_out_where_there_are_none(self) -> None:
        assert read_yaml("1", name="--set a=1", numbered=False).origin == "--set a=1"


class TestComplaints:
    @pytest.mark.parametrize(
        ("text", "line", "what"),
        [
            ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here for the second time (first: job.yaml:1)"),
            ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
            ("%YAML 1.1\n---\na: 1\n", 2, "remove the %YAML line"),
            ("a: 1\n\tb: 2\n", 2, "indent with spaces, not tabs"),
            ("a: -\n", 1, 'quote a "-" that is a value'),
            ("a: b: c\n", 1, "mapping values are not allowed here; look at this line"),
            ("a: [${X}, 1]\n", 1, "quote values with ${…} that stand inside [ ] or { }"),
            ("a: 'x\n", 2, "found unexpected end of stream (while scanning a quoted scalar)"),
            ("a: \0\n", 1, "the character U+0000 may not stand in it"),
            ("b: 1\na: !foo 1\n", 2, "the tag !foo is not read here"),
            ("a: !!map {}\n", 1, "the tag tag:yaml.org,2002:map is not read here"),
            ("a: *x\n", 1, "*x refers to no anchor before it"),
            ("a: &x [*x]\n", 1, "*x stands inside of what it refers to"),
            ("? [a]\n: 1\n", 1, "a key must be a word"),
            ("[" * 30, 1, "more than 20 levels deep"),
            ("[" * 500_000, 1, "more than 20 levels deep"),
            ('a: "\\U99999999"\n', 1, "not YAML"),
            ('b: 1\na: "\\ud83d"\n', 2, "half a character"),
        ],
    )
    def test_name_line_and_remedy(self, text: str, line: int, what: str) -> None:
        found = complaint(text)
        assert what in found
        assert f"job.yaml:{line}: " in found

    def test_tell_duplicate_keys_together_with_what_ends_the_reading(self) -> None:
        assert len(complaint("a: 1\na: 2\nb: 1\nb: 2\nc: [\n").splitlines()) == 3

    @pytest.mark.parametrize("text", ["!" + "a" * 5_000, "*" + "a" * 5_000, f"{'k' * 900}: 1\n{'k' * 900}: 1\n"])
    def test_are_of_bounded_length(self, text: str) -> None:
        assert len(complaint(text)) < 500

    def test_a_billion_laughs_are_stopped_at_once(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        assert f"aliases repeat more than {MAX_COPIES:,} values" in complaint("\n".join(lines))


class TestAnything:
    @settings(deadline=None)
    @given(st.text(st.sampled_from("a1:-[]{},&*!|>'\"%@`#?\n\t \\~.0xeU<=$\0\ufeff\x85"), max_size=60) | st.text())
    @example('"\\x"')
    @example("%YAML 9" + "9" * 5000 + ".1\n---\n")
    @example("%TAG ! x\n--- !<%>\n")
    @example("!!int x")
    @example("<<: *a")
    def test_is_a_tree_or_a_yaml_error(self, text: str) -> None:
        found: tuple[str, ...] = ()
        try:
            read_yaml(text, name="job.yaml")
        except YamlError as error:
            found = error.problems or ("",)
        assert all(problem.startswith("job.yaml:") for problem in found)

    @settings(deadline=None)
    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
    def test_json_is_read_as_json(self, value: object) -> None:
        import json

        assert data(read_yaml(json.dumps(value), name="x")) == value
