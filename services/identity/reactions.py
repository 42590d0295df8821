"""What events bring about in identity."""

from collections.abc import Iterator

from shared.contracts.event import Recorded
from shared.contracts.identity import PersonErased
from shared.functions import Reactions, Step, erase

reactions = Reactions()


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What is sealed about the person, in the log too, is unreadable from here on."""
    yield erase(event.aggregate_id)
