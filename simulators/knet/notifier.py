"""Telling a merchant's server how an attempt ended, and learning where it wants its customer sent."""

import asyncio
import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

import aiohttp
import structlog

from simulators.background import Background
from simulators.knet.attempt import Attempt
from simulators.knet.gateway import Gateway
from simulators.knet.money import format_amount
from simulators.knet.switches import Switches
from simulators.knet.terminal import Terminal

log = structlog.stdlib.get_logger()

RETRY_AFTER_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
WRONG_AMOUNT_EXTRA_FILS = 1000
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_ANSWER_LIMIT_BYTES = 4096
_REDIRECT = re.compile(r"\s*REDIRECT=(https?://[!-~]+)\s*")


@dataclass(frozen=True)
class CallbackAnswer:
    """What the merchant made of a callback."""

    delivered: bool
    redirect_url: str | None = None


class Notifier:
    """Sends callbacks; those that fail are tried again in the background, for as long as this process lives.

    What is then still being tried is given up; the merchant has inquiry for that.
    """

    def __init__(
        self, session: aiohttp.ClientSession, gateway: Gateway, terminal: Terminal, background: Background
    ) -> None:
        """Take what is needed; the session and the background stay the caller's to close."""
        self._session = session
        self._gateway = gateway
        self._terminal = terminal
        self._background = background

    async def tell(self, attempt: Attempt, switches: Switches) -> None:
        """Tell the merchant, who may not hear it. What it answered is in the attempt's callbacks afterwards."""
        await asyncio.sleep(switches.callback_delay_seconds)
        trandata = self._terminal.seal(callback_query(attempt, wrong_amount=switches.wrong_amount))
        copies = 2 if switches.duplicate_callback else 1
        answers = await asyncio.gather(*(self._send(attempt, trandata) for _ in range(copies)))
        if not any(answer.delivered for answer in answers):
            self._background.start(self._retry(attempt, trandata))

    async def _retry(self, attempt: Attempt, trandata: str) -> None:
        for pause_seconds in RETRY_AFTER_SECONDS:
            await asyncio.sleep(pause_seconds)
            if (await self._send(attempt, trandata)).delivered:
                return
        log.warning("knet_callback_given_up", payment_id=attempt.payment_id, track_id=attempt.track_id)

    async def _send(self, attempt: Attempt, trandata: str) -> CallbackAnswer:
        answer = await self._post(attempt.initiated.response_url, trandata)
        self._gateway.note_callback(attempt.payment_id, delivered=answer.delivered, redirect_url=answer.redirect_url)
        log.info("knet_callback_sent", payment_id=attempt.payment_id, delivered=answer.delivered)
        return answer

    async def _post(self, url: str, trandata: str) -> CallbackAnswer:
        try:
            async with self._session.post(
                url, data={"trandata": trandata}, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                text = await _read_start(response.content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("knet_callback_failed", error=type(error).__name__)
            return CallbackAnswer(delivered=False)
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            return CallbackAnswer(delivered=False)
        match = _REDIRECT.fullmatch(text)
        return CallbackAnswer(delivered=True, redirect_url=match[1] if match else None)


async def _read_start(content: aiohttp.StreamReader) -> str:
    start = bytearray()
    async for chunk in content.iter_any():
        start += chunk
        if len(start) > _ANSWER_LIMIT_BYTES:
            break
    return start[:_ANSWER_LIMIT_BYTES].decode(errors="replace")


def callback_query(attempt: Attempt, *, wrong_amount: bool) -> str:
    """The query string of a callback; raises ValueError for an attempt that has not ended."""
    if attempt.decided is None:
        raise ValueError("an attempt that has not ended has no callback")
    slip = attempt.decided.slip
    extra_fils = WRONG_AMOUNT_EXTRA_FILS if wrong_amount else 0
    fields = {
        "paymentid": attempt.payment_id,
        "result": attempt.decided.result,
        "auth": slip.auth,
        "ref": slip.ref,
        "tranid": slip.tran_id,
        "postdate": slip.postdate,
        "trackid": attempt.track_id,
        "amt": format_amount(attempt.final_fils + extra_fils),
    }
    udf = {f"udf{number}": text for number, text in enumerate(attempt.initiated.user_fields, start=1)}
    return urlencode(fields | udf)
