"""The referee: judges one story by the service's books and the wire's tap, by rules that are named functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from tests.simulation import rules_account, rules_clock, rules_limits, rules_sending, rules_waiting
from tests.simulation.evidence import Evidence

if TYPE_CHECKING:
    from tests.simulation.story import Story

Rule: TypeAlias = Callable[[Evidence], Iterator[str]]

RULES: tuple[Rule, ...] = (
    rules_account.lives_end_well,
    rules_account.accounts_close,
    rules_account.record_tells_the_same,
    rules_account.outcomes_are_true,
    rules_sending.batches_are_lawful,
    rules_sending.nobody_is_sent_unseen,
    rules_sending.over_is_over,
    rules_sending.nobody_is_forgotten,
    rules_sending.workers_are_bounded,
    rules_sending.repeats_have_reasons,
    rules_sending.stops_are_counted,
    rules_waiting.retry_after_is_sat_out,
    rules_waiting.nothing_is_sent_after_a_drain,
    rules_waiting.silence_ends_the_run,
    rules_waiting.refusals_are_tried_again,
    rules_limits.known_quotas_are_kept,
    rules_limits.a_401_is_no_storm,
    rules_limits.runs_end_in_time,
    rules_limits.endings_have_reasons,
    rules_limits.guards_hold,
    rules_limits.requests_add_up,
    rules_limits.the_end_is_seen,
    rules_limits.gentle_runs_finish,
    rules_limits.resumed_equals_undisturbed,
    rules_clock.stamps_do_not_go_back,
    rules_clock.stamps_are_the_clocks,
    rules_clock.elapsed_is_the_time_spent_running,
    rules_clock.rows_are_in_order,
)
MOST = 5  # violations of one rule that are told


def judge(story: Story) -> list[str]:
    """Every violation, each with the rule's name."""
    evidence = Evidence(story)
    found = []
    for rule in RULES:
        violations = list(rule(evidence))
        found += [f"{rule.__name__}: {violation}" for violation in violations[:MOST]]
        if len(violations) > MOST:
            found.append(f"{rule.__name__}: and {len(violations) - MOST} more")
    return found
