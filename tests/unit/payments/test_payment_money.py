"""Whatever the payer, the gateway and the clock do, and in whatever order: no money is lost, none is given twice."""

from collections import Counter
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from services.payments.domain.payment import (
    CAPTURED,
    TRANSITIONS,
    AttemptStatus,
    FeeNoLongerDue,
    GatewayAnswered,
    PageNotOpened,
    RefundConfirmed,
    RefundNotConfirmed,
    StartAttempt,
    Status,
    TimeToPayOver,
    payment,
)
from services.payments.projections import projections
from shared.contracts.payments import PaymentCaptured, PaymentCapturedUnasked, RefundDue, RefundMade
from shared.functions import Row
from tests.unit.builders import Life, an_id, recorded, stored_and_read
from tests.unit.generated import QUICK
from tests.unit.payments.payment_builders import AMOUNT_FILS, PAYMENT_ID, a_fee, a_page, an_answer

RESULTS = st.sampled_from([CAPTURED, CAPTURED, "NOT CAPTURED", "CANCELED", "DENIED BY RISK"])
AMOUNTS = st.sampled_from([AMOUNT_FILS, AMOUNT_FILS, AMOUNT_FILS, 1, 2 * AMOUNT_FILS])


class PaymentMachine(RuleBasedStateMachine):
    """A payment among a payer, a gateway, a request and a clock; `taken` is what the gateway has really taken."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(payment, transitions=TRANSITIONS)
        self.answers: dict[UUID, GatewayAnswered] = {}
        self.taken: dict[UUID, int] = {}
        self.started = 0
        self.is_wanted = True

    @initialize(is_asked_for=st.sampled_from([True, True, True, False]))
    def begin(self, is_asked_for: bool) -> None:
        """Most payments begin with their fee."""
        if is_asked_for:
            self.life.send(a_fee())

    @rule()
    def fee_is_asked_for(self) -> None:
        """Once more, perhaps."""
        self.life.send(a_fee())

    @rule(target=attempts)
    def payer_starts(self) -> UUID:
        """With an id of its own."""
        self.started += 1
        id = an_id("attempt", self.started)
        self.life.send(StartAttempt(id))
        return id

    @rule(id=attempts)
    def payer_starts_with_an_old_id(self, id: UUID) -> None:
        """Because the client repeats a request."""
        self.life.send(StartAttempt(id))

    @rule(id=attempts)
    def page_opens(self, id: UUID) -> None:
        """The gateway gives a page."""
        self.life.send(a_page(id))

    @rule(id=attempts)
    def no_page_opens(self, id: UUID) -> None:
        """The gateway gives none in time."""
        self.life.send(PageNotOpened(id))

    @rule(id=attempts, result=RESULTS, amount_fils=AMOUNTS)
    def gateway_answers(self, id: UUID, result: str, amount_fils: int) -> None:
        """The gateway's word on an attempt is always the same."""
        answer = self.answers.setdefault(id, an_answer(id, result, amount_fils))
        if id in self.life.state.attempts and answer.result == CAPTURED:
            self.taken[id] = answer.amount_fils
        self.life.send(answer)

    @rule()
    def fee_is_not_due_any_more(self) -> None:
        """The request has ended."""
        self.is_wanted = self.life.state.status is Status.UNKNOWN
        self.life.send(FeeNoLongerDue())

    @rule()
    def time_is_over(self) -> None:
        """The timer goes off."""
        self.life.send(TimeToPayOver())

    @rule(id=attempts)
    def refund_is_made(self, id: UUID) -> None:
        """The gateway gives back."""
        self.life.send(RefundConfirmed(id, "ref"))

    @rule(id=attempts)
    def refund_is_not_made(self, id: UUID) -> None:
        """The gateway does not."""
        self.life.send(RefundNotConfirmed(id))

    @rule(target=attempts)
    def somebody_elses_attempt(self) -> UUID:
        """An attempt that this payment does not know."""
        return an_id("unknown")

    @invariant()
    def all_that_was_taken_is_recorded(self) -> None:
        """Each attempt's money once, in the amount that was taken."""
        captures = self.life.of(PaymentCaptured) + self.life.of(PaymentCapturedUnasked)
        assert Counter({event.attempt_id: event.amount_fils for event in captures}) == Counter(self.taken)
        assert len(captures) == len(self.taken)

    @invariant()
    def the_fee_is_captured_once(self) -> None:
        """Never twice, and never in another amount."""
        captures = self.life.of(PaymentCaptured)
        assert len(captures) <= 1
        assert all(event.amount_fils == AMOUNT_FILS for event in captures)
        assert bool(captures) == (self.life.state.status is Status.CAPTURED)

    @invariant()
    def what_is_not_kept_is_given_back(self) -> None:
        """All that was taken but the fee itself, while it is due."""
        due = Counter(event.attempt_id for event in self.life.of(RefundDue))
        kept = {event.attempt_id for event in self.life.of(PaymentCaptured)} - due.keys()
        assert due.keys() | kept == self.taken.keys()
        assert set(due.values()) <= {1}
        assert all(event.amount_fils == self.taken[event.attempt_id] for event in self.life.of(RefundDue))
        assert not kept or (self.is_wanted and self.life.state.status is Status.CAPTURED)

    @invariant()
    def nothing_is_given_back_twice(self) -> None:
        """Nor without being due, nor in another amount."""
        due = {event.attempt_id: event for event in self.life.of(RefundDue)}
        made = self.life.of(RefundMade)
        assert len({event.attempt_id for event in made}) == len(made)
        for event in made:
            assert event.amount_fils == due[event.attempt_id].amount_fils
            assert event.refund_id == due[event.attempt_id].refund_id

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        """Transfers are booked once; what each account holds follows from the gateway's truth."""
        rows = [
            row.values
            for number, event in enumerate(self.life.events, 1)
            for project in projections.of(type(event))
            for row in project(recorded(event, PAYMENT_ID, sequence=number))
            if isinstance(row, Row)
        ]
        assert len({row["id"] for row in rows}) == len(rows)
        balances: Counter[str] = Counter()
        for row in rows:
            balances[row["debit"]] += row["amount_fils"]
            balances[row["credit"]] -= row["amount_fils"]
        made = {event.attempt_id for event in self.life.of(RefundMade)}
        due = {event.attempt_id for event in self.life.of(RefundDue)} - made
        assert sum(balances.values()) == 0
        assert balances["unasked"] == 0
        assert balances["gateway"] == sum(fils for id, fils in self.taken.items() if id not in made)
        assert -balances["refunds_due"] == sum(self.taken[id] for id in due)
        assert -balances["agency:moi-traffic"] == sum(f for id, f in self.taken.items() if id not in due | made)

    @invariant()
    def a_page_is_there_as_long_as_its_attempt_is_open(self) -> None:
        """The payer can always go on, and never to a page that has ended."""
        undecided = [attempt for attempt in self.life.state.attempts.values() if attempt.is_undecided]
        assert len(undecided) <= 1
        open_pages = [a_page(attempt.id).page_url for attempt in undecided if attempt.status is AttemptStatus.OPEN]
        assert self.life.state.page_url == (open_pages[0] if open_pages else None)

    @invariant()
    def the_state_can_be_kept(self) -> None:
        """As a row, sealed, and read again."""
        assert stored_and_read(self.life.state, PAYMENT_ID) == self.life.state


PaymentMachine.TestCase.settings = settings(QUICK, max_examples=150, stateful_step_count=25)
TestWhateverHappensToAPaymentNoMoneyIsLost = PaymentMachine.TestCase
