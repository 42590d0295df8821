"""What people do in every story: they pay, officers approve, documents are verified, messages are read."""

import asyncio
from collections.abc import Callable
from typing import Any

from afaq.demo.client import Api
from afaq.local.errors import StackError

Say = Callable[[str], None]


async def pay(api: Api, payment_id: str, token: str, say: Say) -> None:
    """The fee is paid on the bank's hosted page."""
    await api.until(lambda: api.find("payments", f"/payments/{payment_id}", token), "payment for the fee")
    attempt = await api.post("payments", f"/payments/{payment_id}/attempts", None, token)
    if attempt["page_url"] is None:
        attempt = await api.until(lambda: _page(api, payment_id, token), "page of the gateway")
    say("goes to the bank's hosted page, enters card and PIN")
    await api.pay_on_hosted_page(attempt["page_url"])


async def approve(api: Api, agency: str, request_id: str) -> None:
    """An officer of the agency approves the task of a request."""
    officer = await api.sign_in(role=f"officer:{agency}")
    task = await api.until(lambda: _task(api, officer, request_id), "task for the officer")
    await api.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, officer)


async def until_fulfilled(api: Api, request_id: str, token: str) -> Any:
    """The request, once its live stream says that the person has what they asked for."""
    async with asyncio.timeout(90):
        async for event in api.events("requests", f"/requests/{request_id}/stream", token):
            if event["type"] == "requests.request.fulfilled":
                return await api.get("requests", f"/requests/{request_id}", token)
    raise StackError("The live stream of the request ended before the request did.")


async def verify(api: Api, document_id: str, token: str) -> Any:
    """The document, which anyone can verify."""
    document = await api.get("requests", f"/documents/{document_id}", token)
    verified = await api.get("requests", f"/verify/{document['code']}")
    if not (verified["genuine"] and verified["valid"]):
        raise StackError("The issued document does not verify.")
    return document


async def messages_about(api: Api, token: str, about_id: str, *, until: str) -> list[Any]:
    """What the inbox says about a request, once the message of this purpose is there."""

    async def look() -> Any:
        inbox = await api.get("notifications", "/inbox", token)
        about = [message for message in inbox["items"] if message["about_id"] == about_id]
        return about if any(message["purpose"] == until for message in about) else None

    found: list[Any] = await api.until(look, f"message of the purpose {until}")
    return found


async def _page(api: Api, payment_id: str, token: str) -> Any:
    payment = await api.get("payments", f"/payments/{payment_id}", token)
    return payment if payment["page_url"] else None


async def _task(api: Api, officer: str, request_id: str) -> Any:
    page = await api.get("requests", "/tasks?state=open&limit=100", officer)
    return next((task for task in page["items"] if task["request_id"] == request_id), None)
