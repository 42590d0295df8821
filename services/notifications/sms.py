"""Companies that send short messages, by HTTP: implements `SmsCompanies`."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ConfigDict, HttpUrl, SecretStr

from services.notifications.effects import AddressRefused
from shared.kernel.errors import TryLater

_TIMEOUT = aiohttp.ClientTimeout(total=5)


class CompanySettings(BaseModel):
    """Where a company takes messages, the key that it knows us by, and what it signs receipts with.

    `webhook_secrets` are several while one replaces the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: HttpUrl
    api_key: SecretStr
    webhook_secrets: Sequence[SecretStr]


class HttpSmsCompanies:
    """Companies by their names."""

    def __init__(self, companies: Mapping[str, CompanySettings]) -> None:
        self._companies = companies
        self._session: aiohttp.ClientSession | None = None

    async def send(self, provider: str, mobile: str, text: str, reference: UUID) -> None:
        """Hands the message over; the same reference again sends nothing."""
        company = self._companies.get(provider)
        if company is None:
            raise TryLater("no such company is set up any more")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        body = {"to": mobile, "text": text, "reference": str(reference)}
        headers = {"Authorization": f"Bearer {company.api_key.get_secret_value()}"}
        url = f"{str(company.url).rstrip('/')}/messages"
        try:
            async with self._session.post(url, json=body, headers=headers, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"the company is away: {type(error).__name__}") from None
        if status == 422:
            raise AddressRefused("refused-by-company")
        if status >= 300:
            raise TryLater(f"the company answers {status}")

    async def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()
