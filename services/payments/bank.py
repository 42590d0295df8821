"""The bank that pays people for agencies, by HTTP: implements `Bank`."""

from uuid import UUID

import aiohttp

from shared.kernel.errors import TryLater

_TIMEOUT = aiohttp.ClientTimeout(total=10)


class HttpBank:
    """The bank at an address, which knows us by a key."""

    def __init__(self, *, url: str, api_key: str) -> None:
        self._url = f"{url.rstrip('/')}/payments"
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._session: aiohttp.ClientSession | None = None

    async def pay(self, payout: UUID, iban: str, amount_fils: int) -> str | None:
        """The bank's reference; the same payout again pays nothing. None where there is no such account."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers)
        body = {"reference": str(payout), "iban": iban, "amount_fils": amount_fils}
        try:
            async with self._session.post(self._url, json=body, allow_redirects=False) as response:
                if response.status == 422:
                    return None
                if response.status >= 300:
                    raise TryLater(f"the bank answers {response.status}")
                return str((await response.json())["bank_reference"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise TryLater(f"the bank is away: {type(error).__name__}") from None

    async def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()
