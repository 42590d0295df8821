"""The rules of a request, one behaviour after another."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from services.requests.domain.definition import Rule
from services.requests.domain.request import Known, reference_of, request
from services.requests.domain.request_messages import (
    FeeWasPaid,
    PersonHasDied,
    PersonWasErased,
    Rate,
    Withdraw,
    WordHasNotCome,
)
from services.requests.domain.request_state import Owner, Request, Status
from shared.contracts.requests import (
    RequestApproved,
    RequestDocumentDue,
    RequestDocumentReady,
    RequestExpired,
    RequestFeeDue,
    RequestFeePaid,
    RequestFulfilled,
    RequestPaymentNotNeeded,
    RequestRated,
    RequestRejected,
    RequestSubmitted,
    RequestTaskDue,
    RequestWithdrawn,
    TaskDecision,
)
from shared.kernel.errors import Refused
from tests.unit.builders import NOW, Life, a_text, an_id
from tests.unit.requests.request_builders import (
    APPLICANT,
    FEE_LAST,
    NO_APPROVAL,
    REQUEST_ID,
    RESIDENTS_ONLY,
    a_definition,
    a_fee_step,
    a_person,
    a_request,
    a_submission,
    a_task_step,
    an_issue_step,
    decided,
    fee_of,
    given_up,
    issued,
    known_with,
    lapsed,
    paid,
)

REJECTED = decided(TaskDecision.REJECT)
OF_AGE = Rule(
    id="of-age",
    reads=["age"],
    expression="age >= 18",
    reason=a_text("At least 18 years old.", "لا يقل العمر عن ١٨ عامًا."),
    passes={"age": 18},
    fails={"age": 17},
)
FINES_SETTLED = Rule(
    id="fines-settled",
    reads=["unpaid_traffic_fines_fils"],
    expression="unpaid_traffic_fines_fils == 0",
    reason=a_text("Fines are paid.", "المخالفات مسددة."),
    passes={"unpaid_traffic_fines_fils": 0},
    fails={"unpaid_traffic_fines_fils": 1},
)


def kinds(life: Life) -> list[type]:
    """The classes of the events that have happened."""
    return [type(event) for event in life.events]


def refusal(known: Known) -> Refused:
    """Why a submission is refused."""
    with pytest.raises(Refused) as refused:
        request.decide(Request(), a_submission(a_definition()), known)
    return refused.value


def test_a_request_goes_from_its_fee_to_its_officer_to_its_document() -> None:
    life = a_request(paid(), decided(), issued())
    assert kinds(life) == [
        RequestSubmitted,
        RequestFeeDue,
        RequestFeePaid,
        RequestTaskDue,
        RequestApproved,
        RequestDocumentDue,
        RequestDocumentReady,
        RequestFulfilled,
    ]
    assert life.state.status is Status.FULFILLED
    assert life.events[-1].document_id == issued().document_id


def test_a_submitted_request_waits_for_its_applicant_to_pay() -> None:
    life = a_request()
    fee = life.events[-1]
    assert life.state.waits_for is Owner.APPLICANT
    assert (fee.amount_fils, fee.payer_id, fee.agency) == (10_000, APPLICANT, "moi-traffic")
    assert fee.due_by == NOW + timedelta(days=14)


def test_a_request_is_submitted_once() -> None:
    life = a_request()
    assert life.send(a_submission(a_definition())) == []
    assert life.refusal == "request-already-submitted"


def test_a_service_that_is_not_in_the_catalogue_cannot_be_asked_for() -> None:
    assert refusal(Known(None, a_person())).code == "service-unknown"


def test_somebody_who_is_not_known_here_yet_is_asked_to_come_back() -> None:
    assert refusal(replace(known_with(a_definition()), applicant=None)).code == "applicant-not-known-yet"


def test_a_service_for_residents_is_not_for_citizens() -> None:
    refused = refusal(known_with(RESIDENTS_ONLY))
    assert (refused.code, refused.details) == ("not-eligible", {"rules": [{"id": "audience"}]})


def test_who_does_not_meet_a_condition_is_told_which_and_why() -> None:
    known = known_with(a_definition(rules=[OF_AGE, FINES_SETTLED]), a_person(unpaid_traffic_fines_fils=30_000))
    refused = refusal(known)
    assert refused.code == "not-eligible"
    assert refused.details == {"rules": [{"id": "fines-settled", "reason": FINES_SETTLED.reason.model_dump()}]}


def test_a_fact_that_is_missing_is_not_taken_for_a_no() -> None:
    refused = refusal(known_with(a_definition(rules=[OF_AGE, FINES_SETTLED])))
    assert refused.code == "eligibility-undecided"
    assert refused.details == {"rules": [{"id": "fines-settled", "waits_for": ["moi-traffic"]}]}


def test_what_was_decided_is_kept_with_the_facts_that_it_rests_on() -> None:
    definition = a_definition(rules=[OF_AGE, FINES_SETTLED])
    known = known_with(definition, a_person(unpaid_traffic_fines_fils=0))
    submitted = request.decide(Request(), a_submission(definition), known)[0]
    assert isinstance(submitted, RequestSubmitted)
    assert isinstance(submitted.decisions, list)
    kept = {decision.rule_id: (decision.passed, decision.facts) for decision in submitted.decisions}
    assert kept == {"of-age": (True, {"age": 36}), "fines-settled": (True, {"unpaid_traffic_fines_fils": 0})}


def test_a_reference_is_the_same_each_time_and_has_no_letters_that_are_mistaken() -> None:
    assert reference_of(REQUEST_ID) == reference_of(REQUEST_ID) == a_request().state.reference
    references = {reference_of(an_id(number)) for number in range(500)}
    assert len(references) == 500
    assert not set("".join(references).removeprefix("AFQ").replace("AFQ-", "")) & set("01IO")


def test_a_fee_paid_after_withdrawal_is_given_back() -> None:
    life = a_request(Withdraw())
    assert life.send(paid()) == [RequestPaymentNotNeeded(payment_id=paid().payment_id, fee_id=fee_of())]
    assert life.state.status is Status.WITHDRAWN


def test_a_payment_for_another_fee_is_given_back() -> None:
    life = a_request()
    assert [type(event) for event in life.send(paid("other"))] == [RequestPaymentNotNeeded]
    assert life.state.waits_for is Owner.APPLICANT


def test_a_payment_for_a_request_that_is_not_there_is_given_back() -> None:
    life = Life(request, [Known(None, None)])
    assert [type(event) for event in life.send(paid())] == [RequestPaymentNotNeeded]


def test_hearing_twice_of_the_payment_that_was_taken_does_not_give_it_back() -> None:
    assert a_request(paid()).send(paid()) == []


def test_another_payment_for_a_fee_that_is_paid_is_given_back() -> None:
    life = a_request(paid())
    other = FeeWasPaid(fee_of(), an_id("another payment"), NOW)
    assert life.send(other) == [RequestPaymentNotNeeded(payment_id=other.payment_id, fee_id=fee_of())]


def test_a_request_whose_fee_was_not_paid_in_time_ends() -> None:
    life = a_request()
    assert [type(event) for event in life.send(lapsed())] == [RequestExpired]
    assert given_up(*life.events) == {fee_of()}


def test_a_fee_that_is_paid_does_not_lapse() -> None:
    assert a_request(paid()).send(lapsed()) == []


def test_a_request_can_be_withdrawn_while_an_officer_has_it() -> None:
    life = a_request(paid())
    [withdrawn] = life.send(Withdraw())
    assert isinstance(withdrawn, RequestWithdrawn)
    assert withdrawn.reason == "by-applicant"
    assert given_up(withdrawn) == {fee_of()}


@pytest.mark.parametrize("then", [[], [issued()]])
def test_what_is_approved_cannot_be_withdrawn(then: list[object]) -> None:
    life = a_request(paid(), decided(), *then)
    assert life.send(Withdraw()) == []
    assert life.refusal == "request-not-withdrawable"


def test_a_request_whose_document_is_being_signed_cannot_be_withdrawn() -> None:
    life = a_request(paid(), definition=NO_APPROVAL)
    assert life.send(Withdraw()) == []
    assert life.refusal == "request-not-withdrawable"


def test_a_request_that_does_not_exist_cannot_be_withdrawn() -> None:
    life = Life(request, [Known(None, None)])
    assert life.send(Withdraw()) == []
    assert life.refusal == "request-not-withdrawable"


def test_a_rejected_applicant_gets_the_fee_back_where_the_service_says_so() -> None:
    assert given_up(*a_request(paid(), REJECTED).events) == {fee_of()}


def test_a_rejected_applicant_does_not_get_the_fee_back_where_the_service_keeps_it() -> None:
    keeps_it = a_definition(a_fee_step(refund_when_rejected=False), a_task_step())
    assert given_up(*a_request(paid(), REJECTED, definition=keeps_it).events) == set()


TWO_FEES = a_definition(a_fee_step(), a_fee_step("second"), a_task_step())


@pytest.mark.parametrize("end", [Withdraw(), lapsed("second"), PersonWasErased()])
def test_every_fee_of_a_request_that_ends_without_its_service_is_given_back(end: object) -> None:
    life = a_request(paid(), end, definition=TWO_FEES)
    assert life.state.waits_for is None
    assert given_up(*life.events) == {fee_of(), fee_of("second")}


def test_every_fee_of_a_rejected_request_is_given_back() -> None:
    life = a_request(paid(), paid("second"), REJECTED, definition=TWO_FEES)
    assert given_up(*life.events) == {fee_of(), fee_of("second")}


@pytest.mark.parametrize(("kept", "returned"), [("fee", "second"), ("second", "fee")])
def test_of_two_fees_a_rejected_applicant_gets_back_the_one_that_the_service_gives_back(
    kept: str, returned: str
) -> None:
    fees = [a_fee_step(id, refund_when_rejected=id == returned) for id in ("fee", "second")]
    life = a_request(paid(), paid("second"), REJECTED, definition=a_definition(*fees, a_task_step()))
    assert given_up(*life.events) == {fee_of(returned)}


def test_a_fee_that_was_not_asked_for_yet_is_not_given_back() -> None:
    life = a_request(Withdraw(), definition=TWO_FEES)
    assert given_up(*life.events) == {fee_of()}


def test_a_rejection_has_its_reason() -> None:
    assert a_request(paid(), REJECTED).of(RequestRejected)[0].reason == REJECTED.reason


@pytest.mark.parametrize("decision", list(TaskDecision))
def test_a_decision_on_another_task_changes_nothing(decision: TaskDecision) -> None:
    assert a_request(paid()).send(decided(decision, "other")) == []


@pytest.mark.parametrize("decision", list(TaskDecision))
def test_a_decision_that_comes_after_the_end_changes_nothing(decision: TaskDecision) -> None:
    assert a_request(paid(), Withdraw()).send(decided(decision)) == []


def test_a_decision_twice_approves_once() -> None:
    assert a_request(paid(), decided()).send(decided(), REJECTED) == []


def test_a_document_of_another_step_fulfils_nothing() -> None:
    assert a_request(paid(), decided()).send(issued("other")) == []


def test_a_fulfilled_request_names_its_document_whatever_step_was_the_last() -> None:
    definition = a_definition(an_issue_step(), a_task_step())
    life = a_request(issued(), decided(), definition=definition)
    assert life.of(RequestFulfilled)[0].document_id == issued().document_id


def test_a_fee_of_nothing_is_no_step() -> None:
    free = a_definition(a_fee_step(amount_fils=0), a_task_step(), a_fee_step("second", 0), an_issue_step())
    life = a_request(decided(), issued(), definition=free)
    assert life.of(RequestFeeDue) == []
    assert life.state.status is Status.FULFILLED


def test_a_service_that_costs_nothing_and_asks_nobody_is_fulfilled_at_once() -> None:
    life = a_request(definition=a_definition(a_fee_step(amount_fils=0)))
    assert life.state.status is Status.FULFILLED
    assert life.state.waits_for is None


def test_what_an_erased_applicant_had_running_is_withdrawn() -> None:
    life = a_request(paid())
    [withdrawn] = life.send(PersonWasErased())
    assert withdrawn.reason == "person-erased"
    assert given_up(withdrawn) == {fee_of()}


@pytest.mark.parametrize(
    ("definition", "before"),
    [
        pytest.param(a_definition(), [paid(), decided()], id="its document is never signed"),
        pytest.param(a_definition(a_task_step(), a_task_step("second")), [decided()], id="an officer still has it"),
        pytest.param(FEE_LAST, [decided()], id="nobody pays"),
    ],
)
def test_what_an_erased_applicant_had_approved_is_withdrawn_too(definition: object, before: list[object]) -> None:
    life = a_request(*before, definition=definition)  # type: ignore[arg-type]
    assert [type(event) for event in life.send(PersonWasErased())] == [RequestWithdrawn]
    assert life.state.status is Status.WITHDRAWN


def test_what_somebody_had_running_who_has_died_is_withdrawn_and_its_fees_given_back() -> None:
    for before in ([], [paid()], [paid(), decided()]):
        life = a_request(*before)
        [withdrawn] = life.send(PersonHasDied())
        assert withdrawn.reason == "person-deceased"
        assert given_up(withdrawn) == {fee_of()}
    assert a_request(paid(), decided(), issued()).send(PersonHasDied()) == []


def test_nobody_who_has_died_asks_for_anything() -> None:
    dead = replace(a_person(), died_on=NOW.date())
    assert refusal(known_with(a_definition(), dead)).code == "applicant-deceased"


def test_what_had_ended_when_the_applicant_was_erased_stays_as_it_is() -> None:
    assert a_request(paid(), decided(), issued()).send(PersonWasErased()) == []


def test_a_service_has_steps() -> None:
    with pytest.raises(ValidationError):
        a_definition(steps=[])


ENDS: Mapping[str, list[object]] = {
    "fulfilled": [paid(), decided(), issued()],
    "rejected": [paid(), decided(TaskDecision.REJECT)],
    "withdrawn": [Withdraw()],
    "expired": [lapsed()],
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_request_ends_it_can_be_rated_once(end: str) -> None:
    life = a_request(*ENDS[end])
    [rated] = life.send(Rate(5, 7, "quick"))
    assert isinstance(rated, RequestRated)
    assert (rated.satisfaction, rated.effort, rated.comment) == (5, 7, "quick")
    assert (rated.service_id, rated.service_version) == (life.state.service_id, life.state.service_version)
    assert life.send(Rate(1, None, None)) == []
    assert life.refusal == "request-already-rated"


@pytest.mark.parametrize("so_far", [[], [paid()], [paid(), decided()]])
def test_a_request_that_runs_is_not_rated(so_far: list[object]) -> None:
    life = a_request(*so_far)
    assert life.send(Rate(5, None, None)) == []
    assert life.refusal == "request-not-ended"


def test_a_rating_changes_nothing_of_what_has_come_of_the_request() -> None:
    life = a_request(*ENDS["fulfilled"])
    before = life.state
    life.send(Rate(1, 1, "slow"))
    assert replace(life.state, is_rated=False) == before


@pytest.mark.parametrize("name", ["wait_id", "task_id"])
def test_a_timer_that_older_code_has_set_is_read(name: str) -> None:
    reader = request.messages["WordHasNotCome"]
    assert reader.validate_python({name: str(REQUEST_ID)}) == WordHasNotCome(REQUEST_ID)
    assert reader.dump_python(WordHasNotCome(REQUEST_ID), mode="json") == {"wait_id": str(REQUEST_ID)}
