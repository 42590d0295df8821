"""Whatever steps a service has, side by side or in a row, and in whatever order its notices come: none is skipped, none
is doubled, and a request ends or waits for somebody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.payments.domain.payment import payment_id_for
from services.requests.domain.definition import (
    Condition,
    DocumentsStep,
    FactsStep,
    FeeItem,
    FeeStep,
    HoldStep,
    Monthly,
    ServiceDefinition,
    Step,
)
from services.requests.domain.request import Known, request
from services.requests.domain.request_messages import (
    AccountIsKnown,
    FeeWasPaid,
    MonthHasCome,
    PersonHasDied,
    PersonWasErased,
    Withdraw,
)
from services.requests.domain.request_state import FINAL, TRANSITIONS, Owner, Status
from shared.contracts.requests import (
    RequestAccountDue,
    RequestAccountKnown,
    RequestApproved,
    RequestConsentDue,
    RequestConsented,
    RequestDocumentDue,
    RequestDocumentHandedIn,
    RequestDocumentReady,
    RequestDocumentsDue,
    RequestEmitted,
    RequestFactsDue,
    RequestFactsKnown,
    RequestFeeDue,
    RequestFeePaid,
    RequestFeeRevised,
    RequestFulfilled,
    RequestHeld,
    RequestHoldLifted,
    RequestInstalmentDue,
    RequestObjectionUpheld,
    RequestPaidOut,
    RequestPayoutDue,
    RequestRejected,
    RequestReturned,
    RequestSubmitted,
    RequestTaskDue,
    TaskDecision,
)
from shared.kernel.ids import derive_id
from tests.unit.builders import NOW, Life, a_text, stored_and_read
from tests.unit.generated import QUICK
from tests.unit.requests.request_builders import (
    EVERYTHING,
    OBJECTIONABLE,
    PARTY,
    REQUEST_ID,
    a_consent_step,
    a_day_over,
    a_definition,
    a_documents_step,
    a_facts_step,
    a_fee_step,
    a_hold_step,
    a_payout_step,
    a_person,
    a_request,
    a_submission,
    a_task_step,
    account_missing,
    agreed,
    an_answer,
    an_emit_step,
    an_issue_step,
    an_objection,
    decided,
    fee_of,
    handed_in,
    issued,
    known_with,
    lapsed,
    more_is_known,
    no_word,
    objection_decided,
    paid,
    paid_out,
)

MONTHS = 3
KINDS: st.SearchStrategy[Any] = st.sampled_from(
    [
        a_fee_step,
        a_task_step,
        an_issue_step,
        a_consent_step,
        a_hold_step,
        a_documents_step,
        lambda name: a_documents_step(name, f"{name}-lease", f"{name}-plan"),
        a_payout_step,
        lambda name: a_payout_step(name).model_copy(update={"monthly": Monthly(months=MONTHS)}),
        an_emit_step,
    ]
)
OBJECTION = {"agency": "moi-traffic", "within_days": 30, "title": {"en": "An objection", "ar": "تظلم"}}
DECISIONS = st.sampled_from([TaskDecision.APPROVE, TaskDecision.APPROVE, TaskDecision.RETURN, TaskDecision.REJECT])
BEGUN = (
    RequestFactsDue,
    RequestHeld,
    RequestDocumentsDue,
    RequestFeeDue,
    RequestConsentDue,
    RequestTaskDue,
    RequestDocumentDue,
    RequestPayoutDue,
    RequestEmitted,
)
DONE = (
    RequestFactsKnown,
    RequestHoldLifted,
    RequestFeePaid,
    RequestConsented,
    RequestApproved,
    RequestDocumentReady,
    RequestPaidOut,
    RequestEmitted,
)


CONDITIONS: Mapping[str, bool] = {"age >= 60": False, "age < 60": True, "driving_licence_expires_on < now": True}
"""Whether each is so of somebody of thirty-six of whom nothing else is known: what cannot be decided is."""
FORMS: Mapping[str, bool] = {"digital": True, "kiosk": False}
"""Whether the form says so."""


def a_condition(expression: str) -> Condition:
    reads = ["driving_licence_expires_on", "now"] if "now" in expression else ["age"]
    return Condition(reads=reads, expression=expression)


@st.composite
def fees(draw: st.DrawFn, id: str) -> FeeStep:
    """A fee of an amount, of parts, or of both; of parts that are none by the form, or of which people are exempt."""
    amount = draw(st.sampled_from([0, 5_000]))
    items = [
        FeeItem(
            id=f"part-{number}",
            text=a_text("Part", "جزء"),
            amount_fils=1_000,
            where={} if form is None else {"delivery": form},
            exempt=None if exempt is None else a_condition(exempt),
        )
        for number, (form, exempt) in enumerate(draw(st.lists(st.tuples(WHERE, st.sampled_from([None, *DECIDED])))))
    ]
    return a_fee_step(id, amount).model_copy(update={"items": items})


DECIDED = [expression for expression in CONDITIONS if "now" not in expression]
WHERE = st.none() | st.sampled_from([*FORMS])


@st.composite
def graphs(draw: st.DrawFn) -> ServiceDefinition:
    """A service whose steps come one after another, or after any that are above them; some of them only for some."""
    steps: list[Step] = list(draw(st.sampled_from([[], [], [a_facts_step()]])))
    for number, make in enumerate(draw(st.lists(KINDS, min_size=1, max_size=6))):
        above, id = [step.id for step in steps], f"step-{number}"
        after = draw(st.none() | st.lists(st.sampled_from(above), unique=True)) if above else None
        said, form = draw(st.none() | st.sampled_from([*CONDITIONS])), draw(WHERE)
        step = draw(fees(id)) if make is a_fee_step else make(id)
        limits = {
            "after": after,
            "when": None if said is None else a_condition(said),
            "where": {} if form is None else {"delivery": form},
        }
        steps.append(step.model_copy(update=limits))
    return a_definition(*steps, objection=draw(st.sampled_from([None, OBJECTION])))


def paid_again(step_id: str, times: int) -> FeeWasPaid:
    """A fee is paid that has come due so many times before."""
    fee_id = derive_id("fee", REQUEST_ID, step_id, *([times] if times else []))
    return FeeWasPaid(fee_id, payment_id_for(fee_id), NOW)


class RequestMachine(RuleBasedStateMachine):
    """A request for a service with steps of any kind and order."""

    def __init__(self) -> None:
        super().__init__()
        self.definition: ServiceDefinition = a_definition()
        self.life = Life(request)
        self.is_named = self.was_named = False

    @initialize(definition=graphs(), is_named=st.booleans())
    def begin(self, definition: ServiceDefinition, is_named: bool) -> None:
        """Somebody asks for the service."""
        self.definition = definition
        self.is_named = self.was_named = is_named
        self.life = Life(request, self.known, TRANSITIONS)
        self.life.send(a_submission(definition))

    def known(self, *_: object) -> list[Known]:
        """What the request is decided with."""
        person = replace(a_person(), is_named=self.is_named)
        return [known_with(self.definition, person, beneficiary=person)]

    @rule(is_named=st.booleans())
    def something_is_told_of_the_person(self, is_named: bool) -> None:
        """That they have a name; or something else."""
        self.is_named |= is_named
        self.life.send(more_is_known())

    @precondition(lambda self: self.life.state.is_running)
    @rule(data=st.data(), decision=DECISIONS)
    def what_is_waited_for_happens(self, data: st.DataObject, decision: TaskDecision) -> None:
        """The name is known, the fee is paid, somebody decides, more is sent, the document is signed."""
        id, step = data.draw(st.sampled_from(sorted(self.life.state.open.items())))
        times = self.life.state.times[id] - 1
        if step.watches:
            self.something_is_told_of_the_person(is_named=True)
        elif self.life.state.missing.get(id):
            self.life.send(handed_in(data.draw(st.sampled_from(sorted(self.life.state.missing[id])))))
        elif step.ref in self.life.state.fees:
            self.life.send(paid_again(id, times))
        elif step.owner is Owner.APPLICANT:
            self.life.send(an_answer(delivery="digital", more="words"))
        elif step.owner is Owner.PARTNER:
            word = TaskDecision.APPROVE if decision is TaskDecision.RETURN else decision
            self.life.send(decided(word, id, times=times, by=PARTY))
        elif step.owner is Owner.AGENCY:
            self.life.send(decided(decision, id, times=times))
        elif self.definition.step(id).kind == "payout":
            self.life.send(replace(paid_out(id), payout_id=step.ref))
        else:
            self.life.send(replace(issued(id), document_id=step.ref))

    @precondition(lambda self: self.life.state.status in (Status.REJECTED, Status.OBJECTED))
    @rule(decision=DECISIONS)
    def the_applicant_objects(self, decision: TaskDecision) -> None:
        """And is answered."""
        self.life.send(an_objection(), objection_decided(decision))

    @rule(data=st.data(), decision=DECISIONS, times=st.integers(0, 2))
    def something_happens_to_any_step(self, data: st.DataObject, decision: TaskDecision, times: int) -> None:
        """Late, early, twice, or about a step of another kind."""
        id = data.draw(st.sampled_from([step.id for step in self.definition.steps]))
        agrees = TaskDecision.APPROVE if decision is TaskDecision.RETURN else decision
        is_consent = self.definition.step(id).kind == "consent"
        word = agreed(agrees, id) if is_consent else decided(decision, id, times=times)
        happens = [
            paid(id),
            paid_out(id),
            handed_in(f"{id}-lease"),
            MonthHasCome(id, 2 + times, NOW),
            a_day_over(id),
            objection_decided(),
            word,
            issued(id),
            an_answer(),
            *([lapsed(id), no_word(id, times)] if times else []),
        ]
        self.life.send(data.draw(st.sampled_from(happens)))

    @rule(message=st.sampled_from([Withdraw(), PersonWasErased(), PersonHasDied()]), seldom=st.integers(0, 4))
    def applicant_goes(self, message: object, seldom: int) -> None:
        """The applicant withdraws, or is erased."""
        if not seldom:
            self.life.send(message)

    @rule()
    def submitted_again(self) -> None:
        """The client repeats the request."""
        self.life.send(a_submission(self.definition))

    @invariant()
    def a_step_begins_after_those_before_it_and_as_soon_as_they_are_done(self) -> None:
        """And never again, unless an agency has given it back."""
        done, begun, given_back = set[str](), list[str](), set[str]()
        for event in self.life.events:
            if isinstance(event, RequestRejected):
                paid = {fee.fee_id: fee.step_id for fee in self.life.of(RequestFeePaid)}
                given_back = {paid[id] for id in event.fee_ids if id in paid}
            if isinstance(event, RequestObjectionUpheld):
                done = (done - given_back) | {event.step_id}
            if isinstance(event, BEGUN):
                step = self.definition.step(event.step_id)
                assert self.definition.all_before(step) <= self.passed(done)
                times = 1 + len(self.life.of(RequestObjectionUpheld))
                times += sum(e.step_id == step.id for e in self.life.of(RequestReturned))
                begun.append(step.id)
                assert begun.count(step.id) <= times
            if isinstance(event, DONE) or (isinstance(event, RequestDocumentHandedIn) and event.is_last):
                assert event.step_id in begun
                assert event.step_id not in done
                done.add(event.step_id)
        behind = self.passed(done)
        if self.life.state.is_running:
            ready = [
                s.id for s in self.definition.steps if self.definition.all_before(s) <= behind and s.id not in behind
            ]
            assert set(ready) == set(self.life.state.open)
        if self.life.state.status is Status.FULFILLED:
            assert behind == {step.id for step in self.definition.steps}

    def passed(self, done: set[str]) -> set[str]:
        """What is done, and what is no step once those before it are."""
        found = set(done)
        for step in self.definition.steps:
            if self.is_no_step(step) and self.definition.before(step) <= found:
                found.add(step.id)
        return found

    def is_no_step(self, step: Step) -> bool:
        """What costs nothing, what is not for them or not asked for, and what was known from the beginning."""
        is_for_them = step.when is None or CONDITIONS[step.when.expression]
        is_known = self.was_named and isinstance(step, FactsStep | HoldStep)
        costs_nothing = isinstance(step, FeeStep) and not step.amount_fils and not any(map(is_to_pay, step.items))
        return not (is_for_them and is_asked_for(step)) or costs_nothing or is_known

    @invariant()
    def a_request_ends_or_waits_for_somebody(self) -> None:
        """Never both, and it waits for whoever an open step is for."""
        state = self.life.state
        if state.status in FINAL:
            assert state.waits_for is None
            assert not state.open
        elif self.life.events:
            assert state.waits_for in {step.owner for step in state.open.values()}

    @invariant()
    def a_request_begins_once_and_is_fulfilled_once_at_most(self) -> None:
        """Whatever is repeated."""
        assert len(self.life.of(RequestSubmitted)) <= 1
        assert len(self.life.of(RequestFulfilled)) <= 1
        assert len(self.life.of(RequestFactsKnown)) <= 1

    @invariant()
    def no_document_is_left_out(self) -> None:
        """A step that asks for several is done with the last of them."""
        handed: dict[str, set[str]] = {}
        for event in self.life.of(RequestDocumentHandedIn):
            handed.setdefault(event.step_id, set()).add(event.document)
            step = self.definition.step(event.step_id)
            assert isinstance(step, DocumentsStep)
            assert event.is_last is (handed[step.id] == {document.id for document in step.documents})

    @invariant()
    def each_month_is_paid_once_at_most_and_none_before_the_first(self) -> None:
        """However often it is looked at."""
        months = [(event.step_id, event.number) for event in self.life.of(RequestInstalmentDue)]
        assert len(months) == len(set(months))
        assert {step for step, _ in months} <= {event.step_id for event in self.life.of(RequestPaidOut)}
        assert all(2 <= number <= MONTHS for _, number in months)

    @invariant()
    def the_state_can_be_kept(self) -> None:
        """As a row, sealed, and read again."""
        assert stored_and_read(self.life.state, REQUEST_ID) == self.life.state


def is_asked_for(part: Step | FeeItem) -> bool:
    """Whether the form says that there is this step, or this part of a fee."""
    return all(FORMS[str(said)] for said in part.where.values())


def is_to_pay(item: FeeItem) -> bool:
    """Whether somebody who has asked for it pays this part."""
    return is_asked_for(item) and not (item.exempt is not None and CONDITIONS[item.exempt.expression])


RequestMachine.TestCase.settings = settings(QUICK, max_examples=150, stateful_step_count=25)
TestWhateverHappensToARequestItsStepsKeepTheirOrder = RequestMachine.TestCase


def owners(life: Life) -> Iterator[tuple[str, Owner]]:
    """The open steps, and whom each waits for."""
    yield from ((id, step.owner) for id, step in life.state.open.items())


def a_life(*steps: Step, **known: Any) -> Life:
    """A submitted request for a service with these steps."""
    definition = a_definition(*steps)
    life = Life(request, [known_with(definition, **known)], TRANSITIONS)
    life.send(a_submission(definition))
    return life


def after(step: Step, *ids: str) -> Step:
    """The step, after these."""
    return step.model_copy(update={"after": list(ids)})


BRANCHES = (
    a_fee_step(),
    after(a_task_step("municipality"), "fee"),
    after(a_task_step("fire-service"), "fee"),
    after(an_issue_step(), "municipality", "fire-service"),
)


def test_branches_run_side_by_side_and_are_joined() -> None:
    life = a_life(*BRANCHES)
    life.send(paid())
    assert dict(owners(life)) == {"municipality": Owner.AGENCY, "fire-service": Owner.AGENCY}
    life.send(decided(step_id="fire-service"))
    assert dict(owners(life)) == {"municipality": Owner.AGENCY}
    assert [event.is_last for event in life.of(RequestApproved)] == [False]
    life.send(decided(step_id="municipality"))
    assert life.state.status is Status.APPROVED
    assert dict(owners(life)) == {"licence": Owner.PLATFORM}


def test_one_refusal_ends_all_branches() -> None:
    life = a_life(*BRANCHES)
    life.send(paid(), decided(TaskDecision.REJECT, "municipality"))
    assert life.state.status is Status.REJECTED
    assert life.send(decided(step_id="fire-service")) == []


def test_a_fee_that_waits_in_another_branch_is_not_asked_for_after_a_refusal() -> None:
    life = a_life(after(a_fee_step(refund_when_rejected=False)), after(a_task_step()))
    [rejected] = life.send(decided(TaskDecision.REJECT))
    assert isinstance(rejected, RequestRejected)
    assert rejected.fee_ids == [fee_of()]


def test_the_applicant_is_waited_for_before_anybody_else() -> None:
    life = a_life(after(a_fee_step()), after(a_task_step()), after(a_consent_step()))
    waits_for = [life.state.waits_for]
    for message in (paid(), agreed()):
        life.send(message)
        waits_for.append(life.state.waits_for)
    assert waits_for == [Owner.APPLICANT, Owner.PARTNER, Owner.AGENCY]


def test_a_step_that_is_not_needed_is_passed_only_when_those_before_it_are() -> None:
    life = a_life(a_task_step(), a_fee_step("exam-fee", 0), an_issue_step())
    assert dict(owners(life)) == {"review": Owner.AGENCY}
    life.send(decided())
    assert dict(owners(life)) == {"licence": Owner.PLATFORM}


def test_a_step_is_one_for_whom_its_condition_says_and_where_too_little_is_known() -> None:
    for expression, is_step in CONDITIONS.items():
        exam = a_task_step("exam").model_copy(update={"when": a_condition(expression)})
        definition = a_definition(exam, an_issue_step())
        life = Life(request, [known_with(definition)], TRANSITIONS)
        life.send(a_submission(definition))
        assert ("exam" in life.state.open) is is_step


def test_another_party_agrees_and_takes_part_from_then_on() -> None:
    life = a_life(a_consent_step(), a_task_step())
    [due] = life.of(RequestConsentDue)
    assert (due.party, due.person_id) == ("worker", None)
    life.send(agreed())
    assert life.state.parties["worker"] == agreed().decided_by
    assert dict(owners(life)) == {"review": Owner.AGENCY}


def test_a_party_who_does_not_agree_ends_the_request() -> None:
    life = a_life(a_consent_step(), a_task_step())
    life.send(agreed(TaskDecision.REJECT))
    assert life.state.status is Status.REJECTED


def test_a_party_who_never_answers_ends_the_request() -> None:
    life = a_life(a_consent_step(), a_task_step())
    life.send(no_word("consent"))
    assert life.state.status is Status.EXPIRED


def test_an_agency_may_need_to_know_more_and_has_the_request_again_with_the_answer() -> None:
    life = a_life(a_task_step(), an_issue_step())
    life.send(decided(TaskDecision.RETURN))
    assert (life.state.status, life.state.waits_for) == (Status.NEEDS_INFORMATION, Owner.APPLICANT)
    life.send(an_answer(kiosk="avenues-1"))
    assert life.state.form == {"kiosk": "avenues-1"}
    assert (life.state.status, life.state.waits_for) == (Status.IN_PROGRESS, Owner.AGENCY)
    first, second = life.of(RequestTaskDue)
    assert first.task_id != second.task_id
    assert life.send(decided()) == []  # the first task is decided already
    life.send(decided(times=1))
    assert life.state.status is Status.APPROVED


def test_whoever_does_not_answer_an_agency_in_time_loses_the_request() -> None:
    life = a_life(a_task_step())
    life.send(decided(TaskDecision.RETURN), no_word())
    assert life.state.status is Status.EXPIRED


def test_an_answer_in_time_is_not_overtaken_by_its_time_limit() -> None:
    life = a_life(a_task_step())
    life.send(decided(TaskDecision.RETURN), an_answer(), no_word())
    assert life.state.status is Status.IN_PROGRESS


def test_nobody_answers_what_was_not_asked() -> None:
    life = a_life(a_fee_step(), a_task_step())
    assert life.send(an_answer()) == []
    assert life.refusal == "request-not-returned"


def test_what_is_returned_can_be_withdrawn() -> None:
    life = a_life(a_task_step())
    life.send(decided(TaskDecision.RETURN), Withdraw())
    assert life.state.status is Status.WITHDRAWN


def test_an_objection_that_is_upheld_waits_for_the_fee_that_was_given_back() -> None:
    life = Life(request, [known_with(OBJECTIONABLE)], TRANSITIONS)
    life.send(a_submission(OBJECTIONABLE), paid(), decided(TaskDecision.REJECT), an_objection(), objection_decided())
    assert dict(owners(life)) == {"fee": Owner.APPLICANT}
    assert life.of(RequestDocumentDue) == []
    assert life.send(paid()) == []  # that the old fee was paid has been heard before
    life.send(paid_again("fee", 1))
    assert len(life.of(RequestDocumentDue)) == 1


def test_one_objects_once() -> None:
    life = Life(request, [known_with(OBJECTIONABLE)], TRANSITIONS)
    life.send(a_submission(OBJECTIONABLE), paid(), decided(TaskDecision.REJECT))
    life.send(an_objection(), objection_decided(TaskDecision.REJECT))
    assert life.send(an_objection()) == []
    assert life.refusal == "request-not-objectionable"


def test_what_is_owed_follows_the_register() -> None:
    owed = FeeItem(id="fines", text=a_text(), owed="unpaid_traffic_fines_fils")
    definition = a_definition(a_fee_step(amount_fils=0).model_copy(update={"items": [owed]}))
    fines = [30_000]

    def known(*_: object) -> list[Known]:
        person = a_person(unpaid_traffic_fines_fils=fines[0])
        return [known_with(definition, person, beneficiary=person)]

    life = Life(request, known, TRANSITIONS)
    life.send(a_submission(definition))
    for fines[0] in (80_000, 80_000):
        life.send(more_is_known())
    assert [(revised.was_fils, revised.amount_fils) for revised in life.of(RequestFeeRevised)] == [(30_000, 80_000)]
    fines[0] = 0
    life.send(more_is_known())
    assert life.state.status is Status.EXPIRED


def test_a_payout_waits_for_its_payee_until_they_have_named_an_account_and_for_the_bank_after_that() -> None:
    life = a_request(handed_in(), decided(), definition=EVERYTHING)
    missing, known = account_missing(), AccountIsKnown(account_missing().payout_id)
    waited_for = [life.state.waits_for]
    for notice, told in ((missing, [RequestAccountDue]), (missing, []), (known, [RequestAccountKnown]), (known, [])):
        assert [type(event) for event in life.send(notice)] == told
        waited_for.append(life.state.waits_for)
    assert waited_for == [Owner.PLATFORM, Owner.APPLICANT, Owner.APPLICANT, Owner.PLATFORM, Owner.PLATFORM]
    life.send(missing)
    life.send(paid_out())
    assert life.state.status is Status.FULFILLED
