-- The chosen events in the order of their recording. $1 to $4 as in chosen_counts; $5 a person whom they name, or null.
select id, type, schema_version, aggregate, aggregate_id, sequence, data, sealed, recorded_at,
       correlation_id, causation_id, actor, on_behalf_of, traceparent
from event_log
where ($1::timestamptz is null or recorded_at >= $1) and ($2::timestamptz is null or recorded_at < $2)
  and ($3::text is null or starts_with(type, $3)) and ($4::uuid[] is null or id = any($4))
  and ($5::uuid is null or aggregate_id = $5 or strpos(data::text, $5::text) > 0 or strpos(actor, $5::text) > 0
       or on_behalf_of = $5::text)
order by seq
