"""Tasks as requests shows them to an officer."""

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Title(BaseModel):
    """A task's name in both languages."""

    model_config = ConfigDict(frozen=True)

    ar: str
    en: str


class Task(BaseModel):
    """One open task. Fields that the desk has no use for are left unread, so that new ones do no harm."""

    model_config = ConfigDict(frozen=True)

    id: str
    request_id: str
    service_id: str
    agency: str
    title: Title
    opened_at: AwareDatetime


class TaskPage(BaseModel):
    """One page of tasks, and where the next one starts."""

    model_config = ConfigDict(frozen=True)

    items: tuple[Task, ...]
    next_cursor: str | None = None
