"""HTTP of notifications: a person's inbox and preferences, codes that prove a contact, and companies' receipts."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.notifications.domain.contact import AskCode, Contact, GiveCode, contact, contact_id
from services.notifications.domain.delivery import Arrived, Bounced, delivery
from services.notifications.domain.recipient import ChooseChannels, Preferences, preferences
from services.notifications.queries import Message, attempt_by_reference, find_recipient, messages_of_person
from services.notifications.receipts import Receipts
from shared.contracts.notifications import Channel, Failure
from shared.contracts.personal import Erased
from shared.store.shell import Shell
from shared.web.auth import Caller, Citizen
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.pages import LAST
from shared.web.problems import Problem

router = APIRouter()
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
Outbound = Literal["sms", "email"]
ProviderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class InboxPage(BaseModel):
    """Messages, newest first; `next_before` and `next_before_id` ask for those after them."""

    items: Sequence[Message]
    next_before: datetime | None
    next_before_id: UUID | None


class PreferencesForm(BaseModel):
    """By which channels to be told, the first of them first; without any only in the inbox."""

    model_config = ConfigDict(extra="forbid")

    channels: Annotated[list[Outbound], Field(max_length=2)]


class PreferencesView(BaseModel):
    """By which channels the person is told, besides the inbox."""

    channels: Sequence[Channel]

    @staticmethod
    def of(_: UUID, state: Preferences) -> "PreferencesView":
        """The view of a state."""
        return PreferencesView(channels=() if isinstance(state.channels, Erased) else state.channels)


class CodeForm(BaseModel):
    """Where to send a one-time code."""

    model_config = ConfigDict(extra="forbid")

    channel: Outbound


class GivenCodeForm(CodeForm):
    """The code as it has come."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class ContactView(BaseModel):
    """A channel, and whether a code that was sent by it has come back."""

    channel: Channel
    is_confirmed: bool
    code_expires_at: datetime | None
    mistakes: int

    @staticmethod
    def of(_: UUID, state: Contact) -> "ContactView":
        """The view of a state."""
        return ContactView(
            channel=state.channel,
            is_confirmed=state.is_confirmed and state.code is None,
            code_expires_at=None if state.code is None else state.expires_at,
            mistakes=state.mistakes,
        )


@router.get("/inbox", tags=["inbox"])
async def inbox(
    caller: Citizen,
    shell: TheShell,
    before: Annotated[AwareDatetime, Query()] = NEVER,
    before_id: Annotated[UUID, Query()] = LAST,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> InboxPage:
    """The caller's messages, newest first, and how each was sent besides."""
    try:
        before.astimezone(UTC)
    except OverflowError:
        raise Problem("invalid-request", errors=[{"in": "query", "pointer": "/before", "code": "range"}]) from None
    found = await messages_of_person(shell.parts.pool, caller.id, (before, before_id), limit + 1)
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    return InboxPage(
        items=items, next_before=last.sent_at if last else None, next_before_id=last.delivery_id if last else None
    )


@router.get("/preferences", tags=["preferences"])
async def get_preferences(caller: Citizen, shell: TheShell) -> PreferencesView:
    """By which channels the caller is told."""
    loaded = await shell.state(preferences, caller.id)
    return PreferencesView.of(caller.id, preferences.initial if loaded is None else loaded.state)


@router.put("/preferences", response_model=PreferencesView, tags=["preferences"])
async def choose_channels(form: PreferencesForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Chooses by which channels the caller is told, from the next message on."""
    if len(set(form.channels)) < len(form.channels):
        raise Problem("invalid-request", errors=[{"in": "body", "pointer": "/channels", "code": "twice"}])
    send = preferences.send(caller.id, ChooseChannels(tuple(Channel(name) for name in form.channels)))
    return await perform(shell, send, caller=caller, key=key, answer=PreferencesView.of, status=200)


@router.post("/codes", status_code=202, response_model=ContactView, responses=MAY_BE_UNKNOWN, tags=["contacts"])
async def ask_code(form: CodeForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Sends the caller a one-time code. It goes before all other messages, and is good for five minutes."""
    channel = Channel(form.channel)
    address = await _address_of(caller, channel, shell)
    if address is None:
        raise Problem("no-contact")
    code = f"{secrets.randbelow(1_000_000):06}"
    ask = AskCode(caller.id, channel, code, shell.parts.clock.now(), address)
    send = contact.send(contact_id(caller.id, channel), ask)
    return await perform(shell, send, caller=caller, key=key, answer=ContactView.of, urgent=True)


@router.post("/codes/confirmation", response_model=ContactView, tags=["contacts"])
async def give_code(form: GivenCodeForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Confirms a contact by its code. A wrong one is counted: after five the code is good no more."""
    channel = Channel(form.channel)
    given = GiveCode(form.code, shell.parts.clock.now(), await _address_of(caller, channel, shell))
    send = contact.send(contact_id(caller.id, channel), given)
    return await perform(shell, send, caller=caller, key=key, answer=ContactView.of, status=200)


@router.post(
    "/providers/sms/{provider}",
    status_code=204,
    responses={401: {"description": "Nobody whose key is known has signed it."}},
    tags=["providers"],
)
async def take_receipt(provider: ProviderName, request: Request, shell: TheShell) -> None:
    """A company's receipt for a short message. One that comes again, or late, is no harm."""
    receipts: Receipts | None = request.app.state.receipts.get(provider)
    receipt = None if receipts is None else receipts.read(await request.body(), request.headers)
    if receipt is None:
        raise Problem("receipt-not-genuine")
    found = await attempt_by_reference(shell.parts.pool, provider, receipt.reference)
    if found is None:
        raise Problem("not-found")
    delivery_id, number = found
    if receipt.status == "delivered":
        await shell.handle(delivery.send(delivery_id, Arrived(number)))
    else:
        notice = Bounced(number, Failure(receipt.status), "by-receipt", shell.parts.clock.now())
        await shell.handle(delivery.send(delivery_id, notice))


async def _address_of(caller: Caller, channel: Channel, shell: Shell) -> str | None:
    """Where the channel reaches the caller, as identity tells it."""
    recipient = await find_recipient(shell.parts.pool, caller.id)
    return None if recipient is None else recipient.address(channel)
