-- The next of the chosen events that were published already, in the order of their recording, as they are published.
-- $1 to $4 as in chosen_counts, $5 after and $6 up to which place of the log, $7 how many.
select l.seq, l.id, l.type, l.schema_version, l.aggregate_id, l.sequence, l.data::text as data, l.recorded_at,
       l.correlation_id, l.causation_id, l.actor, l.on_behalf_of, l.traceparent
from event_log l
where l.seq > $5 and l.seq <= $6
  and ($1::timestamptz is null or l.recorded_at >= $1) and ($2::timestamptz is null or l.recorded_at < $2)
  and ($3::text is null or starts_with(l.type, $3)) and ($4::uuid[] is null or l.id = any($4))
  and not exists (select from outbox o where o.aggregate_id = l.aggregate_id and o.sequence = l.sequence)
order by l.seq limit $7
