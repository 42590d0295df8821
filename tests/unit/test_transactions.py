"""Requests and payments together: whoever does what and whatever is late, a request ends and no money is lost."""

from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.payments.domain.payment import Status as PaymentStatus
from services.payments.effects import OpenPage
from services.requests.domain.definition import FeeStep, IssueStep, ServiceDefinition, Step
from services.requests.domain.document import Status as DocumentStatus
from services.requests.domain.document import document
from services.requests.domain.request_messages import Withdraw
from services.requests.domain.request_state import FINAL, Owner, Request, Status
from services.requests.domain.task import task
from shared.contracts.requests import TaskDecision
from shared.kernel.ids import derive_id
from tests.unit.builders import a_text
from tests.unit.generated import QUICK
from tests.unit.requests.request_builders import (
    APPLICANT,
    REQUEST_ID,
    a_decision,
    a_definition,
    a_facts_step,
    a_fee_step,
    a_task_step,
    an_issue_step,
)
from tests.unit.world import World, fees_of

KINDS = st.sampled_from(["fee", "fee", "kept fee", "task", "issue"])
MAKERS: Mapping[str, Callable[[str], Step]] = {
    "fee": a_fee_step,
    "kept fee": partial(a_fee_step, amount_fils=25_000, refund_when_rejected=False),
    "task": a_task_step,
    "issue": an_issue_step,
}
FACT = "unpaid_traffic_fines_fils"
FIRST = st.sampled_from([[], [], [a_facts_step(needs=[FACT])]])
STEPS = st.lists(KINDS, min_size=1, max_size=5).map(
    lambda kinds: [MAKERS[kind](f"step-{number}") for number, kind in enumerate(kinds)]
)
DEFINITIONS = st.builds(lambda first, steps: a_definition(*first, *steps), FIRST, STEPS)
APPROVE = a_decision()
REJECT = a_decision(TaskDecision.REJECT, reason=a_text("Because", "لأن"))
ANY = st.integers(0, 20)
SELDOM = st.sampled_from([False] * 5 + [True])


