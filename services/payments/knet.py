"""A KNET terminal of the classic "tranportal" kit.

What comes through the browser is encrypted with a fixed vector and not authenticated: it proves nothing. So the
terminal only learns from it which attempt to ask about; amounts and results come from the server's own inquiry.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from services.payments.domain.payment import CAPTURED
from services.payments.effects import Answer
from shared.kernel.errors import TryLater
from shared.kernel.money import dinars, fils

_VECTOR = b"PGKEYENCDECIVSPC"
_CURRENCY = "414"
_ASK_AGAIN_SECONDS = 300.0
_STILL_OPEN = frozenset({"INITIATED", "UNKNOWN", "HOST TIMEOUT"})
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class GatewayRefuses(TryLater):
    """The gateway's answer is an error with a code of its own."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the gateway refuses: {code}", after_seconds=_ASK_AGAIN_SECONDS, fault=False)
        self.code = code


class Unreadable(Exception):
    """A text that this terminal's key does not open."""


class KnetTerminal:
    """One merchant terminal at the gateway; implements `Gateway`."""

    def __init__(
        self,
        *,
        url: str,
        tranportal_id: str,
        password: str,
        resource_key: str,
        unknown_transaction_code: str,
        public_url: str,
    ) -> None:
        self._url = url.rstrip("/")
        self._id = tranportal_id
        self._password = password
        self._key = resource_key.encode()
        self._unknown_transaction_code = unknown_transaction_code
        self._public_url = public_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def open_page(self, attempt_id: UUID, payment_id: UUID, amount_fils: int) -> str:
        """The hosted page of this attempt; the track id is the attempt's."""
        fields = {
            "id": self._id,
            "password": self._password,
            "action": "1",
            "langid": "AR",
            "currencycode": _CURRENCY,
            "amt": dinars(amount_fils),
            "trackid": str(attempt_id),
            "udf1": str(payment_id),
            "responseURL": f"{self._public_url}/gateway/knet/notification",
            "errorURL": f"{self._public_url}/gateway/knet/return",
        }
        sealed = self._seal(urlencode(fields, quote_via=quote))
        text = await self._post("/kpg/PaymentInit", {"tranportalId": self._id, "trandata": sealed})
        _, colon, url = text.strip().partition(":")
        if text.startswith("!ERROR!") or not colon:
            raise TryLater("the gateway gives no page")
        return url

    async def inquire(self, attempt_id: UUID, amount_fils: int) -> Answer:
        """What the gateway says of this attempt."""
        try:
            answer = await self._pipe(action="8", transid=attempt_id, trackid=attempt_id, amount_fils=amount_fils)
        except GatewayRefuses as refusal:
            if refusal.code != self._unknown_transaction_code:
                raise
            return Answer("NOT FOUND", amount_fils, "")
        result = answer.get("result", "")
        if result in _STILL_OPEN or not result:
            return Answer(None, amount_fils, "")
        taken = _amount_in(answer) if result == CAPTURED else 0
        return Answer(result, taken, answer.get("ref") or answer.get("tranid") or "")

    async def refund(self, attempt_id: UUID, refund_id: UUID, amount_fils: int) -> str:
        """Gives back; the gateway's reference."""
        answer = await self._pipe(action="2", transid=attempt_id, trackid=refund_id, amount_fils=amount_fils)
        if answer.get("result") != "CAPTURED":
            raise TryLater("the gateway has not given the amount back")
        return answer.get("ref") or answer.get("tranid") or ""

    def read_notification(self, trandata: str) -> Mapping[str, str]:
        """The fields of a callback or a browser's return: hints, not facts. Raises Unreadable."""
        try:
            return dict(parse_qsl(self._open(trandata), keep_blank_values=True, strict_parsing=True))
        except ValueError:
            raise Unreadable from None

    async def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()

    async def _pipe(self, *, action: str, transid: UUID, trackid: UUID, amount_fils: int) -> dict[str, str]:
        fields = {
            "id": self._id,
            "password": self._password,
            "action": action,
            "transid": str(transid),
            "udf5": "TrackID",
            "amt": dinars(amount_fils),
            "trackid": str(trackid),
        }
        body = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        return read_answer(await self._post("/kpg/tranPipe.htm", f"<request>{body}</request>"))

    async def _post(self, path: str, body: Mapping[str, str] | str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.post(f"{self._url}{path}", data=body) as response:
                text = await response.text()
                if response.status >= 300:
                    raise TryLater(f"the gateway answers {response.status}")
                return text
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"the gateway is away: {type(error).__name__}") from None

    def _seal(self, text: str) -> str:
        padder = PKCS7(AES128.block_size).padder()
        padded = padder.update(text.encode()) + padder.finalize()
        encryptor = self._cipher().encryptor()
        return (encryptor.update(padded) + encryptor.finalize()).hex().upper()

    def _open(self, trandata: str) -> str:
        decryptor = self._cipher().decryptor()
        padded = decryptor.update(bytes.fromhex(trandata)) + decryptor.finalize()
        unpadder = PKCS7(AES128.block_size).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()

    def _cipher(self) -> Cipher[CBC]:
        return Cipher(AES128(self._key), CBC(_VECTOR))


def _amount_in(answer: Mapping[str, str]) -> int:
    try:
        return fils(answer.get("amt", ""))
    except ValueError:
        raise TryLater("the gateway says that money was taken, and not how much") from None


def read_answer(text: str) -> dict[str, str]:
    """The fields of the gateway's XML. Raises GatewayRefuses for an error, TryLater for what is no such answer."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TryLater("the gateway's answer declares entities, which is not its way")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise TryLater("the gateway's answer cannot be read") from None
    answer = {child.tag: (child.text or "").strip() for child in root}
    if answer.get("error_code_tag"):
        raise GatewayRefuses(answer["error_code_tag"])
    return answer
