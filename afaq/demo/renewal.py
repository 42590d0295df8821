"""A driving licence renewal from the first look at the catalogue to the message in the inbox."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from afaq.demo.client import Api
from afaq.local.errors import StackError

SERVICE = "driving-licence-renewal"
OFFICER = "officer:moi-traffic"


@dataclass(frozen=True)
class Renewed:
    """How a renewal went: seconds from its submission to the document and to the message, people's time included."""

    request_id: str
    to_document_seconds: float
    to_inbox_seconds: float
    messages: int


async def renew(api: Api, civil_id: str, *, approve: bool, say: Callable[[str], None]) -> Renewed:
    """Plays it all. With `approve` the officer is played too; else somebody else decides the task."""
    token = await api.sign_in(civil_id=civil_id)
    may_ask = await api.get("requests", "/eligibility", token)
    if not any(found["service_id"] == SERVICE and found["eligible"] == "yes" for found in may_ask):
        raise StackError(f"The person may not ask for {SERVICE}, which the demonstration takes for granted.")
    say("signs in; the platform says that the licence can be renewed")
    began = time.monotonic()
    submission = {"service_id": SERVICE, "form": {"delivery": "digital"}}
    request = await api.post("requests", "/requests", submission, token)
    say(f"submits the renewal: {request['reference']}, fee KWD 10.000")
    await _pay(api, request["payment_id"], token, say)
    if approve:
        await _approve(api, request["id"], say)
    done = await _until_fulfilled(api, request["id"], token)
    to_document = time.monotonic() - began
    await _verify(api, done["document_id"], token, say)
    messages = await api.until(lambda: _told(api, token, request["id"]), "message about the document")
    say(f"finds {len(messages)} messages in the inbox, the newest: “{messages[0]['title']['en']}”")
    return Renewed(request["id"], to_document, time.monotonic() - began, len(messages))


async def _pay(api: Api, payment_id: str, token: str, say: Callable[[str], None]) -> None:
    await api.until(lambda: api.find("payments", f"/payments/{payment_id}", token), "payment for the fee")
    attempt = await api.post("payments", f"/payments/{payment_id}/attempts", None, token)
    if attempt["page_url"] is None:
        attempt = await api.until(lambda: _page(api, payment_id, token), "page of the gateway")
    say("goes to the bank's hosted page, enters card and PIN")
    await api.pay_on_hosted_page(attempt["page_url"])


async def _page(api: Api, payment_id: str, token: str) -> Any:
    payment = await api.get("payments", f"/payments/{payment_id}", token)
    return payment if payment["page_url"] else None


async def _approve(api: Api, request_id: str, say: Callable[[str], None]) -> None:
    officer = await api.sign_in(role=OFFICER)
    task = await api.until(lambda: _task(api, officer, request_id), "task for the officer")
    await api.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, officer)
    say("— the traffic department's officer approves")


async def _task(api: Api, officer: str, request_id: str) -> Any:
    page = await api.get("requests", "/tasks?state=open&limit=100", officer)
    return next((task for task in page["items"] if task["request_id"] == request_id), None)


async def _until_fulfilled(api: Api, request_id: str, token: str) -> Any:
    async with asyncio.timeout(90):
        async for event in api.events("requests", f"/requests/{request_id}/stream", token):
            if event["type"] == "requests.request.fulfilled":
                return await api.get("requests", f"/requests/{request_id}", token)
    raise StackError("The live stream of the request ended before the request did.")


async def _verify(api: Api, document_id: str, token: str, say: Callable[[str], None]) -> None:
    document = await api.get("requests", f"/documents/{document_id}", token)
    verified = await api.get("requests", f"/verify/{document['code']}")
    if not (verified["genuine"] and verified["valid"]):
        raise StackError("The issued document does not verify.")
    say(f"has the licence; anyone can verify it with {document['code']}, until {document['valid_until']}")


async def _told(api: Api, token: str, request_id: str) -> Any:
    inbox = await api.get("notifications", "/inbox", token)
    about = [message for message in inbox["items"] if message["about_id"] == request_id]
    return about if any(message["purpose"] == "document-issued" for message in about) else None
