"""Fields that people and registries write: phone numbers and civil IDs."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from services.identity.settings import IdentitySettings
from services.identity.tokens import civil_id_hash
from shared.kernel.civil_id import InvalidCivilId, parse_civil_id
from shared.runtime.settings import key_bytes
from shared.store.shell import Shell
from shared.web.problems import Problem


def kuwaiti_phone(text: object) -> str:
    """A Kuwaiti number as E.164, from eight digits with or without the country code, western or Arabic."""
    if not isinstance(text, str):
        raise ValueError("a phone number is a text")  # noqa: TRY004 pydantic answers a ValueError
    digits = re.sub(r"[\s-]", "", text.translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")))
    match = re.fullmatch(r"(?:\+965|00965)?((?:[2569]\d|41)\d{6})", digits)
    if match is None:
        raise ValueError("a Kuwaiti phone number has eight digits")
    return f"+965{match[1]}"


Phone = Annotated[str, BeforeValidator(kuwaiti_phone)]
_ATOM = r"""[^@\s."(),:;<>\[\\\]\x00-\x1f\x7f]+"""
Email = Annotated[
    str, StringConstraints(pattern=rf"^{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})+$", max_length=254)
]  # RFC 5322 without quoted names and address literals, which no mailbox of a person has
CivilId = Annotated[str, StringConstraints(max_length=30)]
Agency = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
NoticeNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


def civil_id_in(text: str, shell: Shell, pointer: str = "/civil_id") -> str:
    """A civil ID that can be somebody's; else a Problem that says what is wrong with it."""
    try:
        return parse_civil_id(text, today=shell.parts.clock.now().date())
    except InvalidCivilId as error:
        raise Problem("civil-id-invalid", errors=[{"in": "body", "pointer": pointer, "code": error.reason}]) from None


def hash_of(civil_id: str, settings: IdentitySettings) -> str:
    """What a person with this civil ID is found by."""
    return civil_id_hash(civil_id, key_bytes(settings.lookup_key))


def must_have_happened(occurred_at: datetime, shell: Shell) -> None:
    """A registry tells of what was, not of what will be."""
    if occurred_at > shell.parts.clock.now():
        raise Problem("invalid-request", errors=[{"in": "body", "pointer": "/occurred_at", "code": "in-the-future"}])
