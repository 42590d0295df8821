"""HTTP for the services' APIs: problems, callers, idempotency, live streams and health."""
