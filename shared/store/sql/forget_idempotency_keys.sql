-- Keys are kept long enough for any client's retries.
delete from idempotency_keys where created_at < $1
