"""The rules of an offer, one behaviour after another."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.requests.domain.offer import (
    LONGEST_SNOOZE,
    Accept,
    AskedFor,
    Decline,
    LookAgain,
    Occasioned,
    RequestHasLapsed,
    See,
    Snooze,
    Status,
    offer_id,
)
from shared.contracts.identity import Residence
from shared.contracts.requests import (
    OfferAccepted,
    OfferAmended,
    OfferExpired,
    OfferMade,
    OfferMode,
    OfferOccasioned,
    OfferPlanned,
    OfferSeen,
    OfferWithdrawn,
    OfferWoken,
)
from tests.unit.builders import NOW, Life, an_id
from tests.unit.requests.offer_builders import (
    AUTOMATIC,
    LATER_IN_LIFE,
    NAMED,
    NO_FINES,
    NOTICE,
    OFFER_ID,
    OTHER_MOTHER,
    OTHER_NOTICE,
    People,
    a_binding,
    a_birth,
    a_bound_service,
    a_loss,
    accepted,
    an_offer,
    days_later,
    people,
)
from tests.unit.requests.request_builders import CHILD, FATHER, MOTHER, a_person

DAY_60, DAY_110, DAY_119, DAY_120 = days_later(60), days_later(110), days_later(119), days_later(120)
NUDGE = a_bound_service(binding=a_binding(mode=OfferMode.NUDGE))
IF_NAMED = a_bound_service(rules=[NAMED])
AN_HOUR_LATER = NOW + timedelta(hours=1)


def reasons(life: Life) -> list[str]:
    """Why the offer was withdrawn, each time."""
    return [event.reason for event in life.of(OfferWithdrawn)]


def look(at: Any = NOW) -> LookAgain:
    """More may be known, or it may be time."""
    return LookAgain(at)


def test_a_birth_makes_an_offer_to_the_mother_for_her_child() -> None:
    life = an_offer(a_birth())
    [made] = life.of(OfferMade)
    assert (made.recipient_id, made.beneficiary_id, made.mode) == (MOTHER, CHILD, OfferMode.OFFER)
    assert made.expires_at == DAY_120
    assert life.state.status is Status.OPEN


@pytest.mark.parametrize("again", [a_birth(), a_birth(sequence=2), a_birth(OTHER_NOTICE, source="another hospital")])
def test_the_same_birth_told_again_makes_no_second_offer(again: Occasioned) -> None:
    life = an_offer(a_birth(), again)
    assert len(life.of(OfferMade)) == 1
    assert life.state.status is Status.OPEN


def test_the_same_event_twice_changes_nothing() -> None:
    assert an_offer(a_birth()).send(a_birth()) == []


def test_one_binding_makes_one_offer_for_one_child() -> None:
    names = [("a-service", "at-birth", CHILD), ("a-service", "later", CHILD), ("a-service", "at-birth", FATHER)]
    assert len({offer_id(*name) for name in names}) == 3
    assert offer_id(*names[0]) == OFFER_ID
    assert offer_id(*names[0], about_id=CHILD) == OFFER_ID


def test_whoever_loses_two_people_has_an_offer_for_each() -> None:
    parents = [offer_id("a-service", "at-death", CHILD, about_id=parent) for parent in (MOTHER, FATHER, MOTHER)]
    assert parents[0] == parents[2] != parents[1]


def test_an_offer_is_withdrawn_with_the_last_occasion_and_kept_while_one_stands() -> None:
    life = an_offer(a_birth(), a_birth(OTHER_NOTICE), a_loss())
    assert reasons(life) == []
    life.send(a_loss(OTHER_NOTICE))
    assert reasons(life) == ["not-so-any-more"]
    assert life.state.status is Status.WITHDRAWN


def test_a_birth_that_is_told_anew_makes_the_offer_again() -> None:
    life = an_offer(a_birth(), a_loss(), a_birth(OTHER_NOTICE))
    assert life.state.status is Status.OPEN
    assert len(life.of(OfferMade)) == 2


def test_the_loss_of_what_was_never_told_changes_nothing() -> None:
    assert an_offer(a_birth()).send(a_loss(OTHER_NOTICE)) == []
    assert an_offer(a_loss()).events == []


@pytest.mark.parametrize("told", [2, 3])
def test_an_older_loss_does_not_take_back_what_was_told_with_it_or_since(told: int) -> None:
    life = an_offer(a_birth(), a_birth(sequence=told))
    assert life.send(a_loss(sequence=2)) == []
    assert life.state.status is Status.OPEN


def test_with_another_mother_the_offer_is_withdrawn_from_the_first_and_made_to_the_second() -> None:
    life = an_offer(a_birth(), See())
    events = life.send(a_birth(sequence=2, mother=OTHER_MOTHER))
    assert [type(event) for event in events] == [OfferOccasioned, OfferWithdrawn, OfferMade]
    assert (events[1].recipient_id, events[2].recipient_id) == (MOTHER, OTHER_MOTHER)
    assert reasons(life) == ["for-somebody-else"]
    assert not life.state.is_seen


def test_without_a_mother_the_offer_is_withdrawn_until_there_is_one() -> None:
    life = an_offer(a_birth(), a_birth(sequence=2, mother=None))
    assert life.state.status is Status.WITHDRAWN
    life.send(a_birth(sequence=3))
    assert (life.state.status, life.state.recipient_id) == (Status.OPEN, MOTHER)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_notices_the_first_that_names_a_mother_counts_in_whatever_order_they_come(order: int) -> None:
    both = [a_birth(NOTICE), a_birth(OTHER_NOTICE, mother=OTHER_MOTHER)]
    unknown = [a_birth(NOTICE, mother=None), a_birth(OTHER_NOTICE, mother=OTHER_MOTHER)]
    for told, mother in ((both, MOTHER), (unknown, OTHER_MOTHER)):
        state = an_offer(*told[::order]).state
        assert (state.status, state.recipient_id) == (Status.OPEN, mother)


@pytest.mark.parametrize("who", [MOTHER, CHILD])
def test_a_birth_waits_for_whoever_is_not_known_yet(who: Any) -> None:
    among = people()
    known = among.known.pop(who)
    life = an_offer(a_birth(), among=among)
    assert (life.events, life.waits_for) == ([], who)
    among.known[who] = known
    assert len(life.send(a_birth())) == 2


@pytest.mark.parametrize("who", [MOTHER, CHILD])
def test_for_the_erased_nobody_waits_and_nothing_is_offered(who: Any) -> None:
    among = people()
    among.erase(who)
    life = an_offer(a_birth(), among=among)
    assert life.waits_for is None
    assert life.state.status is Status.PENDING


@pytest.mark.parametrize("who", [MOTHER, CHILD])
@pytest.mark.parametrize(
    "goes", [lambda among, who: among.erase(who), lambda among, who: among.change(who, died_on=NOW.date())]
)
@pytest.mark.parametrize("before", [(), (Snooze(DAY_60, NOW),)], ids=["open", "snoozed"])
def test_nothing_is_offered_to_or_for_the_dead_and_the_erased(
    who: Any, goes: Callable[[People, Any], None], before: tuple[Any, ...]
) -> None:
    among = people()
    life = an_offer(a_birth(), *before, among=among)
    goes(among, who)
    life.send(look())
    assert life.state.status is Status.WITHDRAWN


def test_a_death_that_is_annulled_makes_the_offer_again() -> None:
    among = people()
    life = an_offer(a_birth(), among=among)
    for died_on, status in ((NOW.date(), Status.WITHDRAWN), (None, Status.OPEN)):
        among.change(CHILD, died_on=died_on)
        life.send(look())
        assert life.state.status is status


def test_an_offer_is_not_made_before_its_day_but_planned_and_made_then() -> None:
    life = an_offer(a_birth(), among=people(LATER_IN_LIFE))
    assert [event.opens_at for event in life.of(OfferPlanned)] == [days_later(50)]
    assert life.state.status is Status.PENDING
    life.send(look(days_later(50)))
    [made] = life.of(OfferMade)
    assert made.expires_at == days_later(90)


def test_what_is_heard_late_does_not_keep_a_planned_offer_from_being_made() -> None:
    among = people(LATER_IN_LIFE)
    life = an_offer(a_birth(), among=among)
    for changed_at in (days_later(49), NOW):  # before and after the offer was made
        life.send(look(days_later(50)), look(changed_at))
        planned = life.of(OfferPlanned)[-1]
        life.send(look(planned.opens_at))
        assert life.state.status is Status.OPEN


def test_an_offer_whose_day_is_put_off_is_planned_anew() -> None:
    among = people(LATER_IN_LIFE)
    life = an_offer(a_birth(), look(days_later(50)), among=among)
    among.change(CHILD, birth_date=days_later(30).date())
    life.send(look(DAY_60))
    assert life.state.status is Status.WITHDRAWN
    assert life.of(OfferPlanned)[-1].opens_at == days_later(80)


def test_an_offer_expires_in_its_time_and_is_not_made_after_it() -> None:
    life = an_offer(a_birth(), look(DAY_119))
    assert life.state.status is Status.OPEN
    assert [type(event) for event in life.send(look(DAY_120))] == [OfferExpired]
    assert life.send(look(DAY_120), a_birth(OTHER_NOTICE, at=DAY_120))[1:] == []
    assert an_offer(a_birth(at=DAY_120)).state.status is Status.PENDING


def test_with_another_birth_date_an_offer_stands_until_another_day() -> None:
    among = people()
    life = an_offer(a_birth(), among=among)
    among.change(CHILD, birth_date=days_later(5).date())
    assert life.send(look(days_later(6))) == [OfferAmended(expires_at=days_later(125))]
    assert life.send(look(days_later(6))) == []


def test_an_offer_is_snoozed_and_woken() -> None:
    life = an_offer(a_birth(), Snooze(days_later(30), NOW))
    assert life.send(look(days_later(29))) == []
    assert [type(event) for event in life.send(look(days_later(30)))] == [OfferWoken]
    assert life.state.status is Status.OPEN


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(days=1), NOW + LONGEST_SNOOZE, NOW + timedelta(days=99)])
def test_an_offer_is_not_put_off_into_the_past_or_for_ever(until: Any) -> None:
    life = an_offer(a_birth(), Snooze(until, NOW))
    assert life.refusal == "offer-snoozed-too-long"


def test_an_offer_is_not_put_off_beyond_its_end() -> None:
    life = an_offer(a_birth(), Snooze(DAY_120, DAY_110))
    assert life.refusal == "offer-snoozed-too-long"
    life.send(Snooze(DAY_119, DAY_110))
    assert life.state.status is Status.SNOOZED


def test_what_is_declined_stays_declined() -> None:
    life = an_offer(a_birth(), Decline())
    life.send(look(), a_loss(), a_birth(OTHER_NOTICE), look(DAY_120))
    assert life.state.status is Status.DECLINED
    assert len(life.of(OfferMade)) == 1


def test_an_offer_is_seen_once() -> None:
    life = an_offer(a_birth(), See(), See())
    assert life.of(OfferSeen) == [OfferSeen(recipient_id=MOTHER)]


def test_an_offer_is_accepted_with_the_request_that_it_names() -> None:
    life = an_offer(a_birth())
    request_id = life.state.next_request_id
    [taken] = life.send(Accept(request_id, NOW))
    assert (taken.request_id, taken.recipient_id, taken.beneficiary_id) == (request_id, MOTHER, CHILD)
    assert taken.parties == a_birth().parties


def test_who_asks_by_themselves_takes_the_offer_up_once() -> None:
    life, asked = an_offer(a_birth()), AskedFor(an_id("another request"))
    [taken] = life.send(asked)
    assert (taken.request_id, life.state.status) == (asked.request_id, Status.ACCEPTED)
    life.send(Accept(life.state.next_request_id, NOW))
    assert life.refusal == "offer-not-open"
    assert an_offer(a_birth(), Decline()).send(asked) == []


def test_an_offer_is_not_accepted_with_another_request() -> None:
    life = an_offer(a_birth(), Accept(an_id("another request"), NOW))
    assert life.refusal == "offer-not-open"


@pytest.mark.parametrize("ended", [a_loss(), Decline(), look(DAY_120)])
@pytest.mark.parametrize("command", [See(), Decline(), Snooze(DAY_60, NOW)])
def test_what_does_not_stand_is_not_answered(ended: object, command: object) -> None:
    life = an_offer(a_birth(), ended, command)
    assert life.refusal == "offer-not-open"
    life.send(accepted(life))
    assert life.refusal == "offer-not-open"


def test_an_offer_is_accepted_on_what_is_known_then() -> None:
    among = people(IF_NAMED, is_named=True)
    life = an_offer(a_birth(), among=among)
    among.change(CHILD, is_named=False)
    life.send(accepted(life))
    assert life.refusal == "offer-not-open"
    among.change(CHILD, is_named=True)
    life.send(accepted(life, DAY_120))
    assert life.refusal == "offer-not-open"
    life.send(accepted(life))
    assert life.state.status is Status.ACCEPTED


def test_what_only_tells_cannot_be_accepted() -> None:
    life = an_offer(a_birth(), among=people(NUDGE))
    life.send(accepted(life))
    assert life.refusal == "offer-only-tells"


def test_what_is_automatic_goes_ahead_by_itself() -> None:
    life = an_offer(a_birth(), among=people(AUTOMATIC))
    assert [type(event) for event in life.events] == [OfferOccasioned, OfferMade, OfferAccepted]
    assert life.state.status is Status.ACCEPTED
    assert life.state.request_id == life.of(OfferAccepted)[0].request_id


def test_what_was_accepted_is_withdrawn_with_its_request_when_the_occasion_is_lost() -> None:
    life = an_offer(a_birth())
    life.send(accepted(life), a_loss())
    [withdrawn] = life.of(OfferWithdrawn)
    assert (withdrawn.request_id, withdrawn.reason) == (life.of(OfferAccepted)[0].request_id, "occasion-lost")


def test_what_was_accepted_goes_to_the_other_mother_with_another_request() -> None:
    life = an_offer(a_birth())
    life.send(accepted(life), a_birth(sequence=2, mother=OTHER_MOTHER))
    [withdrawn] = life.of(OfferWithdrawn)
    assert (withdrawn.request_id, withdrawn.reason) == (life.of(OfferAccepted)[0].request_id, "for-somebody-else")
    assert (life.state.status, life.state.recipient_id, life.state.request_id) == (Status.OPEN, OTHER_MOTHER, None)
    assert life.state.next_request_id != withdrawn.request_id


def test_what_was_accepted_is_made_in_its_time_for_the_other_mother() -> None:
    among = people(a_bound_service(binding=a_binding(mode=OfferMode.AUTOMATIC, after_days=50, open_for_days=90)))
    life = an_offer(a_birth(), look(days_later(50)), among=among)
    among.change(CHILD, birth_date=days_later(30).date())
    life.send(a_birth(sequence=2, mother=OTHER_MOTHER, at=DAY_60))
    assert life.state.status is Status.WITHDRAWN
    assert life.of(OfferPlanned)[-1].opens_at == days_later(80)


@pytest.mark.parametrize("later", [look(AN_HOUR_LATER), look(DAY_120), a_birth(OTHER_NOTICE), a_birth(sequence=2)])
def test_what_was_accepted_goes_on_while_its_occasion_stands(later: object) -> None:
    life = an_offer(a_birth())
    life.send(accepted(life), later)
    assert life.state.status is Status.ACCEPTED


def test_an_accepted_offer_whose_request_was_not_paid_is_made_again_with_another_request() -> None:
    life = an_offer(a_birth())
    life.send(accepted(life))
    first = life.state.request_id
    life.send(RequestHasLapsed(first, DAY_60))
    assert life.state.status is Status.OPEN
    assert life.state.next_request_id != first
    assert life.send(RequestHasLapsed(first, DAY_60)) == []


def test_the_end_of_another_request_makes_nothing_again() -> None:
    life = an_offer(a_birth())
    life.send(accepted(life))
    assert life.send(RequestHasLapsed(an_id("another request"), DAY_60)) == []
    (ended,) = life.send(RequestHasLapsed(life.state.request_id, DAY_120))
    assert isinstance(ended, OfferWithdrawn)


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        pytest.param(NAMED, {"is_named": False}, id="fails"),
        pytest.param(NO_FINES, {}, id="cannot be decided"),
    ],
)
def test_where_a_rule_does_not_pass_no_offer_is_made_until_it_does(rule: Any, facts: dict[str, Any]) -> None:
    among = people(a_bound_service(rules=[rule]), **facts)
    life = an_offer(a_birth(), look(), among=among)
    assert life.of(OfferMade) == []
    known = {"is_named": True} if rule is NAMED else {"facts": a_person(unpaid_traffic_fines_fils=0).facts}
    among.change(CHILD, **known)
    life.send(look())
    [made] = life.of(OfferMade)
    assert isinstance(made.decisions, list)
    assert [(told.rule_id, told.passed) for told in made.decisions] == [(rule.id, True)]


def test_an_offer_is_withdrawn_when_its_rules_do_not_pass_any_more() -> None:
    among = people(IF_NAMED, is_named=True)
    life = an_offer(a_birth(), among=among)
    among.change(CHILD, is_named=False)
    life.send(look())
    assert reasons(life) == ["not-so-any-more"]


def test_a_service_is_not_offered_to_whom_it_is_not_for() -> None:
    among = people(a_bound_service(audience=[Residence.RESIDENT]))
    assert an_offer(a_birth(), among=among).of(OfferMade) == []


def test_a_service_that_is_not_bound_any_more_is_not_offered() -> None:
    among = people()
    life = an_offer(a_birth(), among=among)
    among.definition = a_bound_service(bindings=[])
    life.send(look())
    assert life.state.status is Status.WITHDRAWN


def test_whom_to_look_at_again_for_is_whoever_should_have_the_offer() -> None:
    among = people()
    among.change(OTHER_MOTHER, died_on=NOW.date())
    life = an_offer(a_birth(), a_birth(sequence=2, mother=OTHER_MOTHER), among=among)
    assert (life.state.status, life.state.recipient_id) == (Status.WITHDRAWN, MOTHER)
    assert life.state.wanted_id == OTHER_MOTHER
    life.send(a_birth(OTHER_NOTICE), a_loss(NOTICE, sequence=3))
    assert life.state.wanted_id == MOTHER
