"""A driving licence renewal from the first look at the catalogue to the message in the inbox."""

import time
from dataclasses import dataclass

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


async def renew(api: Api, civil_id: str, *, officer_is_played: bool, say: Say) -> Renewed:
    """Plays it all. Where the officer is not played, somebody else decides the task."""
    token = await api.sign_in(civil_id=civil_id)
    may_ask = await api.get("requests", "/eligibility", token)
    if not any(found["service_id"] == SERVICE and found["eligible"] == "yes" for found in may_ask):
        raise StackError(f"The person may not ask for {SERVICE}, which the demonstration takes for granted.")
    say("signs in; the platform says that the licence can be renewed")
    began = time.monotonic()
    submission = {"service_id": SERVICE, "form": {"delivery": "digital"}}
    request = await api.post("requests", "/requests", submission, token)
    say(f"submits the renewal: {request['reference']}, fee KWD 10.000")
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
