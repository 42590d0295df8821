"""What the phones show."""

from fastapi.responses import HTMLResponse

from simulators.clock import KUWAIT
from simulators.pages import Html, Lang, Text, both, fill, page
from simulators.sms.fates import ReceiptStatus
from simulators.sms.messages import Message

_LEAD: Lang = "ar"
_TITLE = Text("الهواتف", "Phones")
_NO_MESSAGES = Text("لا توجد رسائل.", "There are no messages.")
_ON_ITS_WAY = Text("في الطريق", "On its way")
_STATUSES = {
    ReceiptStatus.DELIVERED: Text("وصلت", "Delivered"),
    ReceiptStatus.TEMPORARY_FAILURE: Text("تعذّر التسليم مؤقتًا", "Failed for now"),
    ReceiptStatus.PERMANENT_FAILURE: Text("تعذّر التسليم", "Failed"),
}


def phones_page(messages: list[Message]) -> HTMLResponse:
    """Messages by number, newest first; a phone's place is that of its newest message."""
    phones: dict[str, list[Message]] = {}
    for message in reversed(messages):
        phones.setdefault(message.accepted.to, []).append(message)
    shown = Html("".join(_phone(number, on_it) for number, on_it in phones.items()))
    nothing = Html(f'<section class="sheet"><p>{both(_NO_MESSAGES, _LEAD)}</p></section>')
    return page(_TITLE, _LEAD, fill("sms/phones.html", heading=both(_TITLE, _LEAD), phones=shown or nothing))


def _phone(number: str, messages: list[Message]) -> Html:
    return fill("sms/phone.html", number=number, messages=Html("".join(_message(message) for message in messages)))


def _message(message: Message) -> Html:
    accepted = message.accepted
    statuses = [_STATUSES[receipt.status] for receipt in message.receipts] or [_ON_ITS_WAY]
    return fill(
        "sms/message.html",
        text=accepted.text,
        company=accepted.company,
        at=accepted.at.astimezone(KUWAIT).isoformat(" ", "seconds"),
        status=Html(" · ".join(both(status, _LEAD) for status in statuses)),
    )
