"""Identifiers: version 7 where something new enters, version 5 of the business key where it follows from something."""

from uuid import UUID, uuid5

import uuid_utils.compat as uuid_utils

AFAQ_NAMESPACE = UUID("6c1c3b0e-5d1e-5b7a-9a55-af4a9a000001")


def new_id() -> UUID:
    """A version 7 id: unique, and in the order of its making within a process."""
    return uuid_utils.uuid7()


def derive_id(*business_key: object) -> UUID:
    """The one id of a business key, so that doing a thing twice names the same thing.

    Guarantees: equal keys give equal ids, everywhere and for ever. `derive_id("fee", request_id, "fee")`.
    """
    return uuid5(AFAQ_NAMESPACE, "\x1f".join(str(part) for part in business_key))
