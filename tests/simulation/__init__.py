"""The four services in one process on a simulated database, broker and clock: seeded, and years in seconds.

What runs is the product: its functions, its shell, its job runner, its consumer and its relay. Replaced is what lies
below: PostgreSQL by the statements' meanings over dicts, Kafka by lists, time by a counter (ADR 16).
"""
