"""What the simulation has found, each disaster boiled down and told by its name; none may come back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.engine import events as ev
from orchestrator.engine.options import (
    LimitOptions,
    PaceOptions,
    PollOptions,
    RetryOptions,
    RunOptions,
    SubmitOptions,
)
from orchestrator.simulator.options import Churn, Faults, Outage, Quota, SimulatorOptions, Spread
from tests.simulation.accidents import Canned
from tests.simulation.draws import RENEWED
from tests.simulation.examine import examine, examine_seed
from tests.simulation.scenario import Disturbance, Network, Scenario

if TYPE_CHECKING:
    from tests.simulation.story import Story

ALL = LimitOptions(max_failures=1.0, deadline=600.0)


def played(scenario: Scenario) -> Story:
    finding, story = examine(scenario)
    assert finding.violations == ()
    assert story is not None
    return story


def happened(story: Story, kind: type[ev.Event]) -> bool:
    """Whether the occasion came about that the story is told for."""
    return any(isinstance(event, kind) for life in story.lives for event in life.events)


def came_to(story: Story) -> dict[str, int]:
    report = story.last.report
    assert report is not None
    return {outcome: number for outcome, number in report.outcomes.items() if number}


def service(**options: Any) -> SimulatorOptions:
    usual = {"tasks": 12, "seed": 1, "states": {"MIGRATING": 1}, "stop_seconds": Spread(median=4.0)}
    return SimulatorOptions(**{**usual, **options})


class TestRecord:
    def test_an_answer_that_refuses_everybody_can_be_read_back(self) -> None:
        """Seed 21: an answer without a single acceptance was written without that word, and no resume could read it."""
        story = played(
            Scenario(
                seed=21,
                service=service(refuse_once=1.0),
                options=RunOptions(submit=SubmitOptions(batch_size=1), limits=ALL),
                network=Network(
                    canned=(Canned(status=400, code="DCS.4957", message="not allowed now", apis=("stop",)),),
                    canned_rate=0.3,
                ),
                family="hostile",
                disturbances=(Disturbance(disaster="drain", point="time", at=3.0, downtime=5.0),),
            )
        )
        assert len(story.lives) > 1
        assert came_to(story) == {"stopped": 12}


class TestQueue:
    def test_a_task_seen_in_one_actionable_status_after_another_is_sent_once(self) -> None:
        """Seed 16: MIGRATING on a coarse list, INCRMIGEATING singly; it stood in the queue twice and in one batch."""
        story = played(
            Scenario(
                seed=16,
                service=service(
                    tasks=40,
                    seed=16,
                    strangers=60,
                    states={"INCRMIGEATING": 1},
                    list_detail="coarse",
                    latency=Spread(median=0.4, sigma=0.5),
                    count="page",
                    order="oldest",
                    churn=Churn(created=2.0, deleted=2.0),
                    quotas={"stop": Quota(limit=1, seconds=5.0)},
                ),
                options=RunOptions(submit=SubmitOptions(batch_size=7, workers=2), limits=ALL),
                pace=PaceOptions(requests_per_second=2.0),
                page_size=15,
            )
        )
        assert came_to(story) == {"stopped": 40}


class TestLooking:
    def test_pages_are_looked_at_though_no_scout_was_ever_accepted(self) -> None:
        """Seed 118: nothing taught how long stops take, so most pages waited for a first look until the deadline."""
        story = played(
            Scenario(
                seed=118,
                family="rough",
                service=service(
                    tasks=200,
                    seed=5,
                    unmentioned=0.5,
                    latency=Spread(median=0.4),
                    faults=Faults(
                        rate=0.8,
                        kinds=("reset_after", "truncated"),
                        apis=("stop",),
                        outages=(Outage(after=0.5, seconds=40.0, kind="error_500"),),
                    ),
                ),
                options=RunOptions(limits=replace(ALL, deadline=1200.0), poll=PollOptions(interval=0.5)),
                page_size=5,
            )
        )
        assert came_to(story) == {"stopped": 200}

    def test_a_coarse_list_does_not_unsay_what_a_single_look_has_shown(self) -> None:
        """Seed 50: a task known to be TERMINATING was sent again and again, because the list said MIGRATING."""
        story = played(
            Scenario(
                seed=50,
                service=service(
                    states={"MIGRATING": 2, "TERMINATING": 1},
                    list_detail="coarse",
                    again="refuse",
                    stop_seconds=Spread(median=27.0),
                ),
                options=RunOptions(submit=SubmitOptions(batch_size=3, workers=2), limits=ALL),
            )
        )
        assert all(len(story.service.books.stops(task_id)) == 1 for task_id in story.service.ids)

    def test_a_look_that_was_on_its_way_decides_nothing_about_an_answer_lost_since(self) -> None:
        """Seed 211: a look that had left before the answer was lost let the batch be sent again at once."""
        story = played(
            Scenario(
                seed=1,
                family="rough",
                service=service(
                    tasks=20,
                    unlisted=0.2,
                    strangers=40,
                    stop_delay=3.0,
                    latency=Spread(median=0.05, sigma=1.0),
                    faults=Faults(
                        rate=0.6, kinds=("error_500", "reset_after", "timeout_504"), apis=("stop",), after_effect=0.0
                    ),
                ),
                options=RunOptions(
                    submit=SubmitOptions(batch_size=7, workers=4), poll=PollOptions(interval=0.5), limits=ALL
                ),
                page_size=15,
            )
        )
        assert came_to(story) == {"stopped": 20}

    def test_an_answer_that_is_always_lost_is_no_refusal(self) -> None:
        """Seed 23: a task whose only answer was lost was called rejected, and was TERMINATED by us a moment later."""
        story = played(
            Scenario(
                seed=23,
                family="rough",
                service=service(unmentioned=1.0, stop_delay=5.0),
                options=RunOptions(retry=RetryOptions(attempts=1), limits=ALL),
            )
        )
        assert came_to(story) == {"stopped": 12}

    def test_stop_states_that_a_coarse_list_cannot_tell_are_looked_for_singly(self) -> None:
        """Seed 247: the list said MIGRATING of a task that was INCRMIGEATING, which alone was to be stopped."""
        story = played(
            Scenario(
                seed=247,
                family="rough",
                service=service(states={"INCRMIGEATING": 1, "FULLMIGRATING": 1}, list_detail="coarse"),
                options=RunOptions(limits=ALL),
                stop_states=frozenset({"INCRMIGEATING"}),
            )
        )
        firsts = [story.service.books.first_status(task_id) for task_id in story.service.ids]
        assert came_to(story) == {"stopped": firsts.count("INCRMIGEATING"), "skipped": firsts.count("FULLMIGRATING")}

    def test_tasks_that_left_the_list_are_not_chased_through_its_pages(self) -> None:
        """Seed 2813: four deleted tasks of one page were looked for on another, and another, 13 pages a second."""
        story = played(
            Scenario(
                seed=2813,
                verb="delete",
                service=service(
                    tasks=215,
                    seed=2813,
                    strangers=150,
                    states={"TERMINATED": 12, "SUCCESS": 4, "MIGRATING": 2},
                    delete_seconds=Spread(median=3.0, sigma=0.4),
                    latency=Spread(median=0.4),
                    quotas={"show": Quota(limit=10, seconds=1.0, wording="bare")},
                ),
                options=RunOptions(
                    submit=SubmitOptions(batch_size=1),
                    poll=PollOptions(interval=10.0),
                    limits=replace(ALL, deadline=7200.0),
                ),
                page_size=15,
            )
        )
        assert sum(exchange.api == "list" for exchange in story.exchanges) < 300

    def test_a_death_is_no_failed_attempt(self) -> None:
        """Seed 2440: refused four times of five and then cut off by a death, a task was watched until the deadline."""
        story = played(
            Scenario(
                seed=2440,
                service=service(refuse_always=1.0, refusals="plain", latency=Spread(median=0.5)),
                options=RunOptions(retry=RetryOptions(attempts=2), limits=replace(ALL, deadline=7200.0)),
                disturbances=(Disturbance(disaster="death", point="request.arrived", at=15, downtime=1.0),),
            )
        )
        assert came_to(story) == {"rejected": 12}

    def test_who_is_looked_at_for_many_reasons_is_looked_at_twice_an_interval_at_most(self) -> None:
        """Seed 101869: each look at a refused task in another state than the list's made two more, without end."""
        story = played(
            Scenario(
                seed=101869,
                family="rough",
                service=service(
                    tasks=15,
                    strangers=40,
                    seed=101869,
                    states={"INCRMIGEATING": 5, "INCRMIGRATING": 5, "MIGRATING": 5, "TERMINATING": 3, "TERMINATED": 2},
                    stop_seconds=Spread(median=23.6, sigma=0.4),
                    stop_delay=3.0,
                    refuse_once=0.108,
                    list_detail="coarse",
                    latency=Spread(median=0.05, sigma=0.0),
                ),
                stop_states=frozenset({"MIGRATING", "FULLMIGRATING"}),
                options=RunOptions(
                    poll=PollOptions(interval=0.5, confirmations=2),
                    retry=RetryOptions(attempts=1),
                    limits=replace(ALL, deadline=100.0),
                ),
                disturbances=(Disturbance(disaster="cancel", point="request.arrived", at=2, downtime=0.04),),
            )
        )
        looks = Counter(exchange.ids for exchange in story.exchanges if exchange.api == "show")
        assert 100 < max(looks.values()) <= 400


