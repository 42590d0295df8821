"""How short messages are shared out over companies."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.sms_route import (
    BAD_SHARE,
    ENOUGH,
    LEAST,
    Figures,
    Measured,
    Provide,
    Route,
    choose,
    evenly,
    rerouted,
)
from shared.contracts.notifications import Channel, SmsRouteChanged
from tests.unit.builders import an_id
from tests.unit.generated import QUICK
from tests.unit.notifications.channel_builders import (
    ALL_BAD,
    ALL_GOOD,
    NORTH_BAD,
    SOUTH_BAD,
    a_route,
)

GOOD, BAD = Figures(10, 0), Figures(10, 10)
IDS = [an_id("message", number) for number in range(4000)]
NAMES = ("a", "b", "c", "d", "e", "f")


def shares(weights: Mapping[str, int], *tried: str) -> Mapping[str, float]:
    """How many in a hundred messages each company gets."""
    route, without = Route(Channel.SMS, weights), [(Channel.SMS, name) for name in tried]
    counted = Counter(choose(route, id, without) for id in IDS)
    assert None not in counted
    return {name: count * 100 / len(IDS) for name, count in counted.items() if name}


def weights_after(*measures: Measured, providers: tuple[str, ...] = ("north", "south")) -> list[dict[str, int]]:
    """The weights in the beginning and after each measure."""
    return [event.weights for event in a_route(*measures, providers=providers).of(SmsRouteChanged)]


@st.composite
def companies_and_measures(draw: st.DrawFn) -> tuple[tuple[str, ...], list[dict[str, Figures]]]:
    """Some companies, and what is measured of some of them again and again."""
    providers = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)))
    names = st.sampled_from((*providers, "gone"))
    figures = st.builds(lambda attempts, share: Figures(attempts, attempts * share // 100), *[st.integers(0, 100)] * 2)
    return providers, draw(st.lists(st.dictionaries(names, figures), max_size=12))


@QUICK
@given(companies_and_measures())
def test_weights_are_always_a_hundred_together_and_none_falls_below_the_least(drawn: Any) -> None:
    providers, measures = drawn
    for weights in weights_after(*map(Measured, measures), providers=providers):
        assert sum(weights.values()) == 100
        assert set(weights) == set(providers)
        assert all(weight >= LEAST for weight in weights.values())


def test_what_rounding_adds_is_taken_from_one_that_can_spare_it() -> None:
    measures = [{"d": BAD}, {"a": BAD, "d": BAD, "e": BAD}, {"a": BAD, "c": BAD}]
    for weights in weights_after(*map(Measured, measures), providers=("a", "b", "c", "d", "e")):
        assert min(weights.values()) >= LEAST


@QUICK
@given(companies_and_measures())
def test_the_same_measure_again_and_again_leads_to_weights_that_stay(drawn: Any) -> None:
    providers, measures = drawn
    for figures in measures:
        weights = evenly(providers)
        for _ in range(25):
            weights = rerouted(weights, figures)
        assert rerouted(weights, figures) == weights


def test_a_bad_company_sinks_within_three_measures_and_stays_measured() -> None:
    norths = [weights["north"] for weights in weights_after(*[NORTH_BAD] * 5)]
    assert norths == [50, 30, 10, LEAST, LEAST, LEAST]


def test_it_comes_back_step_by_step_when_it_is_good_again() -> None:
    norths = [weights["north"] for weights in weights_after(*[NORTH_BAD] * 3, *[ALL_GOOD] * 10)][3:]
    assert norths == [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 50]


def test_where_all_are_bad_they_share_equally_again() -> None:
    norths = [weights["north"] for weights in weights_after(*[NORTH_BAD] * 3, *[ALL_BAD] * 10)]
    assert norths[-1] == 50
    assert norths[3:] == sorted(norths[3:])


def test_weights_turn_with_the_one_that_is_bad() -> None:
    assert weights_after(*[NORTH_BAD] * 3, *[SOUTH_BAD] * 5)[-1] == {"north": 95, "south": 5}


def test_the_good_ones_share_what_bad_ones_lose() -> None:
    measures = [Measured({"a": BAD, "b": BAD, "c": GOOD})] * 10
    assert weights_after(*measures, providers=("a", "b", "c", "d"))[-1] == {"a": 5, "b": 5, "c": 45, "d": 45}


@pytest.mark.parametrize(
    ("figures", "is_bad"),
    [
        (Figures(0, 0), False),
        (Figures(ENOUGH - 1, ENOUGH - 1), False),
        (Figures(ENOUGH, ENOUGH), True),
        (Figures(100, round(100 * BAD_SHARE)), True),
        (Figures(100, round(100 * BAD_SHARE) - 1), False),
    ],
)
def test_a_company_is_bad_from_a_share_of_enough_attempts_on(figures: Figures, is_bad: bool) -> None:
    assert figures.is_bad is is_bad


def test_a_company_that_is_not_measured_is_not_bad() -> None:
    assert weights_after(Measured({"north": BAD}))[-1] == {"north": 30, "south": 70}
    assert weights_after(Measured({}))[-1] == {"north": 50, "south": 50}


def test_every_measure_is_answered_so_that_the_next_follows() -> None:
    assert len(a_route(ALL_GOOD, ALL_GOOD).of(SmsRouteChanged)) == 3


def test_the_same_companies_again_change_nothing() -> None:
    life = a_route(NORTH_BAD)
    assert life.send(Provide(("south", "north"))) == []


@pytest.mark.parametrize("providers", [("north", "south", "west"), ("south",), ("east", "west"), ()])
def test_other_companies_begin_with_equal_shares(providers: tuple[str, ...]) -> None:
    life = a_route(NORTH_BAD, Provide(providers))
    assert life.state.weights == evenly(providers)


def test_without_companies_there_is_nothing_to_measure_and_nobody_to_choose() -> None:
    assert a_route(providers=()).events == []
    assert rerouted({}, {"north": BAD}) == {}
    assert choose(None, IDS[0], ()) is None
    assert choose(Route(Channel.SMS, {}), IDS[0], ()) is None


@pytest.mark.parametrize(
    "weights", [{"north": 50, "south": 50}, {"north": 5, "south": 95}, {"a": 20, "b": 30, "c": 50}]
)
def test_messages_are_shared_out_by_the_weights(weights: dict[str, int]) -> None:
    assert shares(weights) == pytest.approx(weights, abs=3)


def test_those_that_were_tried_are_not_chosen_and_the_others_share_by_their_weights() -> None:
    assert shares({"a": 20, "b": 30, "c": 50}, "c") == pytest.approx({"a": 40, "b": 60}, abs=3)
    assert shares({"north": 5, "south": 95}, "south") == {"north": 100}


@QUICK
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 100), min_size=1), st.sets(st.sampled_from(NAMES)))
def test_never_one_that_was_tried_and_always_one_where_one_is_left(weights: dict[str, int], tried: set[str]) -> None:
    for id in IDS[:20]:
        chosen = choose(Route(Channel.SMS, weights), id, [(Channel.SMS, name) for name in sorted(tried)])
        assert (chosen in weights.keys() - tried) if weights.keys() - tried else (chosen is None)


def test_the_order_in_which_companies_are_kept_does_not_matter() -> None:
    one, other = Route(Channel.SMS, {"north": 30, "south": 70}), Route(Channel.SMS, {"south": 70, "north": 30})
    assert [choose(one, id, ()) for id in IDS[:200]] == [choose(other, id, ()) for id in IDS[:200]]


def test_mail_that_was_tried_keeps_no_company_from_being_chosen() -> None:
    assert choose(Route(Channel.SMS, {"mail": 100}), IDS[0], [(Channel.EMAIL, "mail")]) == "mail"
