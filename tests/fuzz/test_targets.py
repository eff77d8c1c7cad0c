"""The fuzzer's targets hold what they promise on their own seeds, and on each seed cut short or bent."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.targets import SEEDS, TARGETS


class TestTargets:
    @pytest.mark.parametrize("name", TARGETS)
    def test_no_bytes_bring_out_anything_but_an_error_of_ours(self, name: str) -> None:
        """A traceback would fail this; what the fuzzer finds becomes one more seed."""
        draw = random.Random(5)
        tried = 0
        for seed in SEEDS[name]:
            for _ in range(60):
                bent = bytearray(seed[: draw.randrange(len(seed) + 1)])
                for _ in range(draw.randrange(4)):
                    bent.insert(draw.randrange(len(bent) + 1), draw.randrange(256))
                TARGETS[name](bytes(bent))
                tried += 1
        assert tried == 60 * len(SEEDS[name])
