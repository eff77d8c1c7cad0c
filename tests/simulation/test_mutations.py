"""The referee is tested by deliberate mistakes: each of these is caught within a few seeds; all of them on demand."""

from __future__ import annotations

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation

QUICK = {
    "skip the intent",
    "match answers by position",
    "resend blindly after a lost answer",
    "count TERMINATING as stopped",
    "exceed the workers",
    "ignore the gate of a 401",
    "forget the confirmations",
}


class TestMutations:
    def test_there_are_many_of_them(self) -> None:
        assert len(MUTATIONS) >= 15
        assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)

    @pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.name in QUICK], ids=lambda m: m.name)
    def test_is_caught(self, mutation: Mutation) -> None:
        assert mutation.caught_by() is not None

    def test_a_mistake_is_undone_after_its_block(self) -> None:
        mutation = MUTATIONS[0]
        target, name, mistaken = mutation.patches[0]
        before = getattr(target, name)
        with mutation.made():
            assert getattr(target, name) is mistaken
        assert getattr(target, name) is before
