"""A driving licence renewal from the first look at the catalogue to the message in the inbox."""

import time
from dataclasses import dataclass
from typing import Any

from afaq.demo.acts import Say, approve, messages_about, pay, until_fulfilled, verify
from afaq.demo.client import Api
from afaq.local.errors import StackError

SERVICE, AGENCY = "driving-licence-renewal", "moi-traffic"


@dataclass(frozen=True)
class Renewed:
    """How a renewal went: seconds from its submission to the document and to the message, people's time included."""

    request_id: str
    to_document_seconds: float
    to_inbox_seconds: float
    messages: int


async def renew(
    api: Api, civil_id: str, *, officer_is_played: bool, say: Say, takes_the_offer: bool = False
) -> Renewed:
    """Plays it all. Where the officer is not played, somebody else decides the task. `takes_the_offer`: the person does
    not ask, but takes what the platform offers before a licence ends.
    """
    token = await api.sign_in(civil_id=civil_id)
    may_ask = await api.get("requests", "/eligibility", token)
    if not any(found["service_id"] == SERVICE and found["eligible"] == "yes" for found in may_ask):
        raise StackError(f"The person may not ask for {SERVICE}, which the demonstration takes for granted.")
    say("signs in; the platform says that the licence can be renewed")
    offer = await api.until(lambda: _offered(api, token), "offer") if takes_the_offer else None
    began = time.monotonic()
    if offer is None:
        submission = {"service_id": SERVICE, "form": {"delivery": "digital"}}
        request = await api.post("requests", "/requests", submission, token)
        say(f"submits the renewal: {request['reference']}, fee KWD 10.000")
    else:
        say(f"was told before asking: “{offer['reason']['en']}”")
        request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, token)
        say(f"renews it with one tap: {request['reference']}, fee KWD 10.000")
    await pay(api, request["payment_id"], token, say)
    if officer_is_played:
        await approve(api, AGENCY, request["id"])
        say("— the traffic department's officer approves")
    done = await until_fulfilled(api, request["id"], token)
    to_document = time.monotonic() - began
    document = await verify(api, done["document_id"], token)
    say(f"has the licence; anyone can verify it with {document['code']}, until {document['valid_until']}")
    messages = await messages_about(api, token, request["id"], until="document-issued")
    say(f"finds {len(messages)} messages in the inbox, the newest: “{messages[0]['title']['en']}”")
    return Renewed(request["id"], to_document, time.monotonic() - began, len(messages))


async def _offered(api: Api, token: str) -> Any:
    offers = (await api.get("requests", "/offers?limit=100", token))["items"]
    return next((offer for offer in offers if offer["service_id"] == SERVICE), None)
