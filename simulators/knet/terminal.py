"""A merchant's terminal: who may speak to the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from simulators.bodies import parse_fields
from simulators.knet.fields import required
from simulators.knet.refusals import RefusalCode, RefusalError
from simulators.knet.trandata import seal, unseal


@dataclass(frozen=True)
class Terminal:
    """The id, password and key that a bank hands to a merchant."""

    tranportal_id: str
    password: str = field(repr=False)
    resource_key: bytes = field(repr=False)

    def check_id(self, tranportal_id: str) -> None:
        """Refuse another terminal's id."""
        if not _same(tranportal_id, self.tranportal_id):
            raise _refusal()

    def check(self, fields: Mapping[str, str]) -> None:
        """Refuse fields whose `id` and `password` are not this terminal's; which of the two is not told."""
        same_id = _same(required(fields, "id"), self.tranportal_id)
        same_password = _same(required(fields, "password"), self.password)
        if not (same_id and same_password):
            raise _refusal()

    def open(self, trandata: str) -> dict[str, str]:
        """Fields of a sealed message, or a refusal."""
        try:
            return parse_fields(unseal(trandata, self.resource_key))
        except ValueError as error:
            raise RefusalError(RefusalCode.UNREADABLE, "trandata cannot be read with this terminal's key") from error

    def seal(self, query: str) -> str:
        """Seal a query string for this terminal's merchant."""
        return seal(query, self.resource_key)


def _same(given: str, kept: str) -> bool:
    return compare_digest(given.encode(), kept.encode())


def _refusal() -> RefusalError:
    return RefusalError(RefusalCode.TERMINAL_REFUSED, "the terminal's id or password is wrong")
