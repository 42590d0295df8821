"""The embedded stack: a real PostgreSQL, a real Apache Kafka and our own processes, on one machine and without root.

Everything listens on 127.0.0.1 only, keeps its data in one directory, and ends with the process that started it.
Linux and macOS.
"""
