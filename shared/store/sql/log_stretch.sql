-- A stretch of the log in the order of its recording, of some types: for projecting it again.
select seq, id, aggregate_id, sequence, recorded_at, correlation_id, causation_id, actor, on_behalf_of, traceparent,
       type, schema_version, data, sealed
from event_log where seq > $1 and seq <= $2 and type = any($3::text[]) order by seq
