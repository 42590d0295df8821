from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.requests.domain.document import RevokeDocument, document
from services.requests.domain.eligibility import KnownRelation
from services.requests.domain.facts import KnownPerson
from services.requests.domain.offer import LookAgain, Occasioned, OccasionLost, RequestHasLapsed, offer, offer_id
from services.requests.domain.request import ServiceVersion, request
from services.requests.domain.request_messages import (
    DocumentWasIssued,
    FactsMayBeKnown,
    FeeHasLapsed,
    FeeWasPaid,
    GoAhead,
    OccasionWasLost,
    PersonHasDied,
    PersonWasErased,
    TaskWasDecided,
)
from services.requests.domain.task import CancelTask, FinishTask, OpenTask, task
from services.requests.effects import SignDocument
from services.requests.projections import projections
from services.requests.reactions import BoundVersion, reactions
from services.requests.views import HistoryView
from shared.contracts.event import Event, Recorded
from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventKind,
    LifeEventRecorded,
    PersonErased,
    PersonForgotten,
    PersonSnapshot,
    RelationEnded,
    RelationKind,
    RelationRecorded,
)
from shared.contracts.payments import PaymentCaptured, PaymentExpired
from shared.contracts.personal import ERASED
from shared.contracts.requests import (
    DocumentIssued,
    OfferAccepted,
    OfferAmended,
    OfferMade,
    OfferMode,
    OfferPlanned,
    OfferSnoozed,
    OfferWithdrawn,
    RequestDocumentDue,
    RequestExpired,
    RequestFactsDue,
    RequestFactsKnown,
    RequestReviewDue,
    RequestReviewed,
    RequestTaskDue,
    RequestWithdrawn,
    TaskDecided,
    TaskDecision,
)
from shared.functions import Delete, ForEach, Given, Row, Send, Step, erase, for_each, perform
from tests.unit.builders import NOW, AnyDecider, EventT, a_text, an_event, an_id, recorded
from tests.unit.requests.offer_builders import NOTICE, OFFER_ID, a_binding, a_bound_service
from tests.unit.requests.request_builders import (
    APPLICANT,
    CHILD,
    FATHER,
    MOTHER,
    OFFICER,
    REQUEST_ID,
    a_relation,
    a_request,
    a_signature,
    fee_of,
    paid,
)

LATER = NOW + timedelta(days=9)
TASK_ID, DOCUMENT_ID = an_id("task"), an_id("document")


CHANGED = 2
"""The sequence of a snapshot that is not the first."""
GIVEN: Mapping[Any, Any] = {
    BoundVersion: (BoundVersion("a-service", 3, date(2020, 1, 1), [a_binding()]),),
    ServiceVersion: ServiceVersion("a-service@3", a_bound_service(version=3)),
}


def steps(event: Recorded[Any]) -> list[Step]:
    """What an event brings about."""
    found: list[Step] = []
    for reaction in reactions.to(type(event.data)):
        assert reaction.given is None or isinstance(reaction.given, Given)
        given = [] if reaction.given is None else [GIVEN[reaction.given.row]]
        found.extend(reaction.react(event, *given))
    return found


def walks(table: str, *sides: str, equals: UUID, decider: AnyDecider, message: object) -> list[ForEach]:
    """The walks over what concerns somebody."""
    return [for_each(table, by=side, equals=equals, decider=decider, message=message) for side in sides]


def rows(event: Recorded[Any]) -> list[Row | Delete]:
    """What an event changes in what is shown."""
    return [row for project in projections.of(type(event.data)) for row in project(event)]


def a_decided_task(**changes: Any) -> TaskDecided:
    """An officer has decided."""
    values = {
        "request_id": REQUEST_ID,
        "applicant_id": APPLICANT,
        "decision": TaskDecision.REJECT,
        "decided_by": OFFICER,
        "reason": a_text("Because", "لأن"),
    }
    return TaskDecided(**values | changes)


def test_a_request_goes_on_when_its_fee_is_paid() -> None:
    captured = PaymentCaptured(
        attempt_id=an_id("attempt"),
        fee_id=fee_of(),
        for_id=REQUEST_ID,
        payer_id=APPLICANT,
        agency="moi-traffic",
        amount_fils=10_000,
        captured_at=NOW,
        gateway_reference="ref",
    )
    notice = FeeWasPaid(fee_of(), paid().payment_id, NOW)
    assert steps(recorded(captured, paid().payment_id)) == [request.send(REQUEST_ID, notice)]


