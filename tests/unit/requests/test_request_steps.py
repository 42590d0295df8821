"""Whatever steps a service has, and in whatever order its notices come: none is skipped, none is doubled."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.requests.domain.definition import FactsStep, FeeStep, ServiceDefinition, Step
from services.requests.domain.request import Known, PersonHasDied, PersonWasErased, Withdraw, request
from services.requests.domain.request_state import FINAL, TRANSITIONS, Owner, Status
from shared.contracts.requests import (
    RequestDocumentDue,
    RequestFactsDue,
    RequestFactsKnown,
    RequestFeeDue,
    RequestFulfilled,
    RequestSubmitted,
    RequestTaskDue,
    TaskDecision,
)
from tests.unit.builders import Life, stored_and_read
from tests.unit.generated import QUICK
from tests.unit.requests.request_builders import (
    REQUEST_ID,
    a_definition,
    a_facts_step,
    a_fee_step,
    a_person,
    a_submission,
    a_task_step,
    an_issue_step,
    decided,
    issued,
    known_with,
    lapsed,
    more_is_known,
    paid,
)

KINDS = st.sampled_from([a_fee_step, a_task_step, an_issue_step, partial(a_fee_step, amount_fils=0)])
DECISIONS = st.sampled_from([TaskDecision.APPROVE, TaskDecision.APPROVE, TaskDecision.REJECT])
OWNERS: Mapping[Any, Owner] = {
    RequestFactsDue: Owner.APPLICANT,
    RequestFeeDue: Owner.APPLICANT,
    RequestTaskDue: Owner.AGENCY,
    RequestDocumentDue: Owner.PLATFORM,
}
STEP_EVENTS = tuple(OWNERS)


def numbered(makers: list[Any]) -> list[Step]:
    """Steps of these kinds, each with a name of its own."""
    return [make(f"step-{number}") for number, make in enumerate(makers)]


STEPS = st.lists(KINDS, min_size=1, max_size=6).map(numbered)
FIRST = st.sampled_from([[], [], [a_facts_step()]])
DEFINITIONS = st.builds(lambda first, steps: a_definition(*first, *steps), FIRST, STEPS)


class RequestMachine(RuleBasedStateMachine):
    """A request for a service with steps of any kind and order."""

    def __init__(self) -> None:
        super().__init__()
        self.definition: ServiceDefinition = a_definition()
        self.life = Life(request)
        self.is_named = self.was_named = False

    @initialize(definition=DEFINITIONS, is_named=st.booleans())
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
    @rule(decision=DECISIONS)
    def what_is_waited_for_happens(self, decision: TaskDecision) -> None:
        """The name is known, the fee is paid, the officer decides, the document is signed."""
        if self.life.state.facts_of:
            self.something_is_told_of_the_person(is_named=True)
            return
        step = self.life.state.step_id
        happens = {Owner.APPLICANT: paid(step), Owner.AGENCY: decided(decision, step), Owner.PLATFORM: issued(step)}
        self.life.send(happens[self.life.state.waits_for])

    @rule(data=st.data(), decision=DECISIONS)
    def something_happens_to_any_step(self, data: st.DataObject, decision: TaskDecision) -> None:
        """Late, early, twice, or about a step of another kind."""
        id = data.draw(st.sampled_from([step.id for step in self.definition.steps]))
        happens = [paid(id), lapsed(id), decided(decision, id), issued(id)]
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
    def steps_come_in_their_order_and_once(self) -> None:
        """What was begun is what the definition begins with, but for what costs nothing."""
        wanted = [step.id for step in self.definition.steps if not self.is_no_step(step)]
        begun = [event.step_id for event in self.life.events if isinstance(event, STEP_EVENTS)]
        assert begun == wanted[: len(begun)]
        if self.life.state.status is Status.FULFILLED:
            assert begun == wanted

    def is_no_step(self, step: Step) -> bool:
        """What costs nothing, and what was known from the beginning."""
        return (isinstance(step, FeeStep) and not step.amount_fils) or (self.was_named and isinstance(step, FactsStep))

    @invariant()
    def a_request_ends_or_waits_for_somebody(self) -> None:
        """Never both, and it waits for whoever the step is for."""
        state = self.life.state
        if state.status in FINAL:
            assert state.waits_for is None
        elif self.life.events:
            last = next(event for event in reversed(self.life.events) if isinstance(event, STEP_EVENTS))
            assert state.waits_for is OWNERS[type(last)]
            assert state.step_id == last.step_id

    @invariant()
    def a_request_begins_once_and_is_fulfilled_once_at_most(self) -> None:
        """Whatever is repeated."""
        assert len(self.life.of(RequestSubmitted)) <= 1
        assert len(self.life.of(RequestFulfilled)) <= 1
        assert len(self.life.of(RequestFactsKnown)) <= 1

    @invariant()
    def the_state_can_be_kept(self) -> None:
        """As a row, sealed, and read again."""
        assert stored_and_read(self.life.state, REQUEST_ID) == self.life.state


RequestMachine.TestCase.settings = settings(QUICK, max_examples=120, stateful_step_count=20)
TestWhateverHappensToARequestItsStepsKeepTheirOrder = RequestMachine.TestCase
