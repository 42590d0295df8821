"""Creates the declared topics; nothing creates a topic by accident."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.contracts.topics import TOPICS
from shared.messaging.brokers import Brokers

DESIRED_REPLICAS = 3


async def create_topics(brokers: Brokers) -> list[str]:
    """Creates the topics that are missing, replicated as far as there are brokers; returns their names.

    Raises the broker's error for a topic that it refuses: `create_topics` itself raises nothing.
    """
    admin = AIOKafkaAdminClient(**brokers.client_options)
    await _start(admin)
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if topic.name not in existing]
        replicas = min(DESIRED_REPLICAS, len((await admin.describe_cluster())["brokers"]))
        safe = {"min.insync.replicas": str(max(1, replicas - 1))}
        wanted = [
            NewTopic(topic.name, topic.partitions, replicas, topic_configs={**topic.config, **safe})
            for topic in missing
        ]
        if wanted:
            reply = await admin.create_topics(wanted)
            for name, code, *_ in reply.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(name)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _start(admin: AIOKafkaAdminClient) -> None:
    for attempt in range(20):
        try:
            await admin.start()
            return
        except KafkaError:
            if attempt == 19:
                raise
            await asyncio.sleep(0.25)
