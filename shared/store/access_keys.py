"""The projection that every service has: the public keys of access tokens, from `identity.keys`."""

from collections.abc import Iterator

from shared.contracts.event import Recorded
from shared.contracts.identity import SigningKeyRetired, SigningKeySnapshot
from shared.functions import Delete, Projections, Row


def follow_access_keys(projections: Projections) -> None:
    """Adds the projection to a service's own."""

    @projections.on(SigningKeySnapshot)
    def access_keys(event: Recorded[SigningKeySnapshot]) -> Iterator[Row]:
        yield Row("access_keys", {"key_id": event.aggregate_id, "jwk": event.data.jwk})

    @projections.on(SigningKeyRetired)
    def retired_access_keys(event: Recorded[SigningKeyRetired]) -> Iterator[Delete]:
        yield Delete("access_keys", "key_id", event.aggregate_id)