def test_a_request_hears_that_the_time_to_pay_is_over() -> None:
    expired = recorded(PaymentExpired(fee_id=fee_of(), for_id=REQUEST_ID), paid().payment_id)
    assert steps(expired) == [request.send(REQUEST_ID, FeeHasLapsed(fee_of()))]


def test_an_officer_finds_a_task_that_is_due() -> None:
    due = RequestTaskDue(
        task_id=TASK_ID,
        step_id="review",
        agency="moi-traffic",
        service_id="a-service",
        applicant_id=APPLICANT,
        title=a_text(),
    )
    opens = OpenTask(REQUEST_ID, APPLICANT, "a-service", a_text(), agency="moi-traffic", since=1)
    assert steps(recorded(due, REQUEST_ID)) == [task.send(TASK_ID, opens)]


def test_a_request_hears_what_was_decided_and_when() -> None:
    notice = TaskWasDecided(TASK_ID, OFFICER, TaskDecision.REJECT, a_text("Because", "لأن"), NOW)
    assert steps(recorded(a_decided_task(), TASK_ID)) == [request.send(REQUEST_ID, notice)]


def test_a_reason_that_cannot_be_read_any_more_holds_up_no_request() -> None:
    notice = TaskWasDecided(TASK_ID, OFFICER, TaskDecision.REJECT, None, NOW)
    assert steps(recorded(a_decided_task(reason=ERASED), TASK_ID)) == [request.send(REQUEST_ID, notice)]


def test_a_document_is_valid_from_the_day_that_it_is_in_kuwait() -> None:
    due = RequestDocumentDue(
        document_id=DOCUMENT_ID,
        step_id="licence",
        kind="driving-licence",
        title=a_text(),
        valid_days=10,
        applicant_id=APPLICANT,
        holder_id=CHILD,
        agency="moi-traffic",
        shows=["born_on"],
    )
    late = recorded(due, REQUEST_ID)
    late = Recorded(late.id, REQUEST_ID, 1, datetime(2026, 11, 24, 21, 30, tzinfo=UTC), late.origin, due)
    first = datetime(2026, 11, 25, tzinfo=UTC).date()
    effect = SignDocument(
        document_id=DOCUMENT_ID,
        request_id=REQUEST_ID,
        holder_id=CHILD,
        applicant_id=APPLICANT,
        agency="moi-traffic",
        shows=("born_on",),
        kind="driving-licence",
        title=a_text(),
        valid_from=first,
        valid_until=first + timedelta(days=9),
    )
    assert steps(late) == [perform(effect, key=DOCUMENT_ID)]


def test_a_request_goes_on_when_its_document_is_issued() -> None:
    [issued] = document.decide(document.initial, a_signature())
    notice = DocumentWasIssued(DOCUMENT_ID, NOW)
    assert steps(recorded(issued, DOCUMENT_ID)) == [request.send(REQUEST_ID, notice)]


@pytest.mark.parametrize("end", [RequestWithdrawn, RequestExpired])
def test_nobody_decides_a_request_that_has_ended(end: type[Event]) -> None:
    event = an_event(end, applicant_id=APPLICANT, **({"offer_id": None} if end is RequestExpired else {}))
    cancel = for_each("tasks", by="request_id", equals=REQUEST_ID, decider=task, message=CancelTask(before=1))
    assert steps(recorded(event, REQUEST_ID)) == [cancel]


def test_each_of_those_who_are_asked_has_a_task_of_their_own() -> None:
    due = an_event(RequestFactsDue, step_id="name", asked_ids=[MOTHER, FATHER], about_id=CHILD, needs=["is_named"])
    opened = steps(recorded(due, REQUEST_ID))
    asked = [
        OpenTask(REQUEST_ID, id, due.service_id, due.title, None, id, CHILD, ("is_named",), since=1)
        for id in due.asked_ids
    ]
    assert [step.message for step in opened if isinstance(step, Send)] == [*asked, FactsMayBeKnown(NOW)]
    assert len({step.aggregate_id for step in opened if isinstance(step, Send)}) == 3


def test_nobody_is_asked_for_what_is_known() -> None:
    finish = for_each("tasks", by="request_id", equals=REQUEST_ID, decider=task, message=FinishTask())
    assert steps(recorded(RequestFactsKnown(step_id="name"), REQUEST_ID)) == [finish]


def test_an_officer_finds_a_review_that_is_due() -> None:
    due = an_event(RequestReviewDue, task_id=TASK_ID, document_id=DOCUMENT_ID, agency="moh", applicant_id=APPLICANT)
    opens = OpenTask(REQUEST_ID, APPLICANT, due.service_id, due.title, agency="moh", may_return=False, since=1)
    assert steps(recorded(due, REQUEST_ID)) == [task.send(TASK_ID, opens)]


