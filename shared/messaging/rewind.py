"""Has a service read its topics again from their start: what it knows already its inbox drops."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.functions import Service
from shared.messaging.consumer import group_of


class GroupIsAtWork(Exception):
    """A process of the service runs, and would go on where it is."""


async def rewind(service: Service, bootstrap: str) -> int:
    """Sets the group's place to the start of every topic that the service reads; returns how many partitions that is.

    For a database that was restored from a backup: Kafka remembers a later place than the restored inbox. No effect is
    repeated by it: what comes again is dropped, and what the backup has missed is dealt with as when it first came.
    Raises GroupIsAtWork while a process of the service is a member of the group.
    """
    parts = [TopicPartition(topic.name, number) for topic in service.reads for number in range(topic.partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap.split(","), group_id=group_of(service), enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(parts)
        await consumer.commit(dict.fromkeys(parts, 0))
    except KafkaError as error:
        raise GroupIsAtWork(type(error).__name__) from None
    finally:
        await consumer.stop()
    return len(parts)
