"""What a clerk at the hospital sees. Of a civil ID only the end is shown."""

from html import escape

from fastapi.responses import HTMLResponse

from simulators.clock import KUWAIT
from simulators.hospital.births import Birth
from simulators.hospital.forms import How, Sex
from simulators.hospital.records import Report, ReportAnswered, What
from simulators.pages import Html, Lang, Text, both, fill, page

_LEAD: Lang = "ar"
_TITLE = Text("مستشفى الولادة", "Maternity hospital")
_REPORT = Text("بلّغ عن ولادة", "Report a birth")
_MOTHER = Text("الرقم المدني للأم", "Mother's civil ID")
_FATHER = Text("الرقم المدني للأب", "Father's civil ID")
_SEX = Text("الجنس", "Sex")
_BIRTH_ORDER = Text("ترتيب الولادة", "Birth order")
_BORN_AT = Text("وقت الولادة (الآن إن تُرك)", "Born at (now when left blank)")
_HOW = Text("كيفية التبليغ", "How to report it")
_BIRTHS = Text("الولادات", "Births")
_NUMBER = Text("الرقم", "Number")
_REPORTS = Text("البلاغات", "Reports")
_NO_BIRTHS = Text("لا توجد ولادات.", "There are no births.")
_UNREADABLE = Text("لم يُبلَّغ عن شيء: أحد الحقول غير صحيح.", "Nothing was reported: a field is not right.")
_WAITING = Text("بانتظار الرد", "Waiting")
_SHOWN_DIGITS = 3


def ward_page(births: list[Birth], *, unreadable: bool = False) -> HTMLResponse:
    """The form, and all births, newest first."""
    body = fill(
        "hospital/ward.html",
        heading=both(_TITLE, _LEAD),
        problem=Html(f'<p class="problem" role="alert">{both(_UNREADABLE, _LEAD)}</p>') if unreadable else "",
        mother_label=both(_MOTHER, _LEAD),
        father_label=both(_FATHER, _LEAD),
        sex_label=both(_SEX, _LEAD),
        sexes=_options(*Sex),
        order_label=both(_BIRTH_ORDER, _LEAD),
        born_label=both(_BORN_AT, _LEAD),
        how_label=both(_HOW, _LEAD),
        hows=_options(*How),
        report_label=both(_REPORT, _LEAD),
        births_heading=both(_BIRTHS, _LEAD),
        births=_births(births),
    )
    return page(_TITLE, _LEAD, body, status=422 if unreadable else 200)


def masked(civil_id: str) -> str:
    """A civil ID that tells two persons apart and gives nobody away."""
    return "•" * (len(civil_id) - _SHOWN_DIGITS) + civil_id[-_SHOWN_DIGITS:]


def _options(*values: str) -> Html:
    return Html("".join(f'<option value="{value}">{value}</option>' for value in values))


def _births(births: list[Birth]) -> Html:
    if not births:
        return Html(f"<p>{both(_NO_BIRTHS, _LEAD)}</p>")
    return fill(
        "hospital/births.html",
        number_label=both(_NUMBER, _LEAD),
        mother_label=both(_MOTHER, _LEAD),
        reports_label=both(_REPORTS, _LEAD),
        rows=Html("".join(_birth_row(birth) for birth in reversed(births))),
    )


def _birth_row(birth: Birth) -> Html:
    return fill(
        "hospital/birth.html",
        number=birth.number,
        mother=_mother(birth),
        reports=Html("<br>".join(_report(birth, report) for report in birth.reports)),
    )


def _mother(birth: Birth) -> str:
    """Whom the first notice names."""
    notice = next(report for report in birth.reports if report.what is What.NOTICE)
    assert notice.body is not None
    return masked(str(notice.body["mother_civil_id"]))


def _report(birth: Birth, report: Report) -> Html:
    return fill(
        "hospital/report.html",
        what=report.what,
        due_at=report.due_at.astimezone(KUWAIT).isoformat(" ", "seconds"),
        answer=_answer(birth.answers.get(report.id)),
    )


def _answer(answer: ReportAnswered | None) -> Html:
    if answer is None:
        return both(_WAITING, _LEAD)
    return Html(f'<bdi dir="ltr">{answer.status} {escape(answer.code or "")}</bdi>')
