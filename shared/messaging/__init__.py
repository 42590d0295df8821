"""Kafka: publishing what was recorded, and following what the other services record."""