class TestGuards:
    def test_a_resumed_canary_counts_who_is_out_already(self) -> None:
        """Seed 99: after a death the canary was sent a second time beside the first."""
        story = played(
            Scenario(
                seed=99,
                family="guarded",
                service=service(tasks=60, stop_seconds=Spread(median=30.0)),
                options=RunOptions(submit=SubmitOptions(batch_size=7), limits=replace(ALL, canary=20)),
                disturbances=(Disturbance(disaster="death", point="time", at=5.0, downtime=1.0),),
            )
        )
        assert came_to(story) == {"stopped": 60}

    def test_nobody_goes_in_place_of_a_forgotten_canary(self) -> None:
        """Seed 1058: the canary was due for reissue and counted as gone, so that others went, and then the canary."""
        story = played(
            Scenario(
                seed=1058,
                family="guarded",
                service=service(tasks=40, forget=0.5),
                options=RunOptions(poll=PollOptions(reissue_after=60.0), limits=replace(ALL, canary=10)),
            )
        )
        first, again, *later = (set(ask.ids) for ask in story.sends())
        assert again < first
        rest = next(ids for ids in later if not ids <= first)
        assert not rest & first

    def test_nobody_goes_in_place_of_a_canary_whose_answer_was_lost(self) -> None:
        """Seed 651: lost, and seen where it stood, a canary was replaced; the service had deleted it all the same."""
        story = played(
            Scenario(
                seed=651,
                family="guarded",
                verb="delete",
                service=service(
                    tasks=40,
                    states={"TERMINATED": 1},
                    deleted_show="success",
                    faults=Faults(rate=0.3, kinds=("reset_after", "error_500"), apis=("delete",)),
                ),
                options=RunOptions(submit=SubmitOptions(batch_size=1), limits=replace(ALL, canary=10)),
            )
        )
        assert happened(story, ev.BatchLost)

    def test_a_batch_that_never_left_is_not_attempted(self) -> None:
        """Seed 57: a batch whose intent could not be written was called unconfirmed, though it never left."""
        story = played(
            Scenario(
                seed=57,
                service=service(),
                options=RunOptions(limits=ALL),
                commit_seconds=0.5,
                disturbances=(Disturbance(disaster="drain", point="time", at=0.57, downtime=1.0),),
            )
        )
        first = story.lives[0].report
        assert first is not None
        assert first.outcomes["not_attempted"] == 12


