"""Promises of the id source: every id counted once, every bad line named, nothing held but the ids."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import threading
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine import idfile
from orchestrator.engine.source import Items, collect, collect_async, read_ids, shard_of
from orchestrator.errors import GuardError, InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


def put(directory: Path, name: str, content: str | bytes) -> Path:
    path = directory / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def problems(path: Path, **options: object) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        read_ids(file=path, **options)  # type: ignore[arg-type]  # options of every kind
    return caught.value.problems


class Told:
    """Hears what it is to expect."""

    def __init__(self) -> None:
        self.expected: list[int] = []

    def expect(self, number: int) -> None:
        self.expected.append(number)

    def take(self, item: object, place: Callable[[int], str], position: int) -> None:
        """Not looked at."""

    def take_all(self, texts: list[str]) -> bool:
        return all(text.isalnum() for text in texts)

    def bad(self, problem: str, item: object) -> None:
        """Not looked at."""

    def broken(self, problem: str) -> None:
        """Not looked at."""


class TestExpecting:
    """Who takes in many ids is told beforehand about how many, so as to make room once."""

    def test_a_list_of_ids_says_how_many_they_are(self, tmp_path: Path) -> None:
        told = Told()
        path = put(tmp_path, "ids.txt", "".join(f"{number:032x}\n" for number in range(30_000)))
        idfile.read_file(path, None, told)
        assert told.expected == [pytest.approx(30_000, rel=0.01)]

    @pytest.mark.parametrize("content", ["not an id\n" * 10_000, ""])
    def test_what_is_none_promises_nothing(self, tmp_path: Path, content: str) -> None:
        """A large file that was named by mistake takes no memory."""
        told = Told()
        idfile.read_file(put(tmp_path, "ids.txt", content), None, told)
        assert sum(told.expected) == 0

    @pytest.mark.parametrize("name", ["ids.txt.gz", "-"])
    def test_nor_does_what_has_no_size(self, tmp_path: Path, name: str) -> None:
        told = Told()
        path = Path(name) if name == idfile.STDIN else put(tmp_path, name, "a\nb\n")
        idfile.read_file(path, io.BytesIO(b"a\nb\n"), told)
        assert sum(told.expected) == 0


class TestText:
    @pytest.mark.parametrize("name", ["ids.txt", "ids", "ids.txt.gz", "IDS.GZ".lower()])
    def test_reads_one_id_a_line(self, tmp_path: Path, name: str) -> None:
        assert read_ids(file=put(tmp_path, name, "a\nb-1\n_c\n")).ids == ["a", "b-1", "_c"]

    def test_passes_over_blank_lines_comments_bom_and_carriage_returns(self, tmp_path: Path) -> None:
        path = put(tmp_path, "ids.txt", "\ufeffa\r\n\r\n  # why\r\n#b\n\t b \r\n   \nc")
        items = read_ids(file=path)
        assert items.ids == ["a", "b", "c"]
        assert items.counts.input == 3

    def test_keeps_the_case_of_an_id(self, tmp_path: Path) -> None:
        assert read_ids(file=put(tmp_path, "ids.txt", "Ab\nab\nAB\n")).counts.unique == 3

    def test_names_every_bad_line(self, tmp_path: Path) -> None:
        path = put(
            tmp_path, "ids.txt", b"a\nb c\n\xff\xfeq\n" + b"x" * 65 + b"\nnul\0\n\xc2\xa0z\xc2\xa0\nz\xe2\x80\x8b\nok\n"
        )
        found = problems(path)
        assert [re.sub(r".*:(\d+): .*", r"\1", line) for line in found] == ["2", "3", "4", "5", "7"]
        assert found[0] == f"{path}:2: 'b c' is not a task id (1 to 64 letters, digits, - or _)"
        assert all(line.isprintable() for line in found)

    def test_names_the_first_hundred_and_counts_the_rest(self, tmp_path: Path) -> None:
        found = problems(put(tmp_path, "ids.txt", "!\n" * 1_234))
        assert len(found) == 101
        assert found[-1] == "and 1,134 more that are not task ids"

    def test_skips_and_lists_bad_lines_when_told_to(self, tmp_path: Path) -> None:
        items = read_ids(file=put(tmp_path, "ids.txt", "a\n!\na\nb\n?\n"), malformed="skip")
        assert items.ids == ["a", "b"]
        assert (items.counts.input, items.counts.malformed, items.counts.duplicates) == (5, 2, 1)
        assert [line.split(": ")[1].split(" ")[0] for line in items.malformed] == ["'!'", "'?'"]

    def test_reads_ids_across_the_borders_of_chunks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(tmp_path, "ids.txt", "abc\ndéf\r\n\nghi")
        monkeypatch.setattr(idfile, "_CHUNK", 3)
        items = read_ids(file=path, malformed="skip")
        assert items.ids == ["abc", "ghi"]
        assert items.malformed == (f"{path}:2: 'déf' is not a task id (1 to 64 letters, digits, - or _)",)


class TestLongLines:
    @pytest.mark.parametrize("size", [70_000, 300_000, 900_000])
    def test_is_one_bad_line(self, tmp_path: Path, size: int) -> None:
        path = put(tmp_path, "ids.txt", b"a\n" + b" " * 5 + b"x" * size + b"\nb\n!\n")
        found = problems(path)
        assert [line.split(": ")[0] for line in found] == [f"{path}:2", f"{path}:4"]
        assert "longer than 65,536" in found[0]

    def test_is_bad_at_the_end_as_well(self, tmp_path: Path) -> None:
        path = put(tmp_path, "ids.txt", b"a\n" + b"x" * 600_000)
        assert problems(path)[0].startswith(f"{path}:2: a line longer than")

    def test_is_not_passed_over_for_being_blank_at_first(self, tmp_path: Path) -> None:
        path = put(tmp_path, "ids.txt", b"a\n" + b" " * 300_000 + b"b\nc\n")
        assert len(problems(path)) == 1

    def test_a_bomb_costs_no_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            for _ in range(40):
                file.write(b"\0" * 1_000_000)
        tracemalloc.start()
        found = problems(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) == 1
        assert peak < 4_000_000


class TestCsv:
    def test_reads_the_column_task_id(self, tmp_path: Path) -> None:
        path = put(
            tmp_path, "tasks.csv", '\ufeffoutcome, task_id ,x\r\n"a,""b""", one ,\r\n#no,two,\r\n\r\nc,"three",\r\n'
        )
        assert read_ids(file=path).ids == ["one", "three"]

    def test_reads_cells_of_several_lines_and_names_the_line_a_row_begins_on(self, tmp_path: Path) -> None:
        path = put(tmp_path, "t.csv.gz", 'message,task_id\n"two\nlines",a\n"# no\n\ncomment",b\nshort\nx,c d\n')
        found = problems(path)
        assert found == (
            f"{path}:7: 'short' has no cell in the column task_id",
            f"{path}:8: 'c d' is not a task id (1 to 64 letters, digits, - or _)",
        )
        assert read_ids(file=path, malformed="skip").ids == ["a", "b"]

    def test_spares_what_is_not_utf_8_in_other_columns(self, tmp_path: Path) -> None:
        assert read_ids(file=put(tmp_path, "t.csv", b"task_id,name\na,\xe9t\xe9\n")).ids == ["a"]

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            ("Task_ID,b\na,c\n", "no task_id column (columns: 'Task_ID', 'b')"),
            ("task_id;b\na;c\n", "separate columns by commas"),
            ("task_id,task_id\na,c\n", "two task_id columns"),
            ("", "no task_id column (columns: none at all)"),
        ],
    )
    def test_names_the_columns_found_where_task_id_is_not_one(self, tmp_path: Path, content: str, what: str) -> None:
        (found,) = problems(put(tmp_path, "t.csv", content))
        assert what in found
        assert ":1:" in found

    def test_a_quote_that_is_never_closed_swallows_nothing_silently(self, tmp_path: Path) -> None:
        path = put(tmp_path, "t.csv", 'message,task_id\nx,a\n"open,b\ny,c\n')
        (found,) = problems(path, malformed="skip")
        assert found.startswith(f"{path}:3: this is not CSV from here on")


