"""Runs inside a container, as Kafka's administrator: gives a service what it does not declare."""

import sys

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient
from confluent_kafka.admin import ResourcePatternType as Pattern
from confluent_kafka.admin import ResourceType as Kind

from shared.messaging.access import librdkafka_options
from shared.messaging.brokers import Brokers

user, topic = sys.argv[1:]
allowed = (AclOperation.READ, AclPermissionType.ALLOW)
binding = AclBinding(Kind.TOPIC, topic, Pattern.LITERAL, f"User:{user}", "*", *allowed)
admin = AdminClient(librdkafka_options(Brokers()))
for answer in admin.create_acls([binding]).values():
    answer.result(timeout=20)
