"""Builders of deliveries in every state."""

from collections.abc import Mapping

from services.notifications.domain.delivery import Delivery, Tell, delivery
from tests.unit.builders import a_life, a_text, an_id


def a_message() -> Tell:
    """What a person is to be told."""
    return Tell(
        person_id=an_id("person"),
        purpose="fee-due",
        cause_id=an_id("cause"),
        about_id=an_id("request"),
        title=a_text("A fee is due", "رسم مستحق"),
        body=a_text("Please pay", "يرجى السداد"),
    )


def deliveries_in_every_state() -> Mapping[str, Delivery]:
    """A delivery in each status."""
    life = a_life(delivery, a_message())
    created = delivery.evolve(Delivery(), life.events[0])
    return {"absent": Delivery(), "created": created, "delivered": life.state}