class TestJsonLines:
    def test_reads_strings_and_objects(self, tmp_path: Path) -> None:
        path = put(tmp_path, "t.jsonl", '"a"\n\n# no\n{"task_id": "b", "x": [1]}\n')
        assert read_ids(file=path).ids == ["a", "b"]

    @pytest.mark.parametrize("line", ["1", "a", "null", "{}", '{"task_id": 5}', "[" * 60_000, "1" * 5_000, '["a"]'])
    def test_names_lines_that_are_neither(self, tmp_path: Path, line: str) -> None:
        path = put(tmp_path, "t.jsonl.gz", f'"a"\n{line}\n')
        (found,) = problems(path)
        assert found.startswith(f"{path}:2: ")
        assert "neither a JSON string nor an object" in found

    def test_names_an_id_that_cannot_be_encoded(self, tmp_path: Path) -> None:
        path = put(tmp_path, "t.jsonl", '"\\ud800"\n"b"\n')
        assert problems(path)[0].encode()
        assert read_ids(file=path, malformed="skip", shard=(0, 1)).ids == ["b"]


class TestUnreadable:
    def test_broken_gzip_says_where(self, tmp_path: Path) -> None:
        whole = gzip.compress("".join(f"{n}\n" for n in range(200_000)).encode())
        path = tmp_path / "ids.gz"
        for data in (whole[: len(whole) // 2], whole[:1000] + b"x" * 500 + whole[1500:], b"no gzip"):
            path.write_bytes(data)
            (found,) = problems(path, malformed="skip")
            assert f"{path}: broken gzip data after line " in found

    def test_refuses_what_its_first_bytes_give_away(self, tmp_path: Path) -> None:
        assert "UTF-16" in problems(put(tmp_path, "a.txt", "ab\n".encode("utf-16")))[0]
        assert ".gz" in problems(put(tmp_path, "b.txt", gzip.compress(b"a\n")))[0]

    def test_names_what_cannot_be_opened(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "none", tmp_path / "none.csv.gz"):
            (found,) = problems(path)
            assert found.startswith(f"{path}: cannot be read: ")
        assert "No such file" in problems(tmp_path / "none")[0]

    def test_tells_it_together_with_bad_inline_ids(self, tmp_path: Path) -> None:
        assert len(problems(tmp_path, inline=["a b"], exclude=["!"])) == 3

    @pytest.mark.parametrize("content", ["", "\n\n# nothing\n", "\ufeff"])
    def test_an_empty_list_is_an_error(self, tmp_path: Path, content: str) -> None:
        assert "is empty: no task id in it" in problems(put(tmp_path, "ids.txt", content))[0]

    def test_so_is_one_of_which_everything_is_excluded(self, tmp_path: Path) -> None:
        path = put(tmp_path, "ids.txt", "a\nb\n")
        assert "all 2 ids in it are excluded" in problems(path, exclude=["a", "b", "c"])[0]
        assert "all 2 ids in it are excluded" in problems(path, exclude=["a", "b"], shard=(0, 2))[0]


class TestStreams:
    def test_dash_is_standard_input(self, tmp_path: Path) -> None:
        dash = type(tmp_path)("-")
        assert read_ids(file=dash, stdin=io.BytesIO(b"a\nb")).ids == ["a", "b"]
        assert problems(dash)[0].startswith("standard input: ")
        assert problems(dash, stdin=io.BytesIO(b"!"))[0].startswith("standard input:1: ")

    def test_links_and_fifos_will_do(self, tmp_path: Path) -> None:
        link = tmp_path / "link.csv"
        link.symlink_to(put(tmp_path, "data", "task_id\na\n"))
        assert read_ids(file=link).ids == ["a"]
        fifo = tmp_path / "fifo.gz"
        os.mkfifo(fifo)
        writer = threading.Thread(target=lambda: fifo.write_bytes(gzip.compress(b"b\n")))
        writer.start()
        assert read_ids(file=fifo).ids == ["b"]
        writer.join()


class TestCounting:
    def test_malformed_comes_before_duplicate_and_duplicate_before_excluded(self) -> None:
        items = collect(["a", "x", "a", "!", "x", "!", "b"], exclude=["x"], malformed="skip")
        counts = items.counts
        assert (counts.input, counts.unique, counts.duplicates, counts.malformed, counts.excluded) == (7, 2, 2, 2, 1)

    def test_inline_ids_come_first_and_are_not_stripped(self, tmp_path: Path) -> None:
        path = put(tmp_path, "ids.txt", "b\na\n")
        items = read_ids(inline=["a", "c"], file=path)
        assert (list(items.ids), items.counts.duplicates) == (["a", "c", "b"], 1)
        with pytest.raises(InputError, match=r"^here 1: ' a' is not a task id"):
            read_ids(inline=["a", " a"], inline_place="here {}".format)

    def test_an_exclusion_that_is_no_id_is_an_error_in_any_case(self) -> None:
        with pytest.raises(InputError, match=r"^exclude\[1\]: 'a b' is not"):
            collect(["a"], exclude=["b", "a b"], malformed="skip")

    def test_holds_no_more_ids_than_allowed(self) -> None:
        def endless() -> object:
            n = 0
            while True:
                yield str(n := n + 1)

        for shard in (None, (0, 4)):
            with pytest.raises(GuardError, match="more than 1,000 unique ids"):
                collect(endless(), shard=shard, max_ids=1_000)  # type: ignore[arg-type]  # it is an iterable
        assert collect(["a", "b"], max_ids=2).counts.unique == 2

    @settings(deadline=None)
    @given(st.lists(IDS | st.sampled_from(["a", "b", "!", ""]), min_size=1), st.sets(IDS | st.just("a")))
    def test_the_counts_add_up(self, ids: list[str], exclude: set[str]) -> None:
        try:
            items = collect(ids, exclude=sorted(exclude), malformed="skip")
        except InputError:
            assert not {item for item in ids if item not in exclude and re.fullmatch(r"[\w-]{1,64}", item)}
            return
        counts = items.counts
        assert counts.input == len(ids)
        assert counts.input == counts.unique + counts.duplicates + counts.malformed + counts.excluded
        assert counts.unique == len(items.ids) == len(set(items.ids))
        assert items.ids == [*dict.fromkeys(item for item in ids if item in items.ids)]
        assert list(map(items.ids.item_of, items.ids)) == list(range(counts.unique))

    @settings(deadline=None)
    @given(st.lists(IDS, min_size=1), st.randoms())
    def test_the_digest_knows_the_set_and_nothing_else(self, ids: list[str], random: object) -> None:
        shuffled = [*ids, ids[0]]
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
        assert collect(ids).digest() == collect(shuffled).digest()
        assert collect(ids).digest() != collect([*ids, "~new~".strip("~") + "x" * 50]).digest()


class TestShards:
    @settings(deadline=None)
    @given(st.lists(IDS | st.sampled_from(["!", "a", "b"]), min_size=1), st.integers(1, 5), st.sets(IDS | st.just("b")))
    def test_share_out_everything_exactly_once(self, ids: list[str], count: int, exclude: set[str]) -> None:
        options = {"exclude": sorted(exclude), "malformed": "skip"}
        try:
            whole = collect(ids, **options)  # type: ignore[arg-type]  # options of every kind
        except InputError:
            with pytest.raises(InputError):
                collect(ids, shard=(0, count), **options)  # type: ignore[arg-type]  # the same
            return
        shards = [collect(ids, shard=(n, count), **options) for n in range(count)]  # type: ignore[arg-type]  # the same
        assert Counter(item for part in shards for item in part.ids) == Counter(whole.ids)
        assert sorted(line for part in shards for line in part.malformed) == sorted(whole.malformed)
        for name in ("input", "unique", "duplicates", "malformed", "excluded"):
            assert sum(getattr(part.counts, name) for part in shards) == getattr(whole.counts, name)
        for n, part in enumerate(shards):
            assert part.shard is not None
            assert (part.shard.index, part.shard.count, part.shard.input) == (n, count, whole.counts.unique)

    def test_an_empty_shard_is_fine(self) -> None:
        here = shard_of("a", 2)
        items = collect(["a"], shard=(1 - here, 2))
        assert (list(items.ids), items.counts.input) == ([], 0)

    def test_the_hash_stays_what_it_was(self) -> None:
        """Another hash would hand ids of a running job to other pods."""
        assert [shard_of(text, 1_000) for text in ("a", "b", "0123-abcd")] == [343, 333, 411]

    def test_a_bad_line_is_an_error_in_every_shard(self) -> None:
        for index in range(3):
            with pytest.raises(InputError, match="'!' is not"):
                collect(["a", "!"], shard=(index, 3))


class TestLibrary:
    def test_names_bad_ids_by_position(self) -> None:
        with pytest.raises(InputError) as caught:
            collect(["a", 17, None, "b c", b"d" * 100])  # type: ignore[list-item]  # what callers get wrong
        assert caught.value.problems[0] == "ids[1]: 17 is not a task id (1 to 64 letters, digits, - or _)"
        assert len(caught.value.problems) == 4

    def test_one_text_is_not_a_list_of_its_letters(self) -> None:
        with pytest.raises(InputError, match=r"pass \[task_id\]"):
            collect("abc")

    def test_an_empty_iterable_is_an_error(self) -> None:
        with pytest.raises(InputError, match="no task id"):
            collect(iter(()))

    async def test_reads_an_async_iterable_to_its_end(self) -> None:
        async def ids() -> AsyncIterator[str]:
            for item in ("a", "b", "a"):
                yield item

        items = await collect_async(ids(), exclude=["b"])
        assert isinstance(items, Items)
        assert (list(items.ids), items.counts.input) == (["a"], 3)

    def test_repr_is_short(self) -> None:
        assert len(repr(collect(map(str, range(10_000))))) < 400


def test_json_lines_of_our_own_making_come_back(tmp_path: Path) -> None:
    ids = [f"id-{n}" for n in range(1_000)]
    path = put(tmp_path, "t.jsonl", "".join(json.dumps({"task_id": item}) + "\n" for item in ids))
    assert read_ids(file=path).ids == ids
