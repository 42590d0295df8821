"""What every Decider promises, whichever aggregate it is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.identity.domain import life_event as life_events
from services.identity.domain import person as persons
from services.identity.domain import signing_key as signing_keys
from services.notifications.domain import delivery as deliveries
from services.payments.domain import payment as payments
from services.requests.domain import document as documents
from services.requests.domain import request as requests
from services.requests.domain import task as tasks
from shared.contracts.event import event_class
from shared.kernel.errors import Refused
from tests.unit.builders import (
    AnyDecider,
    Life,
    is_command,
    messages_of,
    stored_and_read,
    without_personal_data,
)
from tests.unit.generated import QUICK, Strategy, generated
from tests.unit.identity.person_builders import (
    a_death,
    keys_in_every_state,
    life_events_in_every_state,
    persons_in_every_state,
)
from tests.unit.notifications.delivery_builders import deliveries_in_every_state
from tests.unit.payments.payment_builders import AMOUNT_FILS, FIRST, SECOND, payments_in_every_state
from tests.unit.requests.request_builders import (
    APPLICANT,
    DEFINITIONS,
    REQUEST_ID,
    documents_in_every_state,
    fee_of,
    issued,
    known_with,
    paid,
    requests_in_every_state,
    tasks_in_every_state,
)
from tests.unit.requests.request_builders import decided as task_decided


@dataclass(frozen=True)
class Subject:
    """A Decider, aggregates of it in every state, and what its messages are made of."""

    decider: AnyDecider
    module: Any
    states: Callable[[], Mapping[str, Any]]
    pools: Mapping[Any, Strategy]
    given: Callable[[Any], Strategy] = lambda _: st.just([])

    @property
    def name(self) -> str:
        """The name of the aggregate."""
        return self.decider.name

    @property
    def transitions(self) -> Mapping[Any, frozenset[Any]] | None:
        """The table of its statuses, if it has one."""
        return getattr(self.module, "TRANSITIONS", None)

    def messages(self, *kinds: type) -> Strategy:
        """Messages of these kinds, of which many are about things that the aggregate knows."""
        return st.one_of(*(generated(kind, self.pools) for kind in kinds))


def what_is_known(state: requests.Request) -> Strategy:
    """The definition that a request runs by, or any that one may be submitted for."""
    possible = [DEFINITIONS[state.service_id]] if state.service_id else list(DEFINITIONS.values())
    return st.sampled_from(possible).map(lambda definition: [known_with(definition)])


def namesakes(_: persons.Person) -> Strategy:
    """Somebody else with the same civil ID, or nobody."""
    return st.lists(st.none() | generated(persons.KnownPerson), min_size=1, max_size=1)


_REQUEST_POOLS = {
    "request_id": st.just(REQUEST_ID),
    "applicant_id": st.just(APPLICANT),
    "fee_id": st.sampled_from([fee_of(), fee_of("other")]),
    "task_id": st.sampled_from([task_decided().task_id, task_decided(step_id="other").task_id]),
    "document_id": st.sampled_from([issued().document_id, issued("other").document_id]),
    "payment_id": st.just(paid().payment_id),
}
_PAYMENT_POOLS = {
    "attempt_id": st.sampled_from([FIRST, SECOND]),
    "amount_fils": st.sampled_from([AMOUNT_FILS, 1]),
    "result": st.sampled_from([payments.CAPTURED, "NOT CAPTURED"]),
}
_LIFE_EVENT_POOLS = {
    "person_id": st.just(a_death().person_id),
    "occurred_at": st.sampled_from([a_death().occurred_at, a_death().noticed_at - timedelta(days=1)]),
}
SUBJECTS = (
    Subject(payments.payment, payments, payments_in_every_state, _PAYMENT_POOLS),
    Subject(requests.request, requests, requests_in_every_state, _REQUEST_POOLS, what_is_known),
    Subject(tasks.task, tasks, tasks_in_every_state, {}),
    Subject(documents.document, documents, documents_in_every_state, {}),
    Subject(persons.person, persons, persons_in_every_state, {}, namesakes),
    Subject(life_events.life_event, life_events, life_events_in_every_state, _LIFE_EVENT_POOLS),
    Subject(signing_keys.signing_key, signing_keys, keys_in_every_state, {}),
    Subject(deliveries.delivery, deliveries, deliveries_in_every_state, {}),
)
each_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)


def with_every_state(*, commands: bool) -> list[Any]:
    """Every command, or every notice, with every state of its aggregate, the absent one included."""
    return [
        pytest.param(subject, state, kind, id=f"{subject.name}-{kind.__name__}-{name.replace(' ', '-')}")
        for subject in SUBJECTS
        for name, state in subject.states().items()
        for kind in messages_of(subject.decider)
        if is_command(kind) is commands
    ]


@each_subject
def test_the_states_that_are_tried_are_all_there_are(subject: Subject) -> None:
    statuses = getattr(subject.module, "Status", None)
    if statuses is not None:
        assert {state.status for state in subject.states().values()} == set(statuses)
    assert subject.states()["absent"] == subject.decider.initial


@each_subject
def test_a_table_of_transitions_has_every_status(subject: Subject) -> None:
    if subject.transitions is not None:
        assert set(subject.transitions) == set(subject.module.Status)


@each_subject
def test_events_are_of_the_decider_and_known_to_readers(subject: Subject) -> None:
    for event in subject.decider.events:
        assert event_class(event.type, event.version) is event


@pytest.mark.parametrize(("subject", "state", "kind"), with_every_state(commands=False))
@settings(QUICK, max_examples=12)
@given(data=st.data())
def test_a_notice_is_always_dealt_with(subject: Subject, state: Any, kind: type, data: st.DataObject) -> None:
    notice, known = data.draw(subject.messages(kind)), data.draw(subject.given(state))
    for kept in (state, without_personal_data(state)):
        happened = subject.decider.decide(kept, notice, *known)
        assert isinstance(happened, list)
        for event in happened:
            kept = subject.decider.evolve(kept, event)  # noqa: PLW2901 that is what folding is


@pytest.mark.parametrize(("subject", "state", "kind"), with_every_state(commands=True))
@settings(QUICK, max_examples=12)
@given(data=st.data())
def test_a_command_is_done_or_refused_and_nothing_else(
    subject: Subject, state: Any, kind: type, data: st.DataObject
) -> None:
    command, known = data.draw(subject.messages(kind)), data.draw(subject.given(state))
    for kept in (state, without_personal_data(state)):
        try:
            happened = subject.decider.decide(kept, command, *known)
        except Refused:
            continue
        for event in happened:
            kept = subject.decider.evolve(kept, event)  # noqa: PLW2901 that is what folding is


@each_subject
@settings(QUICK, max_examples=150)
@given(data=st.data())
def test_any_sequence_of_messages_leads_to_the_state_that_its_events_fold_to(
    subject: Subject, data: st.DataObject
) -> None:
    life = Life(subject.decider, data.draw(subject.given(subject.decider.initial)), subject.transitions)
    kinds = messages_of(subject.decider)
    for message in data.draw(st.lists(subject.messages(kinds[0], *kinds), max_size=12)):
        life.send(message)
    assert stored_and_read(life.state, REQUEST_ID) == life.state


@each_subject
@settings(QUICK, max_examples=60)
@given(data=st.data())
def test_the_same_question_gets_the_same_answer(subject: Subject, data: st.DataObject) -> None:
    state = data.draw(st.sampled_from(list(subject.states().values())))
    message, known = data.draw(subject.messages(*messages_of(subject.decider))), data.draw(subject.given(state))
    answers = []
    for _ in range(2):
        try:
            answers.append(list(subject.decider.decide(state, message, *known)))
        except Refused as refused:
            answers.append([refused.code, refused.details])
    assert answers[0] == answers[1]
