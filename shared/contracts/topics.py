"""Every topic, declared once: who writes it, its partitions, and whether Kafka may compact it."""

from dataclasses import dataclass

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Topic:
    """A Kafka topic. Events are kept for ever; a compacted topic keeps the newest record of each key.

    The records of a `personal` topic are about the person that is their key.
    """

    name: str
    owner: str
    partitions: int = 6
    compacted: bool = False
    personal: bool = False

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka takes them."""
        if not self.compacted:
            return {"cleanup.policy": "delete", "retention.ms": "-1"}
        return {
            "cleanup.policy": "compact",
            "segment.ms": str(6 * HOUR_MS),
            "max.compaction.lag.ms": str(24 * HOUR_MS),  # an erased person's last record is gone within two days
            "delete.retention.ms": str(30 * 24 * HOUR_MS),  # a reader may be away for so long and still see a tombstone
        }


IDENTITY_EVENTS = Topic("identity.events", owner="identity")
IDENTITY_PERSONS = Topic("identity.persons", owner="identity", compacted=True, personal=True)
IDENTITY_KEYS = Topic("identity.keys", owner="identity", partitions=1, compacted=True)
REQUESTS_EVENTS = Topic("requests.events", owner="requests")
PAYMENTS_EVENTS = Topic("payments.events", owner="payments")
NOTIFICATIONS_EVENTS = Topic("notifications.events", owner="notifications")

PROBE = Topic("platform.probe", owner="platform", partitions=1)

TOPICS = (
    IDENTITY_EVENTS,
    IDENTITY_PERSONS,
    IDENTITY_KEYS,
    REQUESTS_EVENTS,
    PAYMENTS_EVENTS,
    NOTIFICATIONS_EVENTS,
    PROBE,
)