class TestGate:
    def test_a_batch_whose_leave_is_older_than_a_401_waits(self) -> None:
        """Seed 1152: the leave was given, the intent took its time, a 401 came, and the batch left all the same."""
        story = played(
            Scenario(
                seed=3,
                family="rough",
                credentials="renewed",
                service=service(
                    tasks=80,
                    seed=3,
                    auth="signature",
                    expire_after=0.5,
                    renewed=RENEWED,
                    latency=Spread(median=0.2, sigma=0.5),
                ),
                options=RunOptions(submit=SubmitOptions(batch_size=3), limits=ALL),
                commit_seconds=0.5,
                page_size=10,
            )
        )
        assert 401 in {exchange.status for exchange in story.exchanges}
        assert happened(story, ev.BatchReturned)

    def test_a_clock_that_is_set_again_after_a_401_is_not_held_against_the_run(self) -> None:
        """Seed 104723: half an hour slow, and two hours more when it had learned so: the second 401 ends the run."""
        story = played(
            Scenario(
                seed=104723,
                family="gentle",
                service=service(auth="signature"),
                pace=PaceOptions(requests_per_second=2.0, burst=1),
                wall=((0.0, -1661.0), (0.2, -7265.0)),
            )
        )
        assert story.last.report is not None
        assert story.last.report.exit_code == 3
        assert [exchange.status for exchange in story.exchanges] == [401, 401]

    def test_a_key_that_four_shards_get_locked_together_is_held_against_none(self) -> None:
        """Seed 603136: 41 minutes slow at once, and each had three signatures under way: more than five for the key."""
        finding = examine_seed(603136)
        assert finding.violations == ()