@pytest.mark.parametrize(("stays", "follows"), [(True, []), (False, [document.send(DOCUMENT_ID, RevokeDocument())])])
def test_a_document_that_does_not_stay_is_revoked(stays: bool, follows: list[Step]) -> None:
    assert steps(recorded(RequestReviewed(document_id=DOCUMENT_ID, stays=stays), REQUEST_ID)) == follows


def a_birth(kind: type[EventT], **changes: Any) -> Recorded[EventT]:
    """A hospital tells of a birth."""
    parties = {"mother": MOTHER, "child": CHILD}
    told = an_event(kind, kind=LifeEventKind.BIRTH, person_id=CHILD, parties=parties, **changes)
    return recorded(told, NOTICE, sequence=4)


def test_a_birth_is_an_occasion_for_each_service_that_is_bound_to_it() -> None:
    [step] = steps(a_birth(LifeEventRecorded, source="moh"))
    assert isinstance(step, Send)
    occasion = step.message
    assert isinstance(occasion, Occasioned)
    assert step == offer.send(offer_id("a-service", "at-birth", CHILD), occasion)
    assert (occasion.notice_id, occasion.sequence, occasion.at) == (NOTICE, 4, NOW)
    assert (occasion.service_version, occasion.binding_id) == (3, "at-birth")
    assert (occasion.recipient, occasion.beneficiary) == ("mother", "child")


def test_where_a_life_event_does_not_say_for_whom_nothing_is_offered() -> None:
    told = a_birth(LifeEventRecorded)
    nobody = told.data.model_copy(update={"parties": {"mother": MOTHER}})
    assert steps(recorded(nobody, NOTICE)) == []


def test_who_takes_no_part_any_more_loses_the_occasion() -> None:
    told = a_birth(LifeEventCorrected, replaced={"mother": FATHER})
    lost = walks("offers", "beneficiary_id", equals=FATHER, decider=offer, message=OccasionLost(NOTICE, 4, NOW))
    assert [step for step in steps(told) if isinstance(step, ForEach)] == lost


def test_of_what_has_not_happened_everybody_loses_the_occasion() -> None:
    lost = OccasionLost(NOTICE, 4, NOW)
    sides = [for_each("offers", by="beneficiary_id", equals=id, decider=offer, message=lost) for id in (MOTHER, CHILD)]
    assert sorted(steps(a_birth(LifeEventAnnulled)), key=str) == sorted(sides, key=str)


