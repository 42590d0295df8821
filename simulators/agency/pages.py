"""What a visitor to the desk sees."""

from fastapi.responses import HTMLResponse

from simulators.agency.switches import Switches
from simulators.agency.tasks import Task
from simulators.pages import Html, Lang, Text, both, fill, page

_LEAD: Lang = "ar"
_TITLE = Text("مكتب الجهة", "Agency desk")
_OPEN_TASKS = Text("المهام المفتوحة", "Open tasks")
_SWITCHES = Text("المفاتيح", "Switches")
_NO_TASKS = Text("لا توجد مهام مفتوحة.", "There are no open tasks.")
_AWAY = Text("المنصة لا تستجيب الآن.", "The platform does not answer now.")
_HOW_TO_SET = Text("تُغيَّر المفاتيح بالطلب التالي:", "The switches are set with:")
_TASK = Text("المهمة", "Task")
_SERVICE = Text("الخدمة", "Service")
_OPENED = Text("فُتحت في", "Opened at")


def desk_page(switches: Switches, tasks: tuple[Task, ...] | None) -> HTMLResponse:
    """The desk; `tasks` is None when the platform could not be asked."""
    body = fill(
        "agency/desk.html",
        heading=both(_TITLE, _LEAD),
        agency=switches.agency,
        tasks_heading=both(_OPEN_TASKS, _LEAD),
        tasks=_tasks(tasks),
        switches_heading=both(_SWITCHES, _LEAD),
        switch_rows=_switch_rows(switches),
        how_to_set=both(_HOW_TO_SET, _LEAD),
        example=switches.model_dump_json(),
    )
    return page(_TITLE, _LEAD, body)


def _tasks(tasks: tuple[Task, ...] | None) -> Html:
    if tasks is None:
        return Html(f'<p class="problem">{both(_AWAY, _LEAD)}</p>')
    if not tasks:
        return Html(f"<p>{both(_NO_TASKS, _LEAD)}</p>")
    rows = Html("".join(_task_row(task) for task in tasks))
    return fill(
        "agency/tasks.html",
        task_label=both(_TASK, _LEAD),
        service_label=both(_SERVICE, _LEAD),
        opened_label=both(_OPENED, _LEAD),
        rows=rows,
    )


def _task_row(task: Task) -> Html:
    return fill(
        "agency/task.html",
        title=both(Text(task.title.ar, task.title.en), _LEAD),
        task_id=task.id,
        service_id=task.service_id,
        opened_at=task.opened_at.isoformat(timespec="seconds"),
    )


def _switch_rows(switches: Switches) -> Html:
    rows = (
        fill("agency/switch.html", name=name, setting=str(setting)) for name, setting in switches.model_dump().items()
    )
    return Html("".join(rows))
