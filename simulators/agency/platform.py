"""The platform as the desk meets it: list tasks, decide one."""

from typing import Final
from urllib.parse import quote

from simulators.agency.records import Decision
from simulators.agency.tasks import Task, TaskPage
from simulators.officer import Officer, understood

_REASON: Final = {
    "ar": "رفضه مكتب المحاكاة.",
    "en": "Rejected by the simulated desk.",
}


class Platform:
    """Tasks, through an officer's connection."""

    def __init__(self, officer: Officer, *, requests_url: str) -> None:
        """Take what is needed."""
        self._officer = officer
        self._requests_url = requests_url

    async def task_page(self, agency: str, cursor: str | None = None) -> TaskPage:
        """One page of the agency's open tasks; raises PlatformAwayError."""
        query = {"state": "open"} | ({"cursor": cursor} if cursor else {})
        answer = await self._officer.call(agency, "GET", f"{self._requests_url}/tasks", params=query)
        page = understood(TaskPage, answer)
        return page.model_copy(update={"items": tuple(task for task in page.items if task.agency == agency)})

    async def decide(self, task: Task, decision: Decision) -> int:
        """Send a decision; answers the HTTP status, below 500. Raises PlatformAwayError."""
        answer = await self._officer.call(
            task.agency,
            "POST",
            f"{self._requests_url}/tasks/{quote(task.id, safe='')}/decision",
            headers={"Idempotency-Key": f'"desk-{task.id}"'},
            json={"decision": decision, "reason": _REASON if decision is Decision.REJECT else None},
        )
        return answer.status
