-- Events of the log by their aggregate and sequence.
select l.id, l.type, l.schema_version, l.aggregate, l.aggregate_id, l.sequence, l.data, l.sealed, l.recorded_at,
       l.correlation_id, l.causation_id, l.actor, l.on_behalf_of, l.traceparent
from event_log l
join unnest($1::uuid[], $2::bigint[]) as k (aggregate_id, sequence)
  on l.aggregate_id = k.aggregate_id and l.sequence = k.sequence
