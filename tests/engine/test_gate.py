"""Promises of the gate: nobody storms the service with credentials that may be bad."""

from __future__ import annotations

import anyio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.gate import Gate


class TestGate:
    def test_the_first_goes_alone(self) -> None:
        gate = Gate()
        assert gate.enter() == (0, True)
        assert gate.is_shut
        gate.proven(generation=0, probe=True)
        assert not gate.is_shut
        assert gate.enter() == (0, False)
        assert not gate.is_shut

    def test_after_a_401_one_goes_alone_with_credentials_read_again(self) -> None:
        gate = Gate()
        gate.proven(generation=0, probe=False)
        gate.enter()
        gate.refused(generation=0, probe=False)
        assert not gate.is_final
        assert gate.enter() == (1, True)
        assert gate.is_shut

    def test_the_second_strike_is_final(self) -> None:
        gate = Gate()
        generation, probe = gate.enter()
        gate.refused(generation=generation, probe=probe)
        generation, probe = gate.enter()
        gate.refused(generation=generation, probe=probe)
        assert gate.is_final

    def test_a_good_answer_between_two_strikes_forgives_the_first(self) -> None:
        gate = Gate()
        gate.refused(generation=0, probe=True)
        gate.proven(generation=1, probe=True)
        gate.refused(generation=1, probe=False)
        assert not gate.is_final

    def test_stragglers_with_older_credentials_prove_nothing_either_way(self) -> None:
        gate = Gate()
        gate.proven(generation=0, probe=True)
        for _ in range(3):
            gate.enter()
        gate.refused(generation=0, probe=False)
        gate.refused(generation=0, probe=False)
        gate.proven(generation=0, probe=False)
        assert gate.generation == 1
        assert not gate.is_final
        assert gate.enter() == (1, True)

    def test_a_probe_that_came_back_without_a_word_lets_the_next_one_go_alone(self) -> None:
        gate = Gate()
        gate.enter()
        gate.undecided(probe=True)
        assert not gate.is_shut
        assert gate.enter() == (0, True)

    async def test_who_waits_is_woken_when_the_probe_is_back(self) -> None:
        gate = Gate()
        gate.enter()

        async def come_back() -> None:
            await anyio.sleep(3.0)
            gate.proven(generation=0, probe=True)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(come_back)
            await gate.wait_until_passable()
        assert anyio.current_time() == 3.0
        await gate.wait_until_passable()

    @given(st.lists(st.sampled_from(["good", "bad", "silent"]), max_size=30))
    def test_under_bad_credentials_at_most_one_is_out_at_a_time(self, answers: list[str]) -> None:
        """Whatever comes back, as long as nothing good did, no second request may pass beside the first."""
        gate, strikes, proven = Gate(), 0, False
        for answer in answers:
            if gate.is_final:
                break
            assert not gate.is_shut
            generation, probe = gate.enter()
            assert probe is not proven
            assert gate.is_shut is not proven
            match answer:
                case "good":
                    gate.proven(generation=generation, probe=probe)
                    proven, strikes = True, 0
                case "bad":
                    gate.refused(generation=generation, probe=probe)
                    proven, strikes = False, strikes + 1
                case _:
                    gate.undecided(probe=probe)
            assert gate.is_final is (strikes >= 2)
