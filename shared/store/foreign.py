"""Another service's events as work for the shell, whether they come from Kafka or have waited as a job."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.contracts.envelope import event_in, origin_in
from shared.contracts.topics import Topic
from shared.functions import Service
from shared.store.work import ClaimedJob, Foreign, Work


def foreign_work(service: Service, topic: Topic, envelope: Mapping[str, Any], job: ClaimedJob | None = None) -> Work:
    """The work of following one event: reacting to it where its type means something here, else only its place."""
    foreign = Foreign(topic, UUID(envelope["key"]), envelope["sequence"], envelope)
    if not service.cares_for(envelope["type"]):
        return Work(origin_in(envelope), foreign=foreign, job=job)
    try:
        event = event_in(envelope)
    except Exception as error:  # whatever is wrong with it, it is kept and parked, and its key waits
        return Work(origin_in(envelope), foreign=replace(foreign, trouble=error), job=job)
    return Work(event.caused(), event=event, foreign=foreign, job=job)
