"""Telling a sender what became of its messages, signed in the way of Standard Webhooks."""

import asyncio
from http import HTTPStatus

import aiohttp
import structlog
from pydantic import AwareDatetime, BaseModel
from standardwebhooks import Webhook

from simulators.background import Background
from simulators.clock import Clock
from simulators.sms.fates import ReceiptStatus, fate_of
from simulators.sms.messages import Messages
from simulators.sms.records import MessageAccepted, ReceiptMade
from simulators.sms.switches import Switches

log = structlog.stdlib.get_logger()

RETRY_AFTER_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Receipt(BaseModel):
    """What a receipt says on the wire."""

    reference: str
    status: ReceiptStatus
    at: AwareDatetime


class Receipts:
    """Sends receipts in the background, for as long as this process lives."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        messages: Messages,
        background: Background,
        clock: Clock,
        *,
        url: str,
        secret: str,
    ) -> None:
        """Take what is needed; the HTTP session and the background stay the caller's to close."""
        self._http = http
        self._messages = messages
        self._background = background
        self._clock = clock
        self._url = url
        self._webhook = Webhook(secret)

    def promise(self, message: MessageAccepted, switches: Switches) -> None:
        """Tell later what becomes of a message, as its number says."""
        if not switches.no_receipts:
            self._background.start(self._tell(message, switches))

    async def _tell(self, message: MessageAccepted, switches: Switches) -> None:
        pause_seconds = switches.receipt_delay_seconds
        for status in fate_of(message.to):
            await asyncio.sleep(pause_seconds)
            receipt = self._messages.make_receipt(message.message_id, status)
            self._background.start(self._deliver(message, receipt, copies=2 if switches.duplicate_receipts else 1))
            pause_seconds = switches.late_bounce_seconds

    async def _deliver(self, message: MessageAccepted, receipt: ReceiptMade, *, copies: int) -> None:
        for pause_seconds in (0, *RETRY_AFTER_SECONDS):
            await asyncio.sleep(pause_seconds)
            if any(await asyncio.gather(*(self._send(message, receipt) for _ in range(copies)))):
                return
        log.warning("sms_receipt_given_up", message_id=message.message_id)

    async def _send(self, message: MessageAccepted, receipt: ReceiptMade) -> bool:
        """Whether it was heard."""
        heard = await self._post(message, receipt)
        log.info("sms_receipt_sent", message_id=message.message_id, status=receipt.status, heard=heard)
        return heard

    async def _post(self, message: MessageAccepted, receipt: ReceiptMade) -> bool:
        body = Receipt(reference=message.reference, status=receipt.status, at=receipt.at).model_dump_json()
        url = f"{self._url}/{message.company}"
        headers = self._signed_headers(receipt.receipt_id, body)
        try:
            async with self._http.post(
                url, data=body.encode(), headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                return response.status < HTTPStatus.MULTIPLE_CHOICES
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("sms_receipt_failed", error=type(error).__name__)
            return False

    def _signed_headers(self, receipt_id: str, body: str) -> dict[str, str]:
        """The id stays the same for every copy of a receipt; the instant is that of this copy."""
        now = self._clock()
        return {
            "Content-Type": "application/json",
            "webhook-id": receipt_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(receipt_id, now, body),
        }
