"""What the customer sees at the gateway."""

from fastapi.responses import HTMLResponse

from simulators.knet.attempt import Attempt
from simulators.knet.cards import TEST_CARDS, TEST_PIN, Result
from simulators.knet.money import format_amount
from simulators.knet.purchase import Language
from simulators.pages import Html, Lang, Text, both, fill, page

_TITLE = Text("صفحة الدفع", "Payment page")
_AMOUNT = Text("المبلغ", "Amount")
_TRACK_ID = Text("رقم التتبع", "Track id")
_REFERENCE = Text("الرقم المرجعي", "Reference")
_CARD = Text("رقم البطاقة", "Card number")
_PIN = Text("الرقم السري", "PIN")
_PAY = Text("ادفع", "Pay")
_CANCEL = Text("إلغاء", "Cancel")
_TEST_CARDS = Text("بطاقات الاختبار", "Test cards")
_TEST_PIN = Text("الرقم السري لكل البطاقات:", "PIN of every card:")
_RETURN = Text("العودة", "Return")
_UNKNOWN_CARD = Text("تُقبل بطاقات الاختبار فقط. لم يُخصم شيء.", "Only the test cards are accepted. Nothing was charged.")
_UNKNOWN_PAYMENT = Text("لا توجد عملية دفع بهذا الرقم.", "There is no payment with this number.")
_NO_ANSWER = Text("لم يصل رد من البنك في الوقت المحدد.", "The bank did not answer in time.")
_RESULTS = {
    Result.CAPTURED: Text("تم الدفع", "Paid"),
    Result.NOT_CAPTURED: Text("لم يتم الدفع", "Not paid"),
    Result.DECLINED: Text("رفض البنك العملية", "Declined by the bank"),
    Result.RESTRICTED: Text("البطاقة مقيدة", "The card is restricted"),
    Result.CANCELLED: Text("أُلغيت العملية", "Cancelled"),
    Result.TIMEDOUT: Text("انتهت مهلة الدفع", "The time to pay ran out"),
}


def payment_page(attempt: Attempt, *, unknown_card: bool = False) -> HTMLResponse:
    """The form for a card, or the result once there is one."""
    if attempt.decided is not None:
        return _result_page(attempt, attempt.decided.result)
    lead = _lead(attempt)
    body = fill(
        "knet/pay.html",
        heading=both(_TITLE, lead),
        problem=_problem(_UNKNOWN_CARD, lead) if unknown_card else "",
        amount_label=both(_AMOUNT, lead),
        amount=format_amount(attempt.amount_fils),
        track_label=both(_TRACK_ID, lead),
        track_id=attempt.track_id,
        card_label=both(_CARD, lead),
        card_options=_card_options(),
        pin_label=both(_PIN, lead),
        pay_label=both(_PAY, lead),
        cancel_label=both(_CANCEL, lead),
        cards_heading=both(_TEST_CARDS, lead),
        card_rows=_card_rows(lead),
        pin_hint=both(_TEST_PIN, lead),
        test_pin=TEST_PIN,
    )
    return page(_TITLE, lead, body, status=422 if unknown_card else 200)


def no_answer_page(attempt: Attempt) -> HTMLResponse:
    """What a browser gets when the gateway's answer is lost; the card may well have been charged."""
    return _notice(_NO_ANSWER, _lead(attempt), status=504)


def unknown_payment_page() -> HTMLResponse:
    """Nobody asked for this page."""
    return _notice(_UNKNOWN_PAYMENT, "ar", status=404)


def _result_page(attempt: Attempt, result: Result) -> HTMLResponse:
    lead = _lead(attempt)
    body = fill(
        "knet/result.html",
        heading=both(_TITLE, lead),
        mood="good" if result is Result.CAPTURED else "bad",
        verdict=both(_RESULTS[result], lead),
        result=result,
        amount_label=both(_AMOUNT, lead),
        amount=format_amount(attempt.amount_fils),
        track_label=both(_TRACK_ID, lead),
        track_id=attempt.track_id,
        ref_label=both(_REFERENCE, lead),
        ref=(attempt.decided.slip.ref if attempt.decided else "") or "—",
        return_label=both(_RETURN, lead),
        return_url=attempt.return_url,
    )
    return page(_TITLE, lead, body)


def _notice(words: Text, lead: Lang, *, status: int) -> HTMLResponse:
    body = fill("knet/notice.html", heading=both(_TITLE, lead), words=both(words, lead))
    return page(_TITLE, lead, body, status=status)


def _problem(words: Text, lead: Lang) -> Html:
    return Html(f'<p class="problem" role="alert">{both(words, lead)}</p>')


def _card_options() -> Html:
    return Html("".join(f'<option value="{card}">{result}</option>' for card, result in TEST_CARDS.items()))


def _card_rows(lead: Lang) -> Html:
    rows = (
        f'<tr><td><bdi class="number" dir="ltr">{_in_fours(card)}</bdi></td>'
        f"<td>{both(_RESULTS[result], lead)}</td></tr>"
        for card, result in TEST_CARDS.items()
    )
    return Html("".join(rows))


def _in_fours(card: str) -> str:
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))


def _lead(attempt: Attempt) -> Lang:
    return "ar" if attempt.initiated.language is Language.ARABIC else "en"
