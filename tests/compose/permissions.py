"""Runs inside a container: what the broker says that its user may do, and which of the given databases it reaches."""

import json
import os
import socket
import sys
from concurrent.futures import Future
from typing import Any

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from shared.contracts.topics import TOPICS
from shared.messaging.access import librdkafka_options
from shared.messaging.brokers import Brokers
from shared.runtime.settings import read_secret_files


def on_topics() -> dict[str, list[str]]:
    """topic -> operations; a topic that one may not even see has none."""
    admin = AdminClient(librdkafka_options(Brokers()))
    names = TopicCollection([topic.name for topic in TOPICS])
    asked = admin.describe_topics(names, include_authorized_operations=True, request_timeout=20)
    return {name: operations(answer) for name, answer in asked.items()}


def operations(answer: "Future[Any]") -> list[str]:
    error = answer.exception(timeout=20)
    return [] if error else sorted(operation.name for operation in answer.result().authorized_operations)


def reaches(host: str, port: str) -> bool:
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError:
        return False
    return True


read_secret_files(os.environ)
places = {place: reaches(*place.split(":")) for place in sys.argv[1:]}
print(json.dumps({"topics": on_topics() if "AFAQ_KAFKA_BOOTSTRAP" in os.environ else {}, "reaches": places}))
