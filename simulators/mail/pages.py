"""What a visitor to the mail server sees."""

from fastapi.responses import HTMLResponse

from simulators.clock import KUWAIT
from simulators.mail.ledger_view import MailView, mail_view
from simulators.mail.records import MailReceived
from simulators.pages import Html, Lang, Text, both, fill, page

_LEAD: Lang = "ar"
_TITLE = Text("البريد", "Mail")
_NO_MAIL = Text("لا توجد رسائل.", "There is no mail.")
_HTML_ONLY = Text("لا نص في هذه الرسالة.", "There is no plain text in this message.")
_TO = Text("إلى", "To")


def mail_page(received: list[MailReceived]) -> HTMLResponse:
    """Each copy's plain text, newest first. A stranger's HTML is not shown: it is in the ledger."""
    shown = Html("".join(_mail(mail_view(mail)) for mail in reversed(received)))
    nothing = Html(f'<section class="sheet"><p>{both(_NO_MAIL, _LEAD)}</p></section>')
    return page(_TITLE, _LEAD, fill("mail/mailbox.html", heading=both(_TITLE, _LEAD), mail=shown or nothing))


def _mail(mail: MailView) -> Html:
    return fill(
        "mail/mail.html",
        subject=mail.subject,
        to_label=both(_TO, _LEAD),
        to=", ".join(mail.to),
        at=mail.received_at.astimezone(KUWAIT).isoformat(" ", "seconds"),
        text=both(_HTML_ONLY, _LEAD) if mail.text is None else mail.text,
    )
