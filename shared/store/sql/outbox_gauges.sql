-- How much is unpublished, and for how long the oldest has been.
select count(*) as depth, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as oldest_seconds
from outbox
