from services.notifications.domain.delivery import Channel, Status, delivery
from shared.contracts.notifications import DeliveryDelivered, DeliveryRequested
from tests.unit.builders import a_life, a_text, an_id
from tests.unit.notifications.delivery_builders import a_message


def test_a_person_is_told_once() -> None:
    life = a_life(delivery, a_message(), a_message())
    assert [type(event) for event in life.events] == [DeliveryRequested, DeliveryDelivered]
    assert life.state.status is Status.DELIVERED


def test_what_is_in_the_inbox_is_what_was_said() -> None:
    state = a_life(delivery, a_message()).state
    assert (state.person_id, state.channel) == (an_id("person"), Channel.IN_APP)
    assert state.title == a_text("A fee is due", "رسم مستحق")
