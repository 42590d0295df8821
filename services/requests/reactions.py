"""What events bring about in requests."""

from collections.abc import Iterator
from datetime import timedelta

from services.requests.domain.request import (
    ApplicantHasDied,
    ApplicantWasErased,
    DocumentWasIssued,
    FeeHasLapsed,
    FeeWasPaid,
    TaskWasDecided,
    request,
)
from services.requests.domain.task import CancelTask, OpenTask, task
from services.requests.effects import SignDocument
from shared.contracts.event import Recorded
from shared.contracts.identity import PersonErased, PersonForgotten, PersonSnapshot
from shared.contracts.payments import PaymentCaptured, PaymentExpired
from shared.contracts.personal import Erased
from shared.contracts.requests import (
    DocumentIssued,
    RequestDocumentDue,
    RequestExpired,
    RequestTaskDue,
    RequestWithdrawn,
    TaskDecided,
)
from shared.functions import Reactions, Step, erase, for_each, perform
from shared.kernel.clock import KUWAIT

reactions = Reactions()


@reactions.on(PaymentCaptured)
def go_on_when_paid(event: Recorded[PaymentCaptured]) -> Iterator[Step]:
    """The fee's request goes on."""
    paid = event.data
    yield request.send(paid.for_id, FeeWasPaid(paid.fee_id, event.aggregate_id, paid.captured_at))


@reactions.on(PaymentExpired)
def expire_when_not_paid(event: Recorded[PaymentExpired]) -> Iterator[Step]:
    """A request whose fee was not paid in time ends."""
    yield request.send(event.data.for_id, FeeHasLapsed(event.data.fee_id))


@reactions.on(RequestTaskDue)
def open_the_task(event: Recorded[RequestTaskDue]) -> Iterator[Step]:
    """An officer finds it in the queue of the agency."""
    due = event.data
    yield task.send(due.task_id, OpenTask(event.aggregate_id, due.applicant_id, due.agency, due.service_id, due.title))


@reactions.on(TaskDecided)
def go_on_when_decided(event: Recorded[TaskDecided]) -> Iterator[Step]:
    """The request hears of the decision."""
    decided = event.data
    reason = None if isinstance(decided.reason, Erased) else decided.reason
    notice = TaskWasDecided(event.aggregate_id, decided.decision, reason, event.time)
    yield request.send(decided.request_id, notice)


@reactions.on(RequestDocumentDue)
def sign_the_document(event: Recorded[RequestDocumentDue]) -> Iterator[Step]:
    """The document is signed by a worker."""
    due = event.data
    valid_from = event.time.astimezone(KUWAIT).date()
    effect = SignDocument(
        document_id=due.document_id,
        request_id=event.aggregate_id,
        holder_id=due.applicant_id,
        kind=due.kind,
        title=due.title,
        valid_from=valid_from,
        valid_until=valid_from + timedelta(days=due.valid_days - 1),
    )
    yield perform(effect, key=due.document_id)


@reactions.on(DocumentIssued)
def go_on_when_issued(event: Recorded[DocumentIssued]) -> Iterator[Step]:
    """The request has its document."""
    yield request.send(event.data.request_id, DocumentWasIssued(event.aggregate_id, event.time))


@reactions.on(RequestWithdrawn, RequestExpired)
def cancel_the_tasks(event: Recorded[RequestWithdrawn | RequestExpired]) -> Iterator[Step]:
    """Nobody decides a request that has ended."""
    yield for_each("tasks", by="request_id", equals=event.aggregate_id, decider=task, message=CancelTask())


@reactions.on(PersonSnapshot)
def end_what_the_dead_had_running(event: Recorded[PersonSnapshot]) -> Iterator[Step]:
    """In the transaction that marks the person's row, which a submission locks: so a death and a submission in the
    same instant see each other, and the walk finds what was submitted before.
    """
    if event.data.died_on is not None:
        yield for_each(
            "requests", by="applicant_id", equals=event.aggregate_id, decider=request, message=ApplicantHasDied()
        )


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What is sealed about the person is unreadable from here on."""
    yield erase(event.aggregate_id)


@reactions.on(PersonForgotten)
def end_what_the_erased_had_running(event: Recorded[PersonForgotten]) -> Iterator[Step]:
    """In the transaction that takes the person's row away, which a submission locks."""
    yield for_each(
        "requests", by="applicant_id", equals=event.aggregate_id, decider=request, message=ApplicantWasErased()
    )