@pytest.mark.parametrize(
    ("happened", "instant"),
    [
        (an_event(OfferPlanned, opens_at=LATER), LATER),
        (an_event(OfferMade, expires_at=LATER), LATER),
        (an_event(OfferAmended, expires_at=LATER), LATER),
        (an_event(OfferSnoozed, until=LATER), LATER),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_offer_is_looked_at_again_in_its_time(happened: Event, instant: datetime) -> None:
    assert steps(recorded(happened, OFFER_ID)) == [offer.send(OFFER_ID, LookAgain(instant), at=instant)]


def an_acceptance(mode: OfferMode) -> Recorded[OfferAccepted]:
    """An offer is taken."""
    values = {"recipient_id": MOTHER, "beneficiary_id": CHILD, "parties": {"mother": MOTHER, "child": CHILD}}
    named = {"service_id": "a-service", "service_version": 3, "binding_id": "at-birth"}
    return recorded(an_event(OfferAccepted, request_id=REQUEST_ID, mode=mode, **values, **named), OFFER_ID)


def test_what_is_automatic_goes_ahead_with_the_form_of_its_binding() -> None:
    [step] = steps(an_acceptance(OfferMode.AUTOMATIC))
    begun = GoAhead(
        request_id=REQUEST_ID,
        service_id="a-service",
        service_version=3,
        applicant_id=MOTHER,
        beneficiary_id=CHILD,
        parties={"mother": MOTHER, "child": CHILD},
        form=a_binding().form,
        offer_id=OFFER_ID,
        decisions=[],
        at=NOW,
    )
    assert step == request.send(REQUEST_ID, begun)


def test_what_a_person_has_accepted_does_not_begin_a_second_time() -> None:
    assert steps(an_acceptance(OfferMode.OFFER)) == []


@pytest.mark.parametrize(
    ("begun", "follows"), [(None, []), (REQUEST_ID, [request.send(REQUEST_ID, OccasionWasLost())])]
)
def test_what_was_begun_with_an_offer_ends_with_it(begun: UUID | None, follows: list[Step]) -> None:
    event = an_event(OfferWithdrawn, request_id=begun)
    assert steps(recorded(event, OFFER_ID)) == follows


def test_an_offer_hears_that_its_request_was_not_paid() -> None:
    event = RequestExpired(applicant_id=APPLICANT, fee_ids=[], offer_id=OFFER_ID)
    assert steps(recorded(event, REQUEST_ID))[-1] == offer.send(OFFER_ID, RequestHasLapsed(REQUEST_ID, NOW))


def ends_for(message: object) -> list[ForEach]:
    """What ends for whom a request was sent by, or is for."""
    return walks("requests", "applicant_id", "beneficiary_id", equals=APPLICANT, decider=request, message=message)


def is_looked_at_again() -> list[ForEach]:
    """The offers that concern somebody."""
    own = walks("offers", "wanted_id", equals=APPLICANT, decider=offer, message=LookAgain(NOW))
    others = LookAgain(NOW, for_others=True)
    return [*own, *walks("offers", "beneficiary_id", equals=APPLICANT, decider=offer, message=others)]


def test_of_an_erased_person_nothing_stays_readable_and_nothing_runs_on() -> None:
    assert steps(recorded(PersonErased(), APPLICANT)) == [erase(APPLICANT)]
    assert steps(recorded(PersonForgotten(), APPLICANT)) == ends_for(PersonWasErased()) + is_looked_at_again()


def test_when_more_is_known_of_a_person_requests_go_on_and_offers_are_looked_at() -> None:
    changed = recorded(an_event(PersonSnapshot, died_on=None), APPLICANT, sequence=CHANGED)
    known = walks("requests", "facts_of", equals=APPLICANT, decider=request, message=FactsMayBeKnown(NOW))
    assert steps(changed) == known + is_looked_at_again()


def test_for_a_person_who_was_not_known_before_nothing_can_wait() -> None:
    assert steps(recorded(an_event(PersonSnapshot, died_on=None), APPLICANT)) == []


def test_of_a_person_who_has_died_nothing_runs_on() -> None:
    dead = recorded(an_event(PersonSnapshot, died_on=NOW.date()), APPLICANT, sequence=CHANGED)
    found = steps(dead)
    assert found[-2:] == ends_for(PersonHasDied())
    assert all(walk in found for walk in is_looked_at_again())


def test_what_is_known_of_a_person_is_what_eligibility_needs() -> None:
    [row] = rows(recorded(an_event(PersonSnapshot), APPLICANT))
    assert isinstance(row, Row)
    assert row.values.keys() == {field.name for field in fields(KnownPerson)}


def test_a_person_who_is_forgotten_is_not_known_and_not_found_by_a_code() -> None:
    assert rows(recorded(PersonForgotten(), APPLICANT)) == [
        Row("forgotten_persons", {"person_id": APPLICANT}),
        Delete("persons", "person_id", APPLICANT),
        Delete("verification_codes", "holder_id", APPLICANT),
    ]


@pytest.mark.parametrize(("kind", "in_force"), [(RelationRecorded, True), (RelationEnded, False)])
def test_a_relation_is_known_whether_it_is_in_force_or_not(kind: type[Event], in_force: bool) -> None:
    told = an_event(kind, kind=RelationKind.GUARDIAN, holder_id=MOTHER, for_id=CHILD)
    [row] = rows(recorded(told, a_relation().id))
    assert isinstance(row, Row)
    assert row.values.keys() == {field.name for field in fields(KnownRelation)}
    assert (row.values["holder_id"], row.values["for_id"], row.values["in_force"]) == (MOTHER, CHILD, in_force)


def test_a_code_finds_its_document() -> None:
    [issued] = document.decide(document.initial, a_signature())
    values = {"code": a_signature().code, "document_id": DOCUMENT_ID, "holder_id": APPLICANT}
    assert rows(recorded(issued, DOCUMENT_ID)) == [Row("verification_codes", values)]


def test_a_code_that_cannot_be_read_any_more_finds_nothing() -> None:
    [issued] = document.decide(document.initial, a_signature())
    erased = issued.model_copy(update={"code": ERASED, "jws": ERASED})
    assert isinstance(erased, DocumentIssued)
    assert rows(recorded(erased, DOCUMENT_ID)) == []


def test_every_event_of_a_request_has_words_for_its_applicant() -> None:
    for event in request.events:
        words = HistoryView.of(recorded(an_event(event), REQUEST_ID)).text
        assert words.ar != words.en


def test_the_story_of_a_request_can_be_told() -> None:
    events = a_request(paid()).events
    assert all(HistoryView.of(recorded(event, REQUEST_ID)).text.en for event in events)