class TransactionMachine(RuleBasedStateMachine):
    """An applicant, officers, a bank and a clock, each at their own pace."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(a_definition())
        self.attempts = 0
        self.is_gone = self.is_stated = False

    @initialize(definition=DEFINITIONS)
    def begin(self, definition: ServiceDefinition) -> None:
        """Somebody asks for a service."""
        self.world = World(definition)

    @precondition(lambda self: self.world.waiting_lanes())
    @rule(which=ANY)
    def an_event_is_heard(self, which: int) -> None:
        """Of some aggregate, in some service."""
        lanes = self.world.waiting_lanes()
        self.world.deliver(lanes[which % len(lanes)])

    @precondition(lambda self: self.world.waiting_lanes())
    @rule()
    def everything_is_heard(self) -> None:
        """Until nothing is left to hear."""
        hear_everything(self.world)

    @precondition(lambda self: self.world.request.status not in FINAL)
    @rule()
    def all_goes_well_for_a_step(self) -> None:
        """Whoever the request waits for does what it waits for, and everybody hears of it."""
        self.everything_is_heard()
        request = self.world.request
        if request.facts_of is not None:
            self.something_is_told_of_the_applicant(facts={FACT: 0})
        elif request.waits_for is Owner.APPLICANT:
            self.attempts += 1
            self.world.start_attempt(open_step(request), self.attempts)
        elif request.waits_for is Owner.AGENCY and self.world.open_tasks():
            self.world.decide(self.world.open_tasks()[0], APPROVE)
        for _ in range(2):
            self.everything_is_heard()
            for page in self.world.bank.payments:
                self.world.bank.pay(page, self.fee_fils(page))
            for due in list(self.world.effects):
                self.world.perform(due)
        self.everything_is_heard()

    @precondition(lambda self: self.world.effects)
    @rule(which=ANY, is_recorded=st.sampled_from([True, True, True, False]))
    def an_effect_is_done(self, which: int, is_recorded: bool) -> None:
        """Some effect; now and then its process dies before it has said so."""
        self.world.perform(self.world.effects[which % len(self.world.effects)], is_recorded=is_recorded)

    @precondition(lambda self: self.world.effects)
    @rule(which=ANY, seldom=SELDOM)
    def an_effect_is_given_up(self, which: int, seldom: bool) -> None:
        """What has no end of its own is tried for ever."""
        due = self.world.effects[which % len(self.world.effects)]
        if seldom:
            self.world.exhaust(due)

    @precondition(lambda self: self.world.timers)
    @rule(which=ANY, seldom=SELDOM)
    def a_timer_goes_off(self, which: int, seldom: bool) -> None:
        """The time to pay is over."""
        if seldom:
            self.world.fire(self.world.timers[which % len(self.world.timers)])

    @precondition(lambda self: bool(fees_of(self.world.definition)))
    @rule(which=ANY)
    def the_payer_goes_to_pay(self, which: int) -> None:
        """Some fee of the service."""
        fees = fees_of(self.world.definition)
        self.attempts += 1
        self.world.start_attempt(fees[which % len(fees)].id, self.attempts)

    @precondition(lambda self: self.world.bank.payments)
    @rule(which=ANY, amount_fils=st.sampled_from([0, 0, 0, 0, 1]))
    def the_payer_pays(self, which: int, amount_fils: int) -> None:
        """At a page of the bank, however long ago it was opened; seldom the bank takes another amount."""
        pages = sorted(self.world.bank.payments)
        page = pages[which % len(pages)]
        self.world.bank.pay(page, amount_fils or self.fee_fils(page))

    @precondition(lambda self: self.world.bank.payments)
    @rule(which=ANY)
    def the_payer_leaves(self, which: int) -> None:
        """Without paying."""
        pages = sorted(self.world.bank.payments)
        self.world.bank.leave(pages[which % len(pages)])

    @precondition(lambda self: self.world.open_tasks())
    @rule(decision=st.sampled_from([APPROVE, APPROVE, REJECT]))
    def an_officer_decides(self, decision: object) -> None:
        """What is on the desk."""
        self.world.decide(self.world.open_tasks()[0], decision)

    @precondition(lambda self: not self.is_gone)
    @rule(facts=st.sampled_from([{}, {FACT: 0}]))
    def something_is_told_of_the_applicant(self, facts: Mapping[str, int]) -> None:
        """A registry states what was missing, or something else changes."""
        self.is_stated |= FACT in facts
        self.world.state_facts(**({FACT: 0} if self.is_stated else {}))

    @rule(seldom=SELDOM)
    def the_applicant_withdraws(self, seldom: bool) -> None:
        """Whether it is possible or not."""
        if seldom:
            self.world.ask(Withdraw())

    @rule(seldom=SELDOM)
    def the_applicant_is_erased(self, seldom: bool) -> None:
        """On request."""
        if seldom and not self.is_gone:
            self.is_gone = True
            self.world.erase_applicant()

    @rule(seldom=SELDOM)
    def the_applicant_dies(self, seldom: bool) -> None:
        """And a registry tells of it."""
        if seldom and not self.is_gone:
            self.is_gone = True
            self.world.bury_applicant()

    def fee_fils(self, attempt_id: UUID) -> int:
        """What is to be paid at a page."""
        payments = [self.world.payment(step.id) for step in fees_of(self.world.definition)]
        return next(payment.amount_fils for payment in payments if attempt_id in payment.attempts)

    @invariant()
    def the_bank_gives_back_no_more_than_it_took(self) -> None:
        """At any moment, for each payment."""
        for step in fees_of(self.world.definition):
            assert self.world.kept_fils(step.id) >= 0

    def teardown(self) -> None:
        """In the end, and once more after every time to pay is over."""
        self.world.settle()
        self._check_that_somebody_is_waited_for()
        self._check_the_money()
        while self.world.timers:
            self.world.fire(self.world.timers[0])
            self.world.settle()
        self._check_that_somebody_is_waited_for()
        self._check_the_money()
        request = self.world.request
        assert request.waits_for is not Owner.APPLICANT or request.facts_of is not None

    def _check_that_somebody_is_waited_for(self) -> None:
        request = self.world.request
        tasks = self.world.open_tasks()
        if request.status in FINAL:
            assert request.waits_for is None
            assert not tasks, "an officer has a task of a request that has ended"
        elif request.facts_of is not None:
            assert not self.is_stated, "what is known is still waited for"
            assert len(tasks) == 1, "nobody is asked"
            assert self.world.life(task, tasks[0]).state.person_id == APPLICANT
        elif request.waits_for is Owner.APPLICANT:
            assert self.world.payment(open_step(request)).status is PaymentStatus.REQUESTED
        elif request.waits_for is Owner.AGENCY:
            assert tasks == [request.task_ids[-1]], "no officer has what the request waits for"
        else:
            raise AssertionError(f"{request.status}, and nobody is at work on it")
        if request.status is Status.FULFILLED:
            for step in (step for step in self.world.definition.steps if isinstance(step, IssueStep)):
                issued = self.world.life(document, derive_id("document", REQUEST_ID, step.id)).state
                assert issued.status is DocumentStatus.ISSUED

    def _check_the_money(self) -> None:
        for step in fees_of(self.world.definition):
            assert self.world.kept_fils(step.id) == self._owed_fils(step), f"{step.id}: {self.world.payment(step.id)}"

    def _owed_fils(self, fee: FeeStep) -> int:
        """What the applicant owes for a step in the end."""
        request = self.world.request
        is_done = fee.id in request.done
        match request.status:
            case Status.FULFILLED:
                return fee.amount_fils
            case Status.REJECTED:
                return fee.amount_fils if is_done and not fee.refund_when_rejected else 0
            case Status.WITHDRAWN | Status.EXPIRED:
                return 0
            case _:
                return fee.amount_fils if is_done else 0


TransactionMachine.TestCase.settings = settings(QUICK, max_examples=300, stateful_step_count=40)
TestWhateverHappensToATransactionItEndsAndTheMoneyIsRight = TransactionMachine.TestCase


def test_money_paid_at_a_page_that_was_never_shown_is_found() -> None:
    world = World(a_definition(a_fee_step()))
    hear_everything(world)
    world.start_attempt("fee", 1)
    hear_everything(world)
    [page] = [due for due in world.effects if isinstance(due.effect, OpenPage)]
    world.perform(page, is_recorded=False)
    world.exhaust(page)
    [attempt_id] = world.bank.payments
    world.bank.pay(attempt_id, 10_000)
    world.settle()
    assert world.request.status is Status.FULFILLED
    assert world.kept_fils("fee") == 10_000


def hear_everything(world: World) -> None:
    """Until nothing is left to hear."""
    while lanes := world.waiting_lanes():
        world.deliver(lanes[0])


def open_step(state: Request) -> str:
    """The step that the request is at."""
    return next(iter(state.open))
