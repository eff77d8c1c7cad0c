"""Promises of the packed ids: a list and a dict could not tell them apart, and they take a third of the room."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine import ids as packing
from orchestrator.engine.ids import ABSENT, PackedIds, sorted_texts
from orchestrator.engine.source import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEW = st.text("ab", min_size=1, max_size=3)  # often the same ones
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | FEW
ANYTHING = IDS | st.text(max_size=4)  # what a service may call a task


@pytest.fixture(params=["hash", "wide", "poor"])
def _hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked up by: this machine's hash, that of a machine of 32 bits, and one by which slots collide."""
    kinds: dict[str, Callable[[str], int]] = {
        "hash": hash,
        "wide": packing._wide_hash,
        "poor": lambda text: packing._wide_hash(text) & ~0xFFFF,
    }
    monkeypatch.setattr(packing, "_hash", kinds[request.param])


@pytest.fixture(autouse=True)
def _small_stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few texts are enough for many stretches, ranges and sizes of the table."""
    if request.cls is not TestRoom:
        monkeypatch.setattr(packing, "STRETCH", 5)
        monkeypatch.setattr(packing, "_SMALLEST", 2)
        monkeypatch.setattr(packing, "_SORTED_AT_ONCE", 7)


def naive_digest(texts: list[str]) -> str:
    return hashlib.sha256("".join(f"{text}\n" for text in sorted(set(texts))).encode()).hexdigest()


@pytest.mark.usefixtures("_hashes")
class TestSequence:
    @given(st.lists(IDS))
    def test_holds_each_once_in_the_order_in_which_they_came(self, texts: list[str]) -> None:
        unique = list(dict.fromkeys(texts))
        ids = PackedIds(texts)
        assert len(ids) == len(unique)
        assert list(ids) == unique
        assert ids == unique
        assert ids == PackedIds(unique)
        assert [ids[item] for item in range(len(ids))] == unique
        assert ids.texts(range(len(ids))[::-1]) == unique[::-1]
        assert list(reversed(ids)) == unique[::-1]

    @given(st.lists(IDS), st.slices(10), st.integers(-12, 12))
    def test_is_cut_and_counted_from_the_end_as_a_list_is(self, texts: list[str], cut: slice, item: int) -> None:
        ids, unique = PackedIds(texts), list(dict.fromkeys(texts))
        assert ids[cut] == unique[cut]
        if -len(unique) <= item < len(unique):
            assert ids[item] == unique[item]
        else:
            with pytest.raises(IndexError):
                ids[item]

    @given(st.lists(st.lists(ANYTHING.filter(bool))))
    def test_says_what_was_new(self, parts: list[list[str]]) -> None:
        ids, held = PackedIds(), list[str]()
        for part in parts:
            fresh = [text for text in dict.fromkeys(part) if text not in held]
            assert ids.extend(part) == fresh
            held += fresh
            assert ids == held

    @given(st.lists(st.lists(ANYTHING.filter(bool))), st.integers(0, 200_000))
    def test_is_the_same_however_many_were_expected(self, parts: list[list[str]], number: int) -> None:
        one, other = PackedIds(), PackedIds()
        one.expect(number)
        for part in parts:
            assert one.extend(part) == other.extend(part)
        assert one == other
        assert one.find(list(other)) == list(range(len(other)))

    def test_differs_from_what_is_no_list_of_the_same(self) -> None:
        ids = PackedIds(["a", "b"])
        assert ids != ["a"]
        assert ids != ["b", "a"]
        assert ids != "ab"
        assert ids != {"a", "b"}

    def test_shows_the_first_few(self) -> None:
        assert repr(PackedIds(["a", "b"])) == "PackedIds(['a', 'b'])"
        assert len(repr(PackedIds(map(str, range(1_000))))) < 80

    def test_cannot_be_a_key(self) -> None:
        with pytest.raises(TypeError, match="unhashable"):
            hash(PackedIds())


@pytest.mark.usefixtures("_hashes")
class TestFinding:
    @given(st.lists(IDS), st.lists(ANYTHING), st.randoms())
    def test_finds_what_is_there_and_nothing_else(self, texts: list[str], others: list[str], random: object) -> None:
        ids, index = PackedIds(texts), {text: item for item, text in enumerate(dict.fromkeys(texts))}
        alike = [alike for text in texts for alike in (f"{text} ", text[:-1])]
        sought = [*texts, *others, *alike, ""]
        random.shuffle(sought)  # type: ignore[attr-defined]  # hypothesis gives a Random
        expected = [index.get(text, ABSENT) for text in sought]
        assert ids.find(sought) == expected
        assert ids.find(tuple(sought)) == expected
        assert list(map(ids.item_of, sought)) == expected
        assert [text in ids for text in sought] == [text in index for text in sought]
        assert None not in ids

    @given(st.lists(IDS, min_size=1), st.lists(ANYTHING, max_size=30), st.data())
    def test_a_wrong_guess_costs_time_and_nothing_else(
        self, texts: list[str], others: list[str], data: st.DataObject
    ) -> None:
        ids = PackedIds(texts)
        sought = [*texts, *others]
        numbers = st.integers(ABSENT, len(ids) - 1)
        guesses = data.draw(st.lists(numbers, min_size=len(sought), max_size=len(sought)))
        assert ids.find(sought, guesses) == ids.find(sought)
        assert ids.find(sought, ids.find(sought)) == ids.find(sought)

    def test_what_has_no_text_is_nobody(self) -> None:
        assert PackedIds(["a", "b"]).texts([ABSENT, 1]) == ["", "b"]
        assert PackedIds().find(["", "a"], [ABSENT, ABSENT]) == [ABSENT, ABSENT]

    def test_finds_nothing_among_none(self) -> None:
        assert PackedIds().find([]) == []
        assert PackedIds().item_of("a") == ABSENT


class TestOrder:
    @given(st.lists(st.lists(IDS, max_size=40), min_size=1, max_size=3))
    def test_all_parts_come_sorted_a_range_at_a_time(self, parts: list[list[str]]) -> None:
        packed = [PackedIds(part) for part in parts]
        held = [text for part in packed for text in part]
        ranges = list(sorted_texts(*packed))
        assert [text for texts in ranges for text in texts] == sorted(held)
        assert len(ranges) == 1 + len(held) // 7

    @pytest.mark.parametrize("make", ["task-{:09}".format, lambda n: f"{n % 977:x}-{n}"])
    def test_no_range_is_much_larger_than_the_others(
        self, make: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(packing, "_SORTED_AT_ONCE", 100)
        assert max(map(len, sorted_texts(PackedIds(map(make, range(2_000)))))) < 200

    @settings(deadline=None)
    @given(st.lists(IDS, min_size=1), st.integers(1, 3))
    def test_the_digest_is_what_it_was(self, ids: list[str], count: int) -> None:
        """A record made by an earlier version is recognised by it."""
        assert collect(ids).digest() == naive_digest(ids)
        for index in range(count):
            shard = collect(ids, shard=(index, count)).shard
            assert shard is not None
            assert shard.digest == naive_digest(ids)


def test_no_hash_seed_changes_anything() -> None:
    program = (
        "from orchestrator.engine.source import collect\n"
        "items = collect([f'{n * 7919 % 1000:x}' for n in range(3000)])\n"
        "print(items.digest(), items.ids[::97], items.ids.find(['1', 'x', '3e7', '']))\n"
    )
    told = {
        subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(told) == 1


class TestRoom:
    def test_an_id_takes_little_more_than_its_letters(self) -> None:
        def ids() -> Iterator[str]:
            return (f"{n * 2654435761 % 2**32:08x}-2889-4b8e-99db-19c073425ec2" for n in range(20_000))

        tracemalloc.start()
        try:
            packed = PackedIds(ids())
            held, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            assert sum(map(len, sorted_texts(packed))) == len(packed) == 20_000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 65 * len(packed)
        assert peak - held < 130 * len(packed)
