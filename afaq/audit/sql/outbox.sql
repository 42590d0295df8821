-- What is not published yet, and for how long.
select aggregate, aggregate_id, sequence, extract(epoch from clock_timestamp() - created_at)::float8 as waits_seconds
from outbox
