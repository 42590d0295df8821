-- What the log has at these places of its aggregates.
select l.aggregate_id, l.sequence, l.id, l.seq
from event_log l join unnest($1::uuid[], $2::bigint[]) as k (aggregate_id, sequence)
  on l.aggregate_id = k.aggregate_id and l.sequence = k.sequence