class TestReopened:
    def test_the_account_keeps_the_requests_that_were_in_flight_at_its_end(self) -> None:
        """Seed 202799: reopened for others, it told of one request less for those in flight at the deadline."""
        story = played(
            Scenario(
                seed=202799,
                family="rough",
                service=service(
                    tasks=30,
                    latency=Spread(median=0.5),
                    quotas={"stop": Quota(limit=2, seconds=10.0)},
                    faults=Faults(rate=0.5, kinds=("hang",), apis=("stop",), seconds=2000.0),
                ),
                options=RunOptions(
                    submit=SubmitOptions(batch_size=3),
                    retry=RetryOptions(attempts=1),
                    limits=replace(ALL, deadline=100.0),
                ),
                retry=True,
                retry_words=("rejected",),
            )
        )
        assert any(life.retried for life in story.lives)


class TestOvertaken:
    """What is seen of a task while its batch is out decides nothing, unless the batch comes back as it left."""

    def test_who_was_seen_down_while_the_request_did_not_get_through_is_not_sent_again(self) -> None:
        """Seed 100902: ten seconds of connecting, a page that showed the task down, and it was sent all the same."""
        story = played(
            Scenario(
                seed=1,
                family="rough",
                service=service(tasks=100, stop_seconds=Spread(median=2.0), latency=Spread(median=0.05)),
                options=RunOptions(
                    submit=SubmitOptions(batch_size=3, workers=4),
                    poll=PollOptions(interval=0.5),
                    limits=replace(ALL, deadline=7200.0),
                ),
                network=Network(faults=("connect_timeout",), rate=0.3),
                meddling=((3.0, "stop", 2), (6.0, "stop", 3)),
            )
        )
        assert happened(story, ev.BatchReturned)

    def test_who_is_seen_down_while_the_disk_takes_its_time_does_not_leave(self) -> None:
        """Seeds 102674 and 103152: a page that showed the task down came between the intent and the request."""
        story = played(
            Scenario(
                seed=1,
                family="rough",
                service=service(tasks=60, stop_seconds=Spread(median=2.0), latency=Spread(median=0.05)),
                options=RunOptions(
                    submit=SubmitOptions(batch_size=1, workers=4), poll=PollOptions(interval=0.5), limits=ALL
                ),
                commit_seconds=0.5,
                meddling=((1.0, "stop", 4), (3.0, "stop", 3), (5.0, "stop", 2)),
            )
        )
        assert happened(story, ev.BatchReturned)


class TestQuotas:
    def test_leave_given_before_a_quota_was_told_is_not_used_after(self) -> None:
        """Seed 7022: a stop waited for its turn when the quota was told, and left all the same, to be refused."""
        story = played(
            Scenario(
                seed=7022,
                service=service(
                    tasks=120,
                    seed=2,
                    unlisted=0.5,
                    stop_seconds=Spread(median=0.6),
                    latency=Spread(median=0.05, sigma=0.5),
                    quotas={"stop": Quota(limit=30, seconds=60.0, kind="sliding")},
                ),
                options=RunOptions(submit=SubmitOptions(batch_size=1, workers=2), limits=replace(ALL, deadline=7200.0)),
                network=Network(up=Spread(median=0.2)),
                page_size=15,
            )
        )
        assert came_to(story) == {"stopped": 120}

    def test_requests_in_flight_do_not_take_turns_in_being_refused(self) -> None:
        """Seed 103406: each of two looks had left before the other's refusal came: 25,000 requests in an instant."""
        story = played(
            Scenario(
                seed=103406,
                service=service(
                    tasks=80,
                    unlisted=1.0,
                    quotas={"show": Quota(limit=30, seconds=60.0), "all": Quota(limit=20, seconds=1.0)},
                ),
                options=RunOptions(
                    submit=SubmitOptions(workers=2),
                    poll=PollOptions(interval=10.0),
                    limits=replace(ALL, deadline=7200.0),
                ),
            )
        )
        assert len(story.exchanges) < 1000
