"""What a request does not know it asks for, and for nothing else; and what goes ahead by itself."""

from dataclasses import replace

import pytest

from services.requests.domain.facts import KnownPerson, are_known, facts_of
from services.requests.domain.request import request
from services.requests.domain.request_messages import OccasionWasLost, PersonHasDied, PersonWasErased, Withdraw
from services.requests.domain.request_state import TRANSITIONS, Owner, Status
from shared.contracts.requests import (
    RequestDocumentDue,
    RequestFactsDue,
    RequestFactsKnown,
    RequestFeeDue,
    RequestPaymentNotNeeded,
    RequestSubmitted,
    RequestTaskDue,
)
from tests.unit.builders import NOW, Life
from tests.unit.requests.request_builders import (
    APPLICANT,
    CHILD,
    FACTS_FIRST,
    FATHER,
    MOTHER,
    a_child,
    a_definition,
    a_facts_step,
    a_fee_step,
    a_person,
    a_request,
    a_start,
    a_task_step,
    an_automatic_request,
    an_issue_step,
    fee_of,
    known_with,
    lapsed,
    more_is_known,
    paid,
)

NAMED = a_child(is_named=True)
CERTIFICATE = a_definition(a_facts_step(asks=["mother", "father"]), an_issue_step("certificate"), id="certificate")


def names(life: Life, *messages: object) -> list[type]:
    """The child is named, and the request hears of it."""
    life.given = [known_with(FACTS_FIRST, beneficiary=NAMED)]
    return [type(event) for event in life.send(*messages or [more_is_known()])]


def test_what_is_known_is_not_asked_for() -> None:
    life = an_automatic_request(definition=FACTS_FIRST, child=NAMED)
    assert [type(event) for event in life.events] == [RequestSubmitted, RequestFeeDue]
    life = an_automatic_request(definition=CERTIFICATE, child=NAMED)
    assert [type(event) for event in life.events] == [RequestSubmitted, RequestDocumentDue]


def test_what_is_missing_is_asked_of_mother_and_father() -> None:
    life = an_automatic_request(definition=FACTS_FIRST)
    [due] = life.of(RequestFactsDue)
    assert (due.asked_ids, due.about_id, due.needs) == ([MOTHER, FATHER], CHILD, ["is_named"])
    assert (life.state.waits_for, life.state.facts_of) == (Owner.APPLICANT, CHILD)


@pytest.mark.parametrize(
    ("parties", "asked"),
    [({"mother": MOTHER, "child": CHILD}, [MOTHER]), ({"father": FATHER}, [FATHER]), ({}, [MOTHER])],
)
def test_of_those_who_are_to_be_asked_only_those_take_part_who_are_known(
    parties: dict[str, object], asked: list[object]
) -> None:
    life = Life(request, [known_with(FACTS_FIRST, beneficiary=a_child())], TRANSITIONS)
    life.send(a_start(FACTS_FIRST, parties=parties))
    assert life.of(RequestFactsDue)[0].asked_ids == asked


def test_where_nobody_else_is_to_be_asked_the_applicant_is() -> None:
    nobody_asked = a_definition(a_facts_step(needs=["unpaid_traffic_fines_fils"]), a_task_step())
    [due] = a_request(definition=nobody_asked).of(RequestFactsDue)
    assert (due.asked_ids, due.about_id) == ([APPLICANT], APPLICANT)


def test_a_request_goes_on_when_what_was_missing_is_known() -> None:
    life = an_automatic_request(definition=FACTS_FIRST)
    assert life.send(more_is_known()) == []
    assert names(life) == [RequestFactsKnown, RequestFeeDue]
    assert life.state.facts_of is None
    assert names(life) == []


def test_a_request_that_waits_for_facts_waits_for_no_payment() -> None:
    life = an_automatic_request(definition=FACTS_FIRST)
    assert [type(event) for event in life.send(paid(), lapsed())] == [RequestPaymentNotNeeded]
    assert life.state.facts_of == CHILD


def test_a_request_that_waits_for_facts_can_be_withdrawn() -> None:
    life = an_automatic_request(Withdraw(), definition=FACTS_FIRST)
    assert life.state.status is Status.WITHDRAWN
    assert names(life) == []


@pytest.mark.parametrize("end", [PersonHasDied(), PersonWasErased(), OccasionWasLost()])
def test_a_request_that_waits_for_facts_ends_with_whoever_they_are_about(end: object) -> None:
    life = an_automatic_request(end, definition=FACTS_FIRST)
    assert (life.state.status, life.state.facts_of) == (Status.WITHDRAWN, None)
    assert names(life) == []


def test_what_goes_ahead_by_itself_begins_once() -> None:
    life = an_automatic_request(definition=FACTS_FIRST)
    submitted = life.of(RequestSubmitted)[0]
    assert (submitted.applicant_id, submitted.beneficiary_id) == (MOTHER, CHILD)
    assert submitted.offer_id == a_start(FACTS_FIRST).offer_id
    assert life.send(a_start(FACTS_FIRST)) == []


@pytest.mark.parametrize(
    ("mother", "child"),
    [
        pytest.param(a_person(), a_child(died_on=NOW.date()), id="the child has died"),
        pytest.param(a_person(), None, id="the child is erased"),
        pytest.param(replace(a_person(), died_on=NOW.date()), a_child(), id="the mother has died"),
        pytest.param(None, a_child(), id="the mother is erased"),
    ],
)
def test_nothing_goes_ahead_for_whoever_was_gone_meanwhile(
    mother: KnownPerson | None, child: KnownPerson | None
) -> None:
    known = replace(known_with(FACTS_FIRST), applicant=mother, beneficiary=child)
    assert Life(request, [known]).send(a_start(FACTS_FIRST)) == []


def test_what_is_lost_before_it_has_begun_is_no_request() -> None:
    life = Life(request, [known_with(FACTS_FIRST, beneficiary=a_child())])
    assert life.send(OccasionWasLost()) == []


def test_a_fact_that_is_nothing_is_known() -> None:
    assert are_known(facts_of(a_person(unpaid_traffic_fines_fils=0), NOW), ["unpaid_traffic_fines_fils"])
    assert are_known(facts_of(a_person(note=""), NOW), ["note"])
    assert are_known(facts_of(NAMED, NOW), ["age"])


def test_a_yes_or_no_is_known_when_it_is_so() -> None:
    assert not are_known(facts_of(a_child(), NOW), ["is_named"])
    assert are_known(facts_of(NAMED, NOW), ["is_named"])
    assert not are_known(facts_of(NAMED, NOW), ["is_named", "has_civil_id"])


def test_a_fact_of_which_nothing_was_told_is_not_known() -> None:
    assert not are_known(facts_of(a_person(), NOW), ["unpaid_traffic_fines_fils"])


def test_the_tasks_after_the_facts_come_in_their_turn() -> None:
    definition = a_definition(a_facts_step(), a_task_step(), a_fee_step(), id="facts-first")
    life = an_automatic_request(definition=definition)
    life.given = [known_with(definition, beneficiary=NAMED)]
    assert [type(event) for event in life.send(more_is_known())] == [RequestFactsKnown, RequestTaskDue]
    assert life.state.fees == {}
    assert fee_of() not in life.state.fees
