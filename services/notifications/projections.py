"""Rows that notifications reads: whom one can tell, and what people find in their inbox."""

from collections.abc import Iterator

from shared.contracts.event import Recorded
from shared.contracts.identity import PersonForgotten, PersonSnapshot
from shared.contracts.notifications import DeliveryRequested
from shared.contracts.personal import Erased
from shared.functions import Delete, Projections, Row
from shared.store.access_keys import follow_access_keys

projections = Projections()
follow_access_keys(projections)


@projections.on(PersonSnapshot)
def recipients(event: Recorded[PersonSnapshot]) -> Iterator[Row]:
    """A person who can be told something."""
    is_deceased = event.data.died_on is not None
    yield Row("recipients", {"person_id": event.aggregate_id, "name": event.data.name, "is_deceased": is_deceased})


@projections.on(PersonForgotten)
def forgotten_recipients(event: Recorded[PersonForgotten]) -> Iterator[Row | Delete]:
    """An erased person stays as an id, so that nobody waits for them to become known; their messages go."""
    yield Row("recipients", {"person_id": event.aggregate_id, "name": None, "is_deceased": False})
    yield Delete("messages", "person_id", event.aggregate_id)


@projections.on(DeliveryRequested)
def messages(event: Recorded[DeliveryRequested]) -> Iterator[Row]:
    """The person's inbox."""
    told = event.data
    if isinstance(told.title, Erased) or isinstance(told.body, Erased):
        return
    values = {
        "delivery_id": event.aggregate_id,
        "person_id": told.person_id,
        "purpose": told.purpose,
        "about_id": told.about_id,
        "title": told.title,
        "body": told.body,
        "sent_at": event.time,
    }
    yield Row("messages", values)
